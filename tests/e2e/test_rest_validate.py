"""$validate over HTTP: what a write would be told, without a write."""

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.core import dumps
from gateway.core.types import Resource
from tests.e2e.http_gateway import BASE, Http, observation, rule, serving

HEART_RATE = "http://hl7.org/fhir/StructureDefinition/heartrate"


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    with serving(tmp_path_factory.mktemp("validate")) as served:
        yield served


@pytest.fixture
def patient(http: Http) -> str:
    return http.participant("all").patient


def ask(http: Http, path: str, body: Resource, client: str = "ehr-app") -> Any:
    headers = {"Content-Type": "application/fhir+json"}
    return http.ask("POST", BASE + path, client, content=dumps(body), headers=headers)


def rules(answer: Any) -> list[str]:
    """The rules of the errors in an outcome."""
    assert answer.status_code == 200, answer.content
    assert answer.json()["resourceType"] == "OperationOutcome"
    return [entry["details"]["coding"][0]["code"] for entry in answer.json()["issue"] if entry["severity"] == "error"]


def wrapped(resource: Resource, **codes: str) -> Resource:
    entries: list[Resource] = [{"name": "resource", "resource": resource}]
    entries += [
        {"name": name, ("valueUri" if name == "profile" else "valueCode"): text} for name, text in codes.items()
    ]
    return {"resourceType": "Parameters", "parameter": entries}


def test_a_bare_resource_is_judged_and_not_stored(http: Http, patient: str) -> None:
    assert rules(ask(http, "/Observation/$validate", observation("judged", patient))) == []
    wrong = observation("judged", patient) | {"status": "nonsense"}
    assert "conformance.binding-required" in rules(ask(http, "/Observation/$validate", wrong))
    assert http.get("/Observation/judged").status_code == 404


def test_a_profile_is_asked_for(http: Http, patient: str) -> None:
    resource = observation("a", patient)
    assert rules(ask(http, f"/Observation/$validate?profile={HEART_RATE}", resource)) != []
    assert rules(ask(http, "/Observation/$validate", wrapped(resource, profile=HEART_RATE, mode="profile"))) != []
    unknown = ask(http, "/Observation/$validate", wrapped(resource, profile="urn:nobody"))
    assert rules(unknown) == ["conformance.profile-unknown"]


def test_what_is_stored_is_judged_at_its_address(http: Http, patient: str) -> None:
    http.put(observation("here", patient))
    assert rules(http.get("/Observation/here/$validate")) == []
    assert rules(http.get(f"/Observation/here/$validate?profile={HEART_RATE}")) != []
    assert rules(http.get("/Observation/here/$validate?mode=delete")) == []
    assert http.get("/Observation/nowhere/$validate").status_code == 404
    assert http.get("/Observation/nowhere/$validate?mode=delete").status_code == 404


@pytest.mark.parametrize(
    ("path", "codes", "expected"),
    [
        ("/Observation/$validate", {"mode": "guess"}, "rest.parameter-value"),
        ("/Observation/$validate", {"mode": "update"}, "rest.parameter-value"),
        ("/Observation/$validate", {"mode": "profile"}, "rest.parameter-missing"),
        ("/Observation/b/$validate", {"mode": "update"}, "rest.id-differs"),
        ("/Patient/$validate", {}, "rest.type-differs"),
    ],
)
def test_what_cannot_be_asked(http: Http, patient: str, path: str, codes: dict[str, str], expected: str) -> None:
    answer = ask(http, path, wrapped(observation("a", patient), **codes))
    assert (answer.status_code, rule(answer)) == (400, expected)


def test_without_a_resource_there_is_nothing_to_judge(http: Http) -> None:
    answer = http.get("/Observation/$validate")
    assert (answer.status_code, rule(answer)) == (400, "rest.parameter-missing")
