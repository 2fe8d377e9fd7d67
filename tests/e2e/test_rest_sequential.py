"""A transaction comes to the same as its entries one by one, in the order of the specification."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.core import dumps, loads
from gateway.core.types import Resource
from tests.e2e.http_gateway import BASE, REGISTRAR, Http, observation, serving_on

JSON = {"Content-Type": "application/fhir+json"}
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
ORDER = ("DELETE", "POST", "PUT", "PATCH")
NAMES = tuple(f"s{number}" for number in range(6))


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Http, Http]]:
    with (
        serving_on(request, tmp_path_factory.mktemp("together"), lambda: NOW) as together,
        serving_on(request, tmp_path_factory.mktemp("apart"), lambda: NOW) as apart,
    ):
        yield together, apart


def entries(chance: random.Random, patient: str) -> list[Resource]:
    """Writes of different resources, in any order."""
    made = []
    for name in chance.sample(NAMES, chance.randint(1, len(NAMES))):
        method = chance.choice(("DELETE", "PUT", "PUT", "PATCH"))
        request: Resource = {"method": method, "url": f"Observation/{name}"}
        resource = observation(name, patient, chance.randint(1, 28), f"36.{chance.randint(10, 99)}")
        if method == "PATCH":
            change = [{"name": "type", "valueCode": "replace"}, {"name": "path", "valueString": "Observation.status"}]
            value = {"name": "value", "valueCode": chance.choice(("final", "amended"))}
            operation = {"name": "operation", "part": [*change, value]}
            resource = {"resourceType": "Parameters", "parameter": [operation]}
        if chance.random() < 0.1:
            request["ifMatch"] = f'W/"{chance.randint(1, 3)}"'
        made.append({"request": request} | ({} if method == "DELETE" else {"resource": resource}))
    return made


def send(http: Http, kind: str, *made: Resource) -> Any:
    bundle = {"resourceType": "Bundle", "type": kind, "entry": list(made)}
    return http.ask("POST", BASE, REGISTRAR, content=dumps(bundle), headers=JSON)


def state(http: Http) -> list[tuple[int, bytes]]:
    answers = [http.get(f"/Observation/{name}") for name in NAMES]
    return [(answer.status_code, answer.content) for answer in answers]


def test_together_and_one_by_one(both: tuple[Http, Http]) -> None:
    together, apart = both
    patient = together.participant("all").patient
    chance, done = random.Random(20261122), 0
    for _round in range(20):
        made = entries(chance, patient)
        before = state(together)
        answer = send(together, "transaction", *made)
        if answer.status_code != 200:
            assert state(together) == before
            continue
        done += 1
        in_order = sorted(made, key=lambda entry: ORDER.index(entry["request"]["method"]))
        for entry in in_order:
            [reply] = loads(send(apart, "batch", entry).content)["entry"]
            assert reply["response"]["status"][0] == "2"
        assert state(together) == state(apart)
    assert done > 5
