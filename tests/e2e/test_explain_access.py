"""Who manages Consents is told which provision of which Consent decides; nobody else is."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.cli.main import build
from tests.e2e.http_gateway import REGISTRAR, STUDY, Http, observation, serving


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    with serving(tmp_path_factory.mktemp("explain")) as found:
        found.put(observation("o-all", found.participant("all").patient, 1))
        found.put(observation("o-norte", found.participant("norte-research-only").patient, 1))
        yield found


def told(http: Http, id: str, question: str) -> dict[str, Any]:
    answer = http.get(f"/Observation/{id}/$explain-access?{question}", client=REGISTRAR)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = {}
    for entry in answer.json()["parameter"]:
        value = next((entry[key] for key in entry if key.startswith("value")), None)
        parts = {
            part["name"]: next(part[key] for key in part if key.startswith("value")) for part in entry.get("part", ())
        }
        found.setdefault(entry["name"], []).append(value if value is not None else parts)
    return found


def test_a_permit_names_the_provision_and_the_version(http: Http) -> None:
    found = told(http, "o-all", "client=research")
    assert (found["decision"], found["reason"]) == (["permit"], ["consent.permitted"])
    [provision] = found["provision"]
    assert provision["effect"] == "permit"
    assert provision["place"].startswith("Consent.provision")
    assert provision["consent"]["reference"].endswith("/_history/1")


def test_a_denial_tells_its_rule(http: Http) -> None:
    assert told(http, "o-norte", "client=research&action=disclose")["decision"] == ["deny"]
    assert told(http, "o-norte", "client=norte-research")["decision"] == ["permit"]


@pytest.mark.parametrize("question", ["client=nobody", "client=research&action=destroy", ""])
def test_a_question_that_is_none_is_refused(http: Http, question: str) -> None:
    assert http.get(f"/Observation/o-all/$explain-access?{question}", client=REGISTRAR).status_code == 400


def test_what_is_not_there_is_not_found(http: Http) -> None:
    asked = "/Observation/never/$explain-access?client=research"
    assert http.get(asked, client=REGISTRAR).status_code == 404


@pytest.mark.parametrize("client", ["ehr-app", "research", "data-manager", "site-app"])
@pytest.mark.parametrize("id", ["o-all", "never"])
def test_nobody_else_may_ask(http: Http, client: str, id: str) -> None:
    answer = http.get(f"/Observation/{id}/$explain-access?client=research", client=client)
    assert answer.status_code == 403


def test_the_question_is_on_record(http: Http) -> None:
    told(http, "o-all", "client=research")
    events = [json.loads(bytes(row.event)) for row in http.gateway.store.rows(STUDY)]
    assert any(one["operation"] == "explain-access" and one["targets"] == ["Observation/o-all"] for one in events)


def test_the_command_says_the_same(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_DATA_DIR", str(http.gateway.settings.data_dir))
    command = ["consent", "explain", "Observation/o-all", "--study", STUDY, "--client", "research"]
    result = CliRunner().invoke(build(), [*command, "--json"])
    assert result.exit_code == 0, result.output
    assert (
        json.loads(result.stdout)
        == http.get("/Observation/o-all/$explain-access?client=research", client=REGISTRAR).json()
    )
    assert "Consent.provision" in CliRunner().invoke(build(), command).stdout
    assert CliRunner().invoke(build(), [*command[:-1], "nobody"]).exit_code == 2
