"""The audit trail over HTTP: why a change was made, and what auditors see."""

from collections.abc import Iterator

import msgspec
import pytest

from gateway.core.event import Event
from tests.e2e.http_gateway import BASE, REGISTRAR, STUDY, Http, observation, rule, serving


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    with serving(tmp_path_factory.mktemp("audit")) as served:
        yield served


def last_event(http: Http) -> Event:
    row = http.gateway.store.last(STUDY)
    assert row
    return msgspec.json.decode(row.event, type=Event)


@pytest.mark.parametrize("why", ["Zahlendreher in der Quelle", "Größe vertauscht, bestätigt", "x" * 200])
def test_the_reason_of_a_change_is_on_record(http: Http, why: str) -> None:
    patient = http.participant("all").patient
    answer = http.put(observation("why", patient, day=len(why) % 20 + 1), X_Change_Reason=why.encode())
    assert answer.status_code in (200, 201)
    assert last_event(http).why == why
    assert last_event(http).patients == (patient,)


@pytest.mark.parametrize("why", [b"", b" ", b"x" * 201, b"\xff\xfe", b"one\ttwo", "\u2028".encode()])
def test_what_is_no_reason_is_refused(http: Http, why: bytes) -> None:
    patient = http.participant("all").patient
    answer = http.put(observation("no-why", patient), X_Change_Reason=why)
    assert (answer.status_code, rule(answer)) == (400, "rest.change-reason")
    assert http.get("/Observation/no-why", REGISTRAR).status_code == 404
    assert http.ask("GET", f"{BASE}/Observation/why", "ehr-app").status_code == 200
