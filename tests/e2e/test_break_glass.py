"""Breaking the glass: one participant, one client, a reason, a quarter of an hour; reading alone, all on record."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.cli.main import build
from gateway.core import dumps
from gateway.core.resources import Key
from tests.contract.stores import Hand
from tests.e2e.http_gateway import BASE, STUDY, Http, observation, rule, serving

DOCTOR = "ehr-app"
RESEARCHER = "research"
REASON = "unconscious, allergies unknown"
JSON = {"Content-Type": "application/fhir+json"}


@pytest.fixture
def clock() -> Hand:
    return Hand(datetime(2026, 7, 1, 8, tzinfo=UTC))


@pytest.fixture
def http(tmp_path: Path, clock: Hand) -> Iterator[Http]:
    with serving(tmp_path, clock) as found:
        study = found.gateway.studies[STUDY]
        roles: dict[str, object] = study.roles  # type: ignore[assignment]
        roles["researcher"] = replace(study.roles["researcher"], break_glass=True, scopes=("system/*.rs",))
        clients: dict[str, object] = study.clients  # type: ignore[assignment]
        clients[RESEARCHER] = replace(study.clients[RESEARCHER], scopes=("system/*.cruds",))
        for name, patient in (("o-one", one(found)), ("o-two", two(found))):
            assert found.put(observation(name, patient)).status_code == 201
        assert found.get("/Observation/o-one", client=RESEARCHER).status_code == 404
        assert found.get("/Observation/o-two", client=RESEARCHER).status_code == 200
        yield found


def one(http: Http) -> str:
    """Whose Consent permits nothing to the researcher's organisation."""
    return http.participant("norte-research-only").patient


def two(http: Http) -> str:
    """Whose Consent permits everything to everybody."""
    return http.participant("all").patient


def ask(http: Http, patient: str, client: str = RESEARCHER, reason: str | None = REASON) -> Any:
    given = [] if reason is None else [{"name": "reason", "valueString": reason}]
    body = dumps({"resourceType": "Parameters", "parameter": given})
    return http.ask("POST", f"{BASE}/Patient/{patient}/$break-glass", client, content=body, headers=JSON)


def ticket(http: Http, patient: str, client: str = RESEARCHER) -> dict[str, str]:
    answer = ask(http, patient, client)
    assert answer.status_code == 200, answer.text
    return {"X-Break-Glass": answer.json()["parameter"][0]["valueString"]}


def events(http: Http) -> list[dict[str, Any]]:
    return [json.loads(bytes(row.event)) for row in http.gateway.store.rows(STUDY)]


def test_a_ticket_opens_one_participant(http: Http) -> None:
    held = ticket(http, one(http))
    assert http.get("/Observation/o-one", client=RESEARCHER, headers=held).status_code == 200
    assert http.get("/Observation/o-two", client=RESEARCHER, headers=held).status_code == 404
    assert http.get(f"/Patient/{two(http)}", client=RESEARCHER, headers=held).status_code == 404
    found = http.get("/Observation?_total=accurate", client=RESEARCHER, headers=held).json()
    assert (found["total"], [entry["resource"]["id"] for entry in found["entry"]]) == (1, ["o-one"])
    assert http.get("/Consent", client=RESEARCHER, headers=held).json().get("entry", []) == []
    assert http.get("/Observation/o-one", client=RESEARCHER).status_code == 404


def test_everything_is_on_record_with_purpose_and_reason(http: Http) -> None:
    held = ticket(http, one(http))
    before = len(events(http))
    http.get("/Observation/o-one", client=RESEARCHER, headers=held)
    http.get("/Observation", client=RESEARCHER, headers=held)
    http.get("/Observation/o-two", client=RESEARCHER, headers=held)
    http.gateway.trail.wake()
    made = [found for found in events(http) if found["purpose"] == "BTG"]
    assert len(events(http)) >= before + 2
    assert {found["operation"] for found in made} >= {"break-glass", "read", "search"}
    assert all(found["why"] == REASON and found["client"] == RESEARCHER for found in made)
    assert any(found["patients"] == [one(http)] for found in made)


@pytest.mark.parametrize("reason", [None, "", "   ", "x" * 201, "two\nlines"])
def test_without_a_reason_there_is_no_ticket(http: Http, reason: str | None) -> None:
    assert ask(http, one(http), reason=reason).status_code in (400, 422)


def test_a_role_that_may_not_is_refused_on_record(http: Http) -> None:
    answer = ask(http, one(http), client=DOCTOR)
    assert (answer.status_code, rule(answer)) == (403, "consent.break-glass")
    assert [found["outcome"] for found in events(http) if found["purpose"] == "BTG"] == ["denied"]


