"""Data under a withdrawal with no further use is seen by the retention auditor, who sees no other and only reads."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.core import dumps
from gateway.core.types import Resource
from gateway.study import withdraw
from tests.e2e import two_worlds
from tests.e2e.http_gateway import BASE, REGISTRAR, Http, observation, on_record, rule, serving, settled

AUDITOR = "retention-auditor"
READERS = ("ehr-app", "data-manager", "statistics")
AT = "2026-05-01T00:00:00Z"
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def people(http: Http) -> tuple[str, str]:
    """The Patient ids of who withdraws, and of who does not."""
    first = http.participant("all")
    found = http.gateway.studies["hf-dct-01"].participants
    other = next(one for one in found if one.consent == "all" and one is not first and not one.withdrawn)
    return first.patient, other.patient


def consent(http: Http, patient: str, client: str = REGISTRAR) -> Resource:
    found: Resource = http.get(f"/Consent?patient={patient}", client=client).json()["entry"][0]["resource"]
    return found


def put(http: Http, resource: Resource, **headers: str) -> Any:
    answer = http.put(resource, **headers)
    assert answer.status_code in (200, 201), answer.text
    return answer


def ids(http: Http, client: str, path: str) -> tuple[int, set[str]]:
    """The total and the ids that a search finds."""
    found = http.get(path, client=client).json()
    return found["total"], {entry["resource"]["id"] for entry in found.get("entry", ())}


@contextmanager
def filled(folder: Path, *, live: bool = True) -> Iterator[Http]:
    """A gateway with data of who withdrew, and if `live` of who did not."""
    with serving(folder, lambda: NOW, page_size=3) as http:
        gone, there = people(http)
        for number in (1, 2):
            put(http, observation(f"kept-{number}", gone, number))
            if live:
                put(http, observation(f"h-other-{number}", there, number))
                put(http, observation(f"h-other-{number}", there, number) | {"status": "amended"})
        put(http, withdraw(consent(http, gone), "no-further-use", AT))
        yield http


@pytest.fixture
def http(tmp_path: Path) -> Iterator[Http]:
    with filled(tmp_path) as found:
        yield found


def test_the_auditor_sees_what_nobody_else_does(http: Http) -> None:
    gone, there = people(http)
    assert ids(http, AUDITOR, "/Observation?_total=accurate") == (2, {"kept-1", "kept-2"})
    assert ids(http, AUDITOR, "/Patient?_has:Observation:subject:_id=kept-1&_total=accurate") == (1, {gone})
    for path in (
        f"/Patient/{gone}",
        "/Observation/kept-1",
        "/Observation/kept-1/_history/1",
        "/Observation/kept-1/_history",
    ):
        assert http.get(path, client=AUDITOR).status_code == 200, path
        assert {http.get(path, client=one).status_code for one in READERS} == {404}, path
    assert consent(http, gone, AUDITOR)["status"] == "inactive"
    assert ids(http, AUDITOR, f"/ResearchSubject?individual={gone}&status=withdrawn&_total=accurate")[0] == 1
    for path in (f"/Patient/{there}", "/Observation/h-other-1", "/Observation/h-other-1/_history"):
        assert http.get(path, client=AUDITOR).status_code == 404, path
        assert http.get(path).status_code == 200, path
    for kind in ("Observation", "Patient", "Consent", "ResearchSubject"):
        assert all(
            ids(http, AUDITOR, f"/{kind}?_total=accurate")[1].isdisjoint(
                ids(http, one, f"/{kind}?_total=accurate&_count=100")[1]
            )
            for one in READERS
        )


def test_it_is_on_record_who_looked_and_why(http: Http) -> None:
    before = settled(http)
    http.get("/Observation/kept-1", client=AUDITOR)
    http.get("/Observation", client=AUDITOR)
    told = [one for one in on_record(http, before) if one["client"] == AUDITOR]
    assert [(one["operation"], one["role"], one["purpose"]) for one in told] == [
        ("read", "retention-auditor", "HCOMPL"),
        ("search", "retention-auditor", "HCOMPL"),
    ]
    assert all(one["patients"] == [people(http)[0]] for one in told)


def test_it_only_reads(http: Http) -> None:
    gone, _ = people(http)
    sent: dict[str, Any] = {"content": b"{}", "headers": {"Content-Type": "application/fhir+json"}}
    for path in ("/$export", "/Patient/$export", "/$export?_type=Observation"):
        answer = http.get(path, client=AUDITOR, headers={"Prefer": "respond-async"})
        assert answer.status_code == 403, path
    assert rule(http.get("/Patient/$export?_type=Observation", client=AUDITOR)) == "consent.retention-reads"
    for method, path in (("POST", "/Observation"), ("PUT", "/Observation/kept-1"), ("DELETE", "/Observation/kept-1")):
        assert http.ask(method, BASE + path, AUDITOR, **sent).status_code == 403, (method, path)
    reason = {"resourceType": "Parameters", "parameter": [{"name": "reason", "valueString": "an emergency"}]}
    sent["content"] = dumps(reason)
    assert http.ask("POST", f"{BASE}/Patient/{gone}/$break-glass", AUDITOR, **sent).status_code == 403
    assert http.get(f"/Observation/kept-1/$explain-access?client={AUDITOR}", client=AUDITOR).status_code == 403


def test_it_is_explained(http: Http) -> None:
    def told(id: str, question: str) -> tuple[str, str]:
        answer = http.get(f"/Observation/{id}/$explain-access?client={AUDITOR}{question}", client=REGISTRAR).json()
        found = {entry["name"]: entry.get("valueCode") for entry in answer["parameter"]}
        return found["decision"], found["reason"]

    assert told("kept-1", "") == ("permit", "consent.retained")
    assert told("h-other-1", "") == ("deny", "consent.not-retained")
    for action in ("disclose", "collect"):
        assert {told(id, f"&action={action}") for id in ("kept-1", "h-other-1")} == {
            ("deny", "consent.not-permitted")
        }


def test_what_comes_after_a_new_consent_is_not_kept(http: Http) -> None:
    gone, _ = people(http)
    again = consent(http, gone, AUDITOR) | {"id": "again", "status": "active", "dateTime": "2026-05-20T00:00:00Z"}
    put(http, {name: value for name, value in again.items() if name not in ("meta", "extension")})
    put(http, observation("new", gone) | {"effectiveDateTime": "2026-05-25T08:00:00Z"})
    assert ids(http, AUDITOR, "/Observation?_total=accurate") == (2, {"kept-1", "kept-2"})
    assert http.get(f"/Patient/{gone}", client=AUDITOR).status_code == 404
    assert "new" in ids(http, "ehr-app", "/Observation?_total=accurate&_count=50")[1]


@pytest.mark.parametrize("mode", ["stop-collection", "delete"])
def test_nothing_is_kept_where_nothing_is_out_of_use(http: Http, mode: str) -> None:
    _, there = people(http)
    put(http, withdraw(consent(http, there), mode, AT))
    assert ids(http, AUDITOR, "/Observation?_total=accurate") == (2, {"kept-1", "kept-2"})


def test_data_of_those_who_did_not_withdraw_leave_no_trace(tmp_path: Path) -> None:
    """Two worlds for the auditor: with data of a participant who did not withdraw, and without."""
    with filled(tmp_path / "1") as first, filled(tmp_path / "2", live=False) as second:
        gone, there = people(first)
        told = [
            asked.name
            for asked in two_worlds.asked_by(AUDITOR, gone, [there])
            if two_worlds.answers(first, asked) != two_worlds.answers(second, asked)
        ]
        assert told == []
        seen = two_worlds.Asked("ehr-app", "GET", f"{BASE}/Observation?_total=accurate")
        assert two_worlds.answers(first, seen) != two_worlds.answers(second, seen)
