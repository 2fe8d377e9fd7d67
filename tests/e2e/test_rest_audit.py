"""The audit trail over HTTP: why a change was made, and what auditors see."""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.audit import held, is_all
from gateway.core.event import MAX_TARGETS, Event
from tests import warm
from tests.e2e.http_gateway import BASE, REGISTRAR, STUDY, Http, observation, on_record, rule, serving, settled
from tests.unit.audit.balp import PREFIX, faults


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
    assert http.put(observation("why", patient)).status_code in (200, 201)
    answer = http.put(observation("no-why", patient), X_Change_Reason=why)
    assert (answer.status_code, rule(answer)) == (400, "rest.change-reason")
    assert http.get("/Observation/no-why", REGISTRAR).status_code == 404
    assert http.ask("GET", f"{BASE}/Observation/why", "ehr-app").status_code == 200


def test_where_a_search_came_from_and_what_it_asked_are_on_record(http: Http) -> None:
    assert http.get("/Observation?code=8867-4&subject=Patient/smith").status_code == 200
    event = last_event(http)
    assert event.query == "Observation?code=8867-4&subject=*"
    assert event.network
    found = http.get("/AuditEvent?subtype=search&_count=1", "clinic-auditor").json()["entry"][0]["resource"]
    assert found["meta"]["profile"] == [f"{PREFIX}Query"]
    assert faults(found) == []


AUDITORS = {"auditor": "sponsor", "clinic-auditor": "telecare"}


def entries(http: Http, query: str, auditor: str = "clinic-auditor") -> list[dict[str, Any]]:
    """All AuditEvents of a search, through its pages."""
    found: list[dict[str, Any]] = []
    path = f"/AuditEvent?{query}"
    while path:
        answer = http.get(path, auditor)
        assert answer.status_code == 200, answer.text
        bundle = answer.json()
        found += [entry["resource"] for entry in bundle.get("entry", ())]
        onward = [link["url"] for link in bundle["link"] if link["relation"] == "next"]
        path = onward[0].partition("/fhir")[2] if onward else ""
    return found


def operations(found: list[dict[str, Any]]) -> list[str]:
    return [event["subtype"][-1]["code"] for event in found]


@pytest.fixture(scope="module")
def visited(http: Http) -> Http:
    """Every kind of event of the clinic."""
    patient = http.participant("all").patient
    other = http.participant("norte-research-only").patient
    http.put(observation("seen", patient))
    http.put(observation("hidden", other))
    assert http.get("/Observation/seen").status_code == 200
    assert http.get("/Observation/seen/_history/1").status_code == 200
    assert http.get("/Observation?code=8310-5").status_code == 200
    assert http.get("/Observation/hidden").status_code == 404
    assert http.get(f"/Patient/{patient}/$everything").status_code == 200
    assert http.ask("DELETE", f"{BASE}/Observation/seen", "ehr-app").status_code == 403
    created = http.put(observation("site", patient), "site-app")
    assert created.status_code == 201
    assert http.put(observation("site", patient, day=2), "site-app").status_code == 200
    assert http.ask("DELETE", f"{BASE}/Observation/site", "site-app").status_code == 204
    return http


def test_every_kind_of_event_is_a_valid_audit_event(visited: Http) -> None:
    validator = visited.gateway.engines.validator
    found = entries(visited, "") + entries(visited, "", "auditor")
    assert {"read", "vread", "search", "everything", "update", "delete", "audit"} <= set(operations(found))
    faults = {
        (event["subtype"][-1]["code"], one.rule, one.message)
        for event in found
        for one in validator.validate(event)
        if one.severity in ("error", "fatal")
    }
    assert faults == set()


def test_each_organisation_sees_its_own(visited: Http) -> None:
    for auditor, organisation in AUDITORS.items():
        found = entries(visited, "", auditor)
        assert found
        told = {event["agent"][2]["who"]["reference"] for event in found}
        assert told == {f"Organization/{organisation}"}
    theirs = entries(visited, "", "auditor")[0]["id"]
    assert visited.get(f"/AuditEvent/{theirs}", "auditor").status_code == 200
    assert visited.get(f"/AuditEvent/{theirs}", "clinic-auditor").status_code == 404
    assert visited.get(f"/AuditEvent/{'0' * 32}", "clinic-auditor").status_code == 404
    assert visited.get("/AuditEvent/1", "clinic-auditor").status_code == 404