def test_a_role_that_may_no_longer_is_refused(http: Http) -> None:
    held = ticket(http, one(http))
    roles: dict[str, object] = http.gateway.studies[STUDY].roles  # type: ignore[assignment]
    roles["researcher"] = replace(http.gateway.studies[STUDY].roles["researcher"], break_glass=False)
    assert http.get("/Observation/o-one", client=RESEARCHER, headers=held).status_code == 403


def test_a_ticket_ends(http: Http, clock: Hand) -> None:
    held = ticket(http, one(http))
    clock.now += timedelta(seconds=899)
    assert http.get("/Observation/o-one", client=RESEARCHER, headers=held).status_code == 200
    clock.now += timedelta(seconds=1)
    answer = http.get("/Observation/o-one", client=RESEARCHER, headers=held)
    assert (answer.status_code, rule(answer)) == (403, "consent.break-glass")


def test_a_ticket_is_of_its_client_and_not_made_up(http: Http) -> None:
    held = ticket(http, one(http))
    assert http.get("/Observation/o-one", client="norte-research", headers=held).status_code == 403
    for made in ("x" * 60, "", held["X-Break-Glass"][:-4]):
        sent = {"X-Break-Glass": made}
        assert http.get("/Observation/o-one", client=RESEARCHER, headers=sent).status_code == 403


def test_a_ticket_neither_writes_nor_exports(http: Http) -> None:
    held = ticket(http, one(http))
    body = dumps(observation("o-one", one(http), 2))
    put = http.ask("PUT", f"{BASE}/Observation/o-one", RESEARCHER, content=body, headers=held | JSON)
    assert put.status_code == 403
    for method, path in (("DELETE", "/Observation/o-one"), ("POST", "/Observation/_search"), ("POST", "")):
        assert http.ask(method, BASE + path, RESEARCHER, headers=held | JSON, content=b"{}").status_code == 403
    for path in (
        "/$export",
        "/Patient/$export",
        "/Patient/$everything",
        "/Group/g/$everything",
        "/ResearchStudy/x/$everything",
        "/Observation/$stats",
        f"/Patient/{one(http)}/$disclosures",
        f"/Patient/{one(http)}%23/$everything",
        f"/Patient/{one(http)}%3F/$export",
        f"/Patient/{one(http)}/%24disclosures",
    ):
        assert http.get(path, client=RESEARCHER, headers=held).status_code == 403
    everything = f"/Patient/{one(http)}/$everything"
    posted = http.ask("POST", BASE + everything, RESEARCHER, headers=held | JSON, content=b"{}")
    assert posted.status_code == 403
    history = [row.version for row in http.gateway.store.history(Key(STUDY, "Observation", "o-one"), None)]
    assert history == [1]


def test_it_opens_what_reads_a_record_whole(http: Http) -> None:
    held, patient = ticket(http, one(http)), one(http)
    record = f"/Patient/{patient}/$everything"
    newest = f"/Observation/$lastn?patient={patient}&code=8310-5&max=1"
    assert http.get(record, client=RESEARCHER).status_code == 404
    found = http.get(record, client=RESEARCHER, headers=held)
    assert found.status_code == 200, found.text
    types = {entry["resource"]["resourceType"] for entry in found.json()["entry"]}
    assert "Observation" in types
    assert "Consent" not in types
    assert two(http) not in found.text
    assert http.get(f"/Patient/{two(http)}/$everything", client=RESEARCHER, headers=held).status_code == 404
    for path in (newest, newest.replace(patient, two(http))):
        answer = http.get(path, client=RESEARCHER, headers=held)
        assert answer.status_code == 200, answer.text
        ids = [entry["resource"]["id"] for entry in answer.json().get("entry", ())]
        assert ids == (["o-one"] if path is newest else [])
    http.gateway.trail.wake()
    made = {found["operation"] for found in events(http) if found["purpose"] == "BTG" and found["why"] == REASON}
    assert made >= {"everything", "lastn"}


def end(http: Http, patient: str, client: str, **given: str) -> Any:
    told = [{"name": name, "valueString": value} for name, value in given.items()]
    body = dumps({"resourceType": "Parameters", "parameter": told})
    return http.ask("POST", f"{BASE}/Patient/{patient}/$break-glass-end", client, content=body, headers=JSON)


def given_out(http: Http) -> tuple[dict[str, str], dict[str, str]]:
    """A ticket as a header, and its parts by name."""
    parts = {one["name"]: one.get("valueString", "") for one in ask(http, one(http)).json()["parameter"]}
    return {"X-Break-Glass": parts["ticket"]}, parts


