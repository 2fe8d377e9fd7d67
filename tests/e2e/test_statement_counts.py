"""How many SQL statements an interaction takes: the same, however much there is and however large the page.

Counted are those that touch resources, of the request itself: the audit trail, exports and requests that wait have
threads of their own, and clients are looked up now and then.
"""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from sqlalchemy.event import listen

from gateway.core import dumps
from gateway.store.sql.database import Database
from tests.e2e.http_gateway import BASE, REGISTRAR, Http, observation, serving_on

JSON = {"Content-Type": "application/fhir+json"}
SYSTEM = "urn:test:counts"
RESOURCES = re.compile(r"\b(resource|version|replaced|version_pair|search_\w+)\b")


class Count:
    """The statements about resources, without those of the threads that work beside requests."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def add(self, text: str) -> None:
        if RESOURCES.search(text) and threading.current_thread().name not in ("audit", "export", "requests"):
            self.texts.append(text)


class Counted:
    """A driver's connection that counts what it is asked to execute."""

    def __init__(self, driver: Any, count: Count) -> None:
        self._driver = driver
        self._count = count

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)

    def execute(self, text: str, *values: Any) -> Any:
        self._count.add(text)
        return self._driver.execute(text, *values)

    def executemany(self, text: str, values: Any) -> Any:
        self._count.add(text)
        return self._driver.executemany(text, values)


@pytest.fixture(scope="module")
def count() -> Count:
    return Count()


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def http(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, count: Count) -> Iterator[Http]:
    connect = Database.connect

    def counted(database: Database, *pragmas: Any) -> Any:
        return Counted(connect(database, *pragmas), count)

    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(Database, "connect", counted)
        served = stack.enter_context(serving_on(request, tmp_path_factory.mktemp("counts"), page_limit=1000))
        listen(
            served.gateway.store.database.engine,
            "before_cursor_execute",
            lambda _connection, _cursor, text, *_rest: count.add(text),
        )
        yield served


def requests(patient: str, value: int) -> dict[str, tuple[str, str, Any, dict[str, str]]]:
    """Name -> method, path, body and headers; what they do can be done again."""
    named = observation("x", patient) | {"identifier": [{"system": SYSTEM, "value": "one"}]}
    del named["id"]
    patched = [{"op": "replace", "path": "/valueQuantity/value", "value": value}]
    kind = {"Content-Type": "application/json-patch+json"}
    includes = "_include=Observation:subject&_revinclude=Provenance:target&_revinclude=Observation:derived-from"
    return {
        "read": ("GET", "Observation/o-0", None, {}),
        "vread": ("GET", "Observation/o-0/_history/1", None, {}),
        "search": ("GET", "Observation?code=8310-5&_count=500&_sort=-date", None, {}),
        "search with includes": ("GET", f"Observation?code=8310-5&_count=500&{includes}", None, {}),
        "search back": ("GET", f"Patient?_id={patient}&_revinclude=*", None, {}),
        "search with a total": ("GET", "Observation?status=final,amended&_total=accurate", None, {}),
        "history": ("GET", "Observation/o-0/_history?_count=500", None, {}),
        "history of a type": ("GET", "Observation/_history?_count=500", None, {}),
        "conditional create": ("POST", "Observation", named, {**JSON, "If-None-Exist": f"identifier={SYSTEM}|one"}),
        "patch": ("PATCH", "Observation/o-0", patched, kind),
        "everything": ("GET", f"Patient/{patient}/$everything?_count=500", None, {}),
        "newest": ("GET", f"Observation/$lastn?patient={patient}&category=vital-signs", None, {}),
    }


def counted(http: Http, count: Count, asked: tuple[str, str, Any, dict[str, str]]) -> tuple[list[str], int]:
    """The statements of a request, and the bytes that it was answered by."""
    method, path, body, headers = asked
    content = None if body is None else json.dumps(body) if isinstance(body, list) else dumps(body)
    count.texts = []
    answer = http.ask(method, f"{BASE}/{path}", REGISTRAR, content=content, headers=headers)
    assert answer.status_code in (200, 201), answer.text
    return list(count.texts), len(answer.content)


def fill(http: Http, patient: str, start: int, end: int) -> None:
    for number in range(start, end):
        made = observation(f"o-{number}", patient, 1 + number % 28)
        if number:
            made["derivedFrom"] = [{"reference": f"Observation/o-{number - 1}"}]
        assert http.put(made).status_code == 201
        again = observation("o-0", patient, 1, f"36.{number}0")
        assert http.put(again).status_code in (200, 201)


def test_the_number_of_statements_does_not_grow_with_the_data(http: Http, count: Count) -> None:
    patient = http.participant("all").patient
    fill(http, patient, 0, 3)
    for one in requests(patient, 36).values():
        counted(http, count, one)  # what is kept for the next time is kept now
    few = {name: counted(http, count, one) for name, one in requests(patient, 37).items()}
    fill(http, patient, 3, 40)
    many = {name: counted(http, count, one) for name, one in requests(patient, 38).items()}
    assert {name: len(texts) for name, (texts, _) in many.items()} == {
        name: len(texts) for name, (texts, _) in few.items()
    }
    grown = {name for name, (_, size) in many.items() if size > 2 * few[name][1]}
    assert grown >= {"search", "search with includes", "search back", "history", "history of a type", "everything"}
    assert all(texts for texts, _ in few.values())
    assert max(len(few[name][0]) for name in ("read", "vread")) <= 3