def test_events_are_found_by_what_they_tell(visited: Http) -> None:
    patient = visited.participant("all").patient
    assert operations(entries(visited, "entity=Observation/site")) == ["delete", "update", "update"]
    assert operations(entries(visited, "action=D")) == ["delete"]
    about = f"entity=Observation/seen&patient=Patient/{patient}&action=R,E&outcome=0"
    assert operations(entries(visited, about)) == ["everything", "search", "vread", "read"]
    denied = entries(visited, "outcome=4")
    assert [(one["subtype"][-1]["code"], one["outcomeDesc"]) for one in denied] == [
        ("write", "auth.scope"),
        ("read", "auth.not-found"),
    ]
    assert entries(visited, "date=gt2999") == entries(visited, "agent-name=nobody") == []
    assert operations(entries(visited, "date=gt2020&subtype=vread&agent-name=ehr-app")) == ["vread"]
    posted = visited.ask(
        "POST", f"{BASE}/AuditEvent/_search", "clinic-auditor", content=b"action=D",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )  # fmt: skip
    assert operations([entry["resource"] for entry in posted.json()["entry"]]) == ["delete"]
    bare = visited.ask("POST", f"{BASE}/AuditEvent/_search?action=D", "clinic-auditor")
    assert operations([entry["resource"] for entry in bare.json()["entry"]]) == ["delete"]
    assert last_event(visited).operation == "audit"
    looked = visited.gateway.store.end(STUDY)[0]
    assert visited.ask("POST", f"{BASE}/AuditEvent/_search?action=D", "clinic-auditor").status_code == 200
    assert visited.gateway.store.end(STUDY)[0] == looked + 1, "a look is one event"


def test_a_change_tells_its_versions_and_digests(visited: Http) -> None:
    deleted, updated, created = (event["entity"][0] for event in entries(visited, "entity=Observation/site"))
    assert [one["what"]["reference"].rpartition("/")[2] for one in (created, updated, deleted)] == ["1", "2", "3"]
    told = [{one["type"]: one["valueString"] for one in entity["detail"]} for entity in (created, updated, deleted)]
    body = visited.get("/Observation/site/_history/2", REGISTRAR)
    if body.status_code == 200:
        assert told[1]["sha256-after"] == hashlib.sha256(body.content).hexdigest()
    assert told[1]["sha256-before"] == told[0]["sha256-after"]
    assert told[2] == {"sha256-before": told[1]["sha256-after"]}


def test_pages_are_as_one_list(visited: Http) -> None:
    since = "date=le" + entries(visited, "")[0]["recorded"].replace("+", "%2B")
    whole = entries(visited, f"{since}&_count=1000")
    for count in (1, 2, 7):
        assert [one["id"] for one in entries(visited, f"{since}&_count={count}")][: len(whole)] == [
            one["id"] for one in whole
        ]


def test_disclosures_of_a_participant_are_accounted_for(visited: Http) -> None:
    patient = visited.participant("all").patient
    answer = visited.get(f"/Patient/{patient}/$disclosures", "clinic-auditor")
    found = [entry["resource"] for entry in answer.json()["entry"]]
    about = [one for one in found if "Observation/seen" in json.dumps(one["entity"])]
    assert operations(about) == ["everything", "search", "vread", "read"]
    assert all("Consent/" in json.dumps(one["entity"]) for one in found)
    assert all(f"Patient/{patient}" in json.dumps(one["entity"]) for one in found)
    none = visited.get(f"/Patient/{patient}/$disclosures?end=2020-01-01", "clinic-auditor").json()
    assert "entry" not in none
    other = visited.participant("norte-research-only").patient
    assert "entry" not in visited.get(f"/Patient/{other}/$disclosures", "clinic-auditor").json()
    for client in ("ehr-app", REGISTRAR, "research"):
        assert visited.get(f"/Patient/{patient}/$disclosures", client).status_code == 403
    told = list(visited.gateway.audit.disclosures(STUDY, patient))
    assert len(told) >= len(found)


