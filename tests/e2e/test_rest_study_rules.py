"""What a study file decides about writes over HTTP: its rules over stored facts, and which interactions there are."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.core import dumps
from gateway.core.assets import asset_root
from gateway.core.types import Resource
from tests.e2e.http_gateway import BASE, REGISTRAR, STUDY, Http, observation, rule, serving

JSON = {"Content-Type": "application/fhir+json"}
SYSTEM = "urn:test:rules"
DECIDED = """
validation:
  rules:
    - id: in-a-visit
      type: Observation
      where: category.coding.where(code = 'laboratory').exists()
      expression: "%visits.exists(period.start <= %resource.effective and %resource.effective <= period.end)"
      message: Outside of every visit
interactions:
  update_creates: false
  conditional_delete: CONDITIONAL
"""


def decided(folder: Path, conditional_delete: str) -> Path:
    """An overlay of assets with the demo study, which decides otherwise than by default."""
    study = folder / "profiles" / "studies" / STUDY
    shutil.copytree(Path(str(asset_root("profiles"))) / "studies" / STUDY, study)
    file = study / "study.yaml"
    file.write_text(file.read_text() + DECIDED.replace("CONDITIONAL", conditional_delete))
    return folder


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    overlay = decided(tmp_path_factory.mktemp("overlay"), "multiple")
    with serving(tmp_path_factory.mktemp("rules"), asset_dirs=(overlay,)) as served:
        yield served


@pytest.fixture(scope="module")
def none_deleted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    overlay = decided(tmp_path_factory.mktemp("overlay"), "not-supported")
    with serving(tmp_path_factory.mktemp("none"), asset_dirs=(overlay,)) as served:
        yield served


@pytest.fixture(scope="module")
def patient(http: Http) -> str:
    return http.participant("all").patient


def send(http: Http, method: str, place: str, resource: Resource | None = None, **headers: str) -> Any:
    content = b"" if resource is None else dumps(resource)
    sent = JSON | {name.replace("_", "-"): value for name, value in headers.items()}
    return http.ask(method, f"{BASE}/{place}", REGISTRAR, content=content, headers=sent)


def posted(http: Http, *entries: tuple[str, str, Resource | None], **headers: str) -> Any:
    made = [
        {"request": {"method": method, "url": url}} | ({"resource": body} if body else {})
        for method, url, body in entries
    ]
    return send(http, "POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": made}, **headers)


def lab(patient: str, day: int) -> Resource:
    """A laboratory result, without an id."""
    found = observation("x", patient, day)
    found["category"][0]["coding"][0]["code"] = "laboratory"
    found["code"] = {"coding": [{"system": "http://loinc.org", "code": "2345-7"}]}
    found["valueQuantity"] |= {"unit": "mg/dL", "code": "mg/dL"}
    del found["id"]
    return found


def visit(patient: str, day: int) -> Resource:
    coded = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}
    return {
        "resourceType": "Encounter",
        "status": "finished",
        "class": coded,
        "subject": {"reference": f"Patient/{patient}"},
        "period": {"start": f"2026-03-{day:02}T07:00:00Z", "end": f"2026-03-{day:02}T09:00:00Z"},
    }


def test_a_rule_sees_the_stored_visits_on_every_way_to_write(http: Http, patient: str) -> None:
    refused = send(http, "POST", "Observation", lab(patient, 1))
    assert (refused.status_code, rule(refused)) == (422, "study.rule-broken")
    assert send(http, "POST", "Encounter", visit(patient, 1)).status_code == 201
    made = send(http, "POST", "Observation", lab(patient, 1))
    assert made.status_code == 201, made.text
    place = f"Observation/{made.json()['id']}"
    moved = send(http, "PUT", place, lab(patient, 2) | {"id": made.json()["id"]})
    assert (moved.status_code, rule(moved)) == (422, "study.rule-broken")
    patch = [{"op": "replace", "path": "/effectiveDateTime", "value": "2026-03-02T08:00:00Z"}]
    answer = http.ask(
        "PATCH",
        f"{BASE}/{place}",
        REGISTRAR,
        content=dumps(patch),  # type: ignore[arg-type]
        headers={"Content-Type": "application/json-patch+json"},
    )
    assert (answer.status_code, rule(answer)) == (422, "study.rule-broken")
    assert posted(http, ("POST", "Observation", lab(patient, 2))).status_code == 422


def test_a_rule_sees_the_visit_that_comes_in_the_same_transaction(http: Http, patient: str) -> None:
    both = posted(http, ("POST", "Observation", lab(patient, 3)), ("POST", "Encounter", visit(patient, 3)))
    assert both.status_code == 200, both.text


def test_the_visits_of_another_participant_do_not_count(http: Http) -> None:
    people = http.gateway.studies[STUDY].participants
    one, other = [person.patient for person in people if person.consent == "all" and not person.withdrawn][:2]
    assert send(http, "POST", "Encounter", visit(one, 4)).status_code == 201
    assert rule(send(http, "POST", "Observation", lab(other, 4))) == "study.rule-broken"


def test_an_update_makes_nothing_where_the_study_says_so(http: Http, patient: str) -> None:
    fresh = observation("chosen", patient)
    for answer in (
        http.put(fresh),
        send(http, "PUT", f"Observation?identifier={SYSTEM}|none", fresh),
        posted(http, ("PUT", "Observation/chosen", fresh)),
    ):
        assert (answer.status_code, rule(answer)) == (405, "rest.no-update-create")
    assert http.get("/Observation/chosen").status_code == 404
    created = send(http, "POST", "Observation", fresh).json()
    assert http.put(observation(created["id"], patient, 2)).status_code == 200
    anew = {name: value for name, value in fresh.items() if name != "id"}
    assert send(http, "PUT", f"Observation?identifier={SYSTEM}|none", anew).status_code == 201


def test_hidden_and_absent_are_the_same_for_an_update(http: Http) -> None:
    other = http.participant("norte-research-only").patient
    hidden = send(http, "POST", "Observation", observation("x", other)).json()["id"]
    seen = http.participant("all").patient
    answers = [http.put(observation(name, seen), client="site-app") for name in (hidden, "never")]
    assert answers[0].status_code == answers[1].status_code == 405
    assert answers[0].content == answers[1].content


def test_a_conditional_deletion_deletes_all_that_meet_it(http: Http, patient: str) -> None:
    for number in range(3):
        named = observation("x", patient, number + 1) | {"identifier": [{"system": SYSTEM, "value": "many"}]}
        assert send(http, "POST", "Observation", named).status_code == 201
    condition = f"Observation?identifier={SYSTEM}|many"
    refused = send(http, "DELETE", condition, If_Match='W/"1"')
    assert (refused.status_code, rule(refused)) == (412, "rest.several-match")
    told = send(http, "DELETE", condition, Prefer="return=OperationOutcome")
    assert (told.status_code, rule(told)) == (200, "rest.deleted")
    assert http.get(f"/{condition}&_summary=count").json()["total"] == 0
    assert send(http, "DELETE", condition).status_code == 204


def test_more_than_a_bundle_may_hold_are_not_deleted_at_once(tmp_path: Path) -> None:
    overlay = decided(tmp_path / "overlay", "multiple")
    with serving(tmp_path / "data", asset_dirs=(overlay,), bundle_limit=2) as few:
        person = few.participant("all").patient
        for number in range(3):
            assert send(few, "POST", "Observation", observation("x", person, number + 1)).status_code == 201
        answer = send(few, "DELETE", f"Observation?patient={person}")
        assert (answer.status_code, rule(answer)) == (412, "rest.too-many-match")
        assert few.get(f"/Observation?patient={person}&_summary=count").json()["total"] == 3


def test_a_study_may_offer_no_conditional_deletion(none_deleted: Http) -> None:
    answer = send(none_deleted, "DELETE", "Observation?status=final")
    assert (answer.status_code, rule(answer)) == (405, "rest.no-conditional-delete")
    inside = posted(none_deleted, ("DELETE", "Observation?status=final", None))
    assert (inside.status_code, rule(inside)) == (405, "rest.no-conditional-delete")


def test_the_capability_statement_tells_what_the_study_allows(http: Http, none_deleted: Http) -> None:
    for asked, expected in ((http, "multiple"), (none_deleted, "not-supported")):
        [server] = asked.get("/metadata", client="").json()["rest"]
        told = {entry["type"]: (entry["updateCreate"], entry["conditionalDelete"]) for entry in server["resource"]}
        assert set(told.values()) == {(False, expected), (False, "not-supported")}
        assert told["Consent"] == told["AuditEvent"] == (False, "not-supported")


def many(http: Http, patient: str, value: str) -> str:
    """Three Observations with an identifier; the condition that they meet."""
    for number in range(3):
        named = observation("x", patient, number + 1) | {"identifier": [{"system": SYSTEM, "value": value}]}
        assert send(http, "POST", "Observation", named).status_code == 201
    return f"Observation?identifier={SYSTEM}|{value}"


def test_a_conditional_deletion_in_a_transaction_deletes_all_too(http: Http, patient: str) -> None:
    condition = many(http, patient, "in-one")
    kept = observation("x", patient, 9)
    entries = (("DELETE", condition, None), ("POST", "Observation", kept), ("DELETE", f"{condition}-not", None))
    answer = posted(http, *entries, Prefer="return=OperationOutcome")
    assert answer.status_code == 200, answer.text
    first, second, third = (entry["response"] for entry in answer.json()["entry"])
    assert [one["status"][:3] for one in (first, second, third)] == ["204", "201", "204"]
    assert [found["details"]["coding"][0]["code"] for found in first["outcome"]["issue"]] == ["rest.deleted"]
    assert http.get(f"/{condition}&_summary=count").json()["total"] == 0


def test_such_a_transaction_is_all_or_nothing(http: Http, patient: str) -> None:
    condition = many(http, patient, "all-or-nothing")
    [entry, *_] = http.get(f"/{condition}").json()["entry"]
    taken = entry["resource"] | {"status": "amended"}
    twice = posted(http, ("DELETE", condition, None), ("PUT", f"Observation/{taken['id']}", taken))
    assert (twice.status_code, rule(twice)) == (400, "rest.bundle-repeated")
    refused = posted(http, ("DELETE", condition, None), ("PUT", "Observation/chosen", observation("chosen", patient)))
    assert refused.status_code == 405
    assert http.get(f"/{condition}&_summary=count").json()["total"] == 3


def test_an_update_brings_back_what_was_deleted(http: Http, patient: str) -> None:
    for again in ("PUT", "conditional", "transaction"):
        made = send(http, "POST", "Observation", observation("x", patient)).json()
        place = f"Observation/{made['id']}"
        assert send(http, "DELETE", place).status_code in (200, 204)
        old = send(http, "PUT", place, made, If_Match='W/"1"')
        assert (old.status_code, rule(old)) == (412, "store.version-conflict")
        if again == "transaction":
            answer = posted(http, ("PUT", place, made))
        else:
            answer = send(http, "PUT", place if again == "PUT" else f"Observation?identifier={SYSTEM}|no", made)
        assert answer.status_code in (200, 201), answer.text
        assert http.get(f"/{place}").json()["meta"]["versionId"] == "3"


def test_what_was_deleted_and_hidden_is_as_if_it_never_was(http: Http) -> None:
    other = http.participant("norte-research-only").patient
    hidden = send(http, "POST", "Observation", observation("x", other)).json()["id"]
    assert send(http, "DELETE", f"Observation/{hidden}").status_code in (200, 204)
    seen = http.participant("all").patient
    answers = [http.put(observation(name, seen), client="site-app") for name in (hidden, "never")]
    assert answers[0].status_code == answers[1].status_code == 405
    assert answers[0].content == answers[1].content