@pytest.mark.parametrize(
    ("client", "name"),
    [(RESEARCHER, "ticket"), ("registrar", "id"), ("auditor", "id"), ("clinic-auditor", "id")],
)
def test_a_ticket_is_taken_back(http: Http, client: str, name: str) -> None:
    held, parts = given_out(http)
    other = ticket(http, one(http))
    assert http.get("/Observation/o-one", client=RESEARCHER, headers=held).status_code == 200
    ended = end(http, one(http), client, **{name: parts[name]})
    assert (ended.status_code, rule(ended)) == (200, "consent.break-glass-ended")
    answer = http.get("/Observation/o-one", client=RESEARCHER, headers=held)
    assert (answer.status_code, rule(answer)) == (403, "consent.break-glass")
    assert http.get("/Observation/o-one", client=RESEARCHER, headers=other).status_code == 200
    told = [found for found in events(http) if found["operation"] in ("break-glass", "break-glass-end")]
    named = [found for found in told if found["targets"] == [f"break-glass:{parts['id']}"]]
    assert [(found["operation"], found["client"]) for found in named] == [
        ("break-glass", RESEARCHER),
        ("break-glass-end", client),
    ]
    assert end(http, one(http), client, **{name: parts[name]}).status_code == 200
    served = {event.operation for event in http.gateway.audit.disclosures(STUDY, one(http))}
    assert "read" in served
    assert not any(operation.startswith("break-glass") for operation in served)


def test_nobody_else_takes_a_ticket_back(http: Http) -> None:
    held, parts = given_out(http)
    wrong = [
        (RESEARCHER, {"id": parts["id"]}),
        (DOCTOR, {"id": parts["id"]}),
        (DOCTOR, {"ticket": parts["ticket"]}),
        ("registrar", {"ticket": parts["ticket"]}),
        ("registrar", {"id": parts["id"], "ticket": parts["ticket"]}),
        ("registrar", {"id": "Zzcanary"}),
        ("registrar", {"id": parts["id"] + "0"}),
        ("registrar", {}),
        (RESEARCHER, {"ticket": parts["ticket"][:-2]}),
    ]
    for client, given in wrong:
        answer = end(http, one(http), client, **given)
        assert (answer.status_code, rule(answer)) == (403, "consent.break-glass"), (client, given)
    assert end(http, two(http), RESEARCHER, ticket=parts["ticket"]).status_code == 403
    assert http.get("/Observation/o-one", client=RESEARCHER, headers=held).status_code == 200
    assert "Zzcanary" not in json.dumps(events(http))


def test_the_address_of_an_ended_ticket_is_not_written_down(http: Http) -> None:
    _, parts = given_out(http)
    for patient in ("777-canary", two(http)):
        assert end(http, patient, "registrar", id=parts["id"]).status_code == 200
    [*_, last] = [found for found in events(http) if found["operation"] == "break-glass-end"]
    assert last["patients"] == []
    assert "777-canary" not in json.dumps(events(http))


def test_a_participant_who_was_deleted_stays_deleted(http: Http) -> None:
    patient = one(http)
    held = ticket(http, patient)
    study = http.gateway.studies[STUDY]
    found = study.consent_of(study.by_patient[patient])
    url = "urn:trial-fhir-gateway:extension:withdrawal"
    mode = {"url": url, "extension": [
        {"url": "mode", "valueCode": "delete"}, {"url": "at", "valueInstant": "2026-07-01T08:00:00Z"}]}  # fmt: skip
    assert http.put({**found, "status": "inactive", "extension": [mode]}).status_code == 200
    assert ask(http, patient).status_code in (404, 410)
    for path in ("/Observation/o-one", f"/Patient/{patient}", f"/Consent/{found['id']}"):
        assert http.get(path, client=RESEARCHER, headers=held).status_code in (404, 410)
    for type in ("Observation", "Patient", "Consent", "ResearchSubject"):
        assert "entry" not in http.get(f"/{type}", client=RESEARCHER, headers=held).json()


def test_an_absent_participant_is_as_one_of_another_site(http: Http) -> None:
    study = http.gateway.studies[STUDY]
    clients: dict[str, object] = study.clients  # type: ignore[assignment]
    clients[RESEARCHER] = replace(study.clients[RESEARCHER], site="301")
    http.gateway.clients._known.clear()  # as a restart does
    assert study.by_patient[one(http)].site != "301"
    assert ask(http, one(http)).status_code == ask(http, "nobody").status_code == 404


def test_the_command_lists_what_was_read(tmp_path: Path, http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    held = ticket(http, one(http))
    http.get("/Observation/o-one", client=RESEARCHER, headers=held)
    http.get("/Observation/o-one", client=DOCTOR)
    http.gateway.trail.wake()
    monkeypatch.setenv("GATEWAY_DATA_DIR", str(tmp_path))
    result = CliRunner().invoke(build(), ["audit", "break-glass", "--study", STUDY, "--json"])
    assert result.exit_code == 0, result.output
    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(told) >= 3
    assert all("BTG" in json.dumps(event) and REASON in json.dumps(event) for event in told)