@pytest.mark.parametrize("client", ["ehr-app", REGISTRAR, "data-manager", "research", "withings"])
def test_only_auditors_see_the_trail(visited: Http, client: str) -> None:
    for path in ("/AuditEvent", "/AuditEvent/x", "/AuditEvent?action=R"):
        answer = visited.get(path, client)
        assert (answer.status_code, rule(answer)) == (403, "auth.scope")
    assert last_event(visited).operation == "audit"
    assert last_event(visited).outcome == "denied"


def test_nobody_writes_the_trail(visited: Http) -> None:
    [event] = entries(visited, "action=D")
    body = json.dumps(event).encode()
    sent = {"Content-Type": "application/fhir+json"}
    for client in (REGISTRAR, "auditor"):
        for method, path in (
            ("PUT", f"AuditEvent/{event['id']}"), ("POST", "AuditEvent"), ("DELETE", f"AuditEvent/{event['id']}"),
            ("PATCH", f"AuditEvent/{event['id']}"), ("PUT", "AuditEvent?_id=x"), ("DELETE", "AuditEvent?_id=x"),
        ):  # fmt: skip
            answer = visited.ask(method, f"{BASE}/{path}", client, content=body, headers=sent)
            assert (answer.status_code, rule(answer)) == (405, "audit.read-only"), (method, path)
    entry = {"resource": event, "request": {"method": "PUT", "url": f"AuditEvent/{event['id']}"}}
    bundle = json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": [entry]}).encode()
    assert visited.ask("POST", BASE, REGISTRAR, content=bundle, headers=sent).status_code == 405


@pytest.mark.parametrize(
    "query",
    ["_sort=action", "_include=AuditEvent:patient", "_total=accurate", "_summary=count", "_count=0", "_elements=id",
     "nonsense=1", "_cursor=x", "date=x"],
)  # fmt: skip
def test_what_the_trail_is_not_searched_by_is_refused(visited: Http, query: str) -> None:
    assert visited.get(f"/AuditEvent?{query}", "auditor").status_code == 400


def test_an_answer_of_many_is_told_by_a_digest_of_all(http: Http, tmp_path: Path) -> None:
    patient = http.participant("all").patient
    rows = [observation(f"many-{number}", patient, number % 28 + 1) for number in range(MAX_TARGETS + 5)]
    principal = http.gateway.studies[STUDY].principal_of("withings")
    http.gateway.access.door(principal).commit(rows)
    pages = {}
    for count in (MAX_TARGETS, MAX_TARGETS + 1):
        before = settled(http)
        pages[count] = http.get(f"/Observation?_id={','.join(one['id'] for one in rows)}&_count={count}")
        [event] = on_record(http, before)
        assert (len(event["targets"]), event["count"]) == (MAX_TARGETS, count)
        assert bool(event["digest"]) is (count > MAX_TARGETS)
    shown = http.get("/AuditEvent?subtype=search&_count=1", "clinic-auditor").json()["entry"][0]["resource"]
    assert faults(shown) == []
    assert [one for one in http.gateway.engines.validator.validate(shown) if one.severity in ("error", "fatal")] == []
    told = http.gateway.audit.event(STUDY, shown["id"])
    assert told
    assert http.gateway.audit.event(STUDY, "0" * 32) is None
    assert [is_all(told, held([page.json()])) for page in pages.values()] == [False, True]
    for count, page in pages.items():
        (tmp_path / f"{count}.json").write_bytes(page.content)
    compared = {count: result_command(http, tmp_path / f"{count}.json", shown["id"]) for count in pages}
    assert compared == {MAX_TARGETS: 1, MAX_TARGETS + 1: 0}
    assert result_command(http, tmp_path / f"{MAX_TARGETS}.json", "0" * 32) == 2


def result_command(http: Http, file: Path, event: str) -> int:
    """How `gateway audit result` ends."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    environment["GATEWAY_DATA_DIR"] = str(http.gateway.settings.data_dir)
    command = ("audit", "result", str(file), "--study", STUDY, "--event", event)
    return warm.run("gateway", *command, environment=environment).returncode
