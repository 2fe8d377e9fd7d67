"""How much a write asks of the database: counted statements, which do not grow with what comes in one unit.

Statements about the audit trail are left out: its thread joins the events of several callers as they come.
"""

import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from benchmarks.demo_study import SOURCE, VENDOR_USER, heart_rate_payload
from gateway.core import dumps
from gateway.store.sql.time_limit import LimitedConnection
from tests.e2e.http_gateway import BASE, STUDY, Http, observation, serving

WRITER = "site-app"
CREATE = 20
"""How many statements one create takes at most."""

JSON = {"Content-Type": "application/fhir+json"}


class Counting:
    """The texts of the statements that connections were given; one with many rows is one."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def connect(self, connect: Callable[..., sqlite3.Connection]) -> Callable[..., sqlite3.Connection]:
        texts = self.texts

        class Noted(LimitedConnection):
            def execute(self, text: str, *rest: Any) -> sqlite3.Cursor:
                texts.append(text)
                return super().execute(text, *rest)

            def executemany(self, text: str, *rest: Any) -> sqlite3.Cursor:
                texts.append(text)
                return super().executemany(text, *rest)

        return lambda *given, **options: connect(*given, **{**options, "factory": Noted})

    def of(self, action: Callable[[], object]) -> int:
        """How many statements about data an action takes."""
        self.texts.clear()
        action()
        begun = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")
        return sum(text.lstrip().startswith(begun) and "audit" not in text for text in self.texts)


@pytest.fixture(scope="module")
def counting() -> Counting:
    return Counting()


@pytest.fixture(scope="module")
def http(counting: Counting, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite3.dbapi2, "connect", counting.connect(sqlite3.connect))
        with serving(tmp_path_factory.mktemp("counted")) as served:
            yield served


def _made(number: int, http: Http) -> dict[str, Any]:
    patient = http.participant("all").patient
    made = observation("unused", patient, 1 + number % 28, f"36.{number:02}")
    return {name: value for name, value in made.items() if name != "id"}


def _create(http: Http, number: int) -> None:
    answer = http.ask("POST", f"{BASE}/Observation", WRITER, content=dumps(_made(number, http)), headers=JSON)
    assert answer.status_code == 201


def _transact(http: Http, size: int, first: int) -> None:
    request = {"method": "POST", "url": "Observation"}
    entries = [{"resource": _made(first + number, http), "request": request} for number in range(size)]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    answer = http.ask("POST", BASE, WRITER, content=dumps(bundle), headers=JSON)
    assert answer.status_code == 200, answer.text


def _deliver(http: Http, size: int, number: int) -> None:
    study, ingest = http.gateway.studies[STUDY], http.gateway.ingest
    client = study.client_of(SOURCE)
    assert client is not None
    body = heart_rate_payload(number, size)
    payload = ingest.payload(STUDY, SOURCE, body, "application/json", {"vendorUserId": VENDOR_USER})
    assert ingest.process(ingest.receive(payload, study.principal(client))).status == "stored"


def test_a_create_takes_few_statements(http: Http, counting: Counting) -> None:
    _create(http, 0)
    first, second = counting.of(lambda: _create(http, 1)), counting.of(lambda: _create(http, 2))
    assert 5 < first == second <= CREATE


def test_a_transaction_takes_as_many_for_more_resources(http: Http, counting: Counting) -> None:
    _transact(http, 2, 0)
    small, large = counting.of(lambda: _transact(http, 2, 5)), counting.of(lambda: _transact(http, 20, 10))
    assert small == large
    assert 5 < small <= CREATE


def test_a_payload_takes_as_many_for_more_samples(http: Http, counting: Counting) -> None:
    _deliver(http, 5, 0)
    small, large = counting.of(lambda: _deliver(http, 5, 100)), counting.of(lambda: _deliver(http, 50, 20))
    assert 5 < large <= small <= 2 * CREATE
