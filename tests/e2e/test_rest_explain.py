"""`_explain`: how a search is run, for operators alone, with nothing about participants in it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.e2e.http_gateway import BASE, STUDY, Http, observation, rule, serving

OPERATOR = "data-manager"
SECRETS = ("only-secret", "36.6", "seen-1", "8310-5")
SEARCHES = (
    "identifier=urn:test|only-secret",
    "code=8310-5&_sort=-date",
    "code=never&date=gt2026-03-01",
    "value-quantity=36.6||Cel&_include=Observation:subject",
    "patient.identifier=urn:test|only-secret&_total=accurate",
    "_has:Provenance:target:_id=seen-1&code:not=8310-5",
    "_sort=value-quantity&_count=3&device:missing=true",
)


def operated(http: Http) -> Http:
    study = http.gateway.studies[STUDY]
    roles: dict[str, object] = study.roles  # type: ignore[assignment]
    roles[OPERATOR] = replace(study.roles[OPERATOR], operates=True)
    return http


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    with serving(tmp_path_factory.mktemp("explain")) as served:
        assert served.put(observation("seen-1", served.participant("all").patient)).status_code == 201
        yield operated(served)


def told(answer: Any, name: str) -> list[Any]:
    return [one for one in answer.json()["parameter"] if one["name"] == name]


@pytest.mark.parametrize("search", SEARCHES)
def test_an_operator_sees_the_plan_and_no_value(http: Http, search: str) -> None:
    answer = http.get(f"/Observation?{search}&_explain=true", client=OPERATOR)
    assert answer.status_code == 200, answer.text
    assert answer.json()["resourceType"] == "Parameters"
    assert told(answer, "query")[0]["valueString"] == "types Observation"
    statements = [[part["name"] for part in one["part"]] for one in told(answer, "statement")]
    assert statements
    assert all(parts[0] == "sql" and "plan" in parts for parts in statements)
    for secret in SECRETS:
        assert secret not in answer.text
    assert http.gateway.engines.validator.validate(answer.json()) == []


@pytest.mark.parametrize("client", ["ehr-app", "research", "registrar"])
def test_nobody_else_does(http: Http, client: str) -> None:
    answer = http.get("/Observation?code=8310-5&_explain=true", client=client)
    assert (answer.status_code, rule(answer)) == (403, "search.explain-role")


def test_an_operator_is_asked_for_the_scope_to_search(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    study = http.gateway.studies[STUDY]
    limited = replace(study.clients[OPERATOR], scopes=("system/Device.rs",))
    monkeypatch.setitem(study.clients, OPERATOR, limited)  # type: ignore[arg-type]
    answer = http.get("/Observation?code=8310-5&_explain=true", client=OPERATOR)
    assert (answer.status_code, rule(answer)) == (403, "auth.scope")
    assert http.get("/Device?_explain=true", client=OPERATOR).status_code == 200


@pytest.mark.parametrize("value", ["", "yes", "true&_explain=true"])
def test_it_is_asked_for_in_one_way(http: Http, value: str) -> None:
    assert http.get(f"/Observation?_explain={value}", client=OPERATOR).status_code == 400


def test_every_way_to_search_explains(http: Http) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    patient = http.participant("all").patient
    for path in ("", "/Observation", f"/Patient/{patient}/Observation", f"/Patient/{patient}/*"):
        asked = http.ask("GET", f"{BASE}{path}?_explain=true", OPERATOR)
        posted = http.ask("POST", f"{BASE}{path}/_search", OPERATOR, content="_explain=true", headers=form)
        assert asked.status_code == posted.status_code == 200, (path, asked.text, posted.text)
        assert told(asked, "statement") == told(posted, "statement") != []
