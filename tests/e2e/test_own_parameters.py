"""SearchParameters in the folder of a study, over HTTP: they hold for that study, and those of another do not."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.http_gateway import BASE, STUDY, Http, observation, serving

CLIENT = "ehr-app"


def parameter(code: str, expression: str) -> str:
    told: dict[str, Any] = {
        "resourceType": "SearchParameter",
        "url": f"urn:own:{code}",
        "name": code,
        "status": "active",
        "code": code,
        "base": ["Observation"],
        "type": "string",
        "expression": expression,
    }
    return json.dumps(told)


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    """An overlay adds one parameter to the demo study, and one to a study that is not installed."""
    assets = tmp_path_factory.mktemp("assets")
    for study, code in ((STUDY, "site-text"), ("other", "method-text")):
        folder = assets / "profiles" / "studies" / study
        folder.mkdir(parents=True)
        element = "bodySite" if study == STUDY else "method"
        (folder / f"{code}.json").write_text(parameter(code, f"Observation.{element}.text"))
    with serving(tmp_path_factory.mktemp("own"), asset_dirs=[assets]) as served:
        patient = served.participant("all").patient
        served.put(observation("left", patient) | {"bodySite": {"text": "Left arm"}, "method": {"text": "Tympanic"}})
        served.put(observation("plain", patient))
        yield served


def ids(http: Http, search: str) -> list[str]:
    return [entry["resource"]["id"] for entry in http.get(f"/Observation?{search}").json().get("entry", [])]


def test_it_finds_in_its_study(http: Http) -> None:
    assert ids(http, "site-text=left") == ["left"]
    assert ids(http, "site-text:missing=true&_sort=_id") == ["plain"]
    assert http.get("/Observation?site-text=left&_summary=count").json()["total"] == 1


def scoped(http: Http, client: str, scope: str, path: str) -> Any:
    known = http.gateway.studies[STUDY].clients[client]
    token = http.gateway.issuer.issue(known, STUDY, 600, [scope])
    return http.ask("GET", BASE + path, headers={"Authorization": f"Bearer {token}"})


@pytest.mark.parametrize(
    ("query", "seen"),
    [("site-text=left", ["left"]), ("site-text:missing=true", ["plain"]), ("site-text:exact=left", [])],
)
def test_a_scope_may_ask_for_it(http: Http, query: str, seen: list[str]) -> None:
    scope = f"system/Observation.rs?{query}"
    found = scoped(http, CLIENT, scope, "/Observation").json().get("entry", [])
    assert [entry["resource"]["id"] for entry in found] == seen
    statuses = {id: scoped(http, CLIENT, scope, f"/Observation/{id}").status_code for id in ("left", "plain")}
    assert statuses == {id: 200 if id in seen else 404 for id in statuses}


def test_a_scope_with_that_of_another_study_permits_nothing(http: Http) -> None:
    assert scoped(http, CLIENT, "system/Observation.rs?method-text=tympanic", "/Observation").status_code == 403


def test_that_of_another_study_is_unknown(http: Http) -> None:
    answer = http.get("/Observation?method-text=tympanic", headers={"Prefer": "handling=strict"})
    assert answer.status_code == 400
    assert answer.json()["issue"][0]["details"]["coding"][0]["code"] == "search.unknown-parameter"


def test_the_capabilities_name_those_of_the_study(http: Http) -> None:
    told = http.get("/metadata").json()["rest"][0]["resource"]
    [entry] = [one for one in told if one["type"] == "Observation"]
    known = {one["name"]: one["definition"] for one in entry["searchParam"]}
    assert known["site-text"] == "urn:own:site-text"
    assert "method-text" not in known
