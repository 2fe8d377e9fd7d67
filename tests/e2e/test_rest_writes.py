"""create, delete, patch and their conditional forms over HTTP."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from gateway.core import dumps
from gateway.core.types import Resource
from tests.e2e.http_gateway import BASE, REGISTRAR, Http, observation, rule, serving_on

JSON = {"Content-Type": "application/fhir+json"}
JSON_PATCH = {"Content-Type": "application/json-patch+json"}
SYSTEM = "urn:test:writes"


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def http(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    with serving_on(request, tmp_path_factory.mktemp("writes")) as served:
        yield served


@pytest.fixture
def patient(http: Http) -> str:
    return http.participant("all").patient


def named(patient: str, value: str, **more: Any) -> Resource:
    """An observation without id that has an identifier."""
    found = observation("x", patient) | {"identifier": [{"system": SYSTEM, "value": value}]} | more
    del found["id"]
    return found


def send(http: Http, method: str, path: str, body: Any = None, client: str = REGISTRAR, **headers: str) -> Any:
    given = JSON | {name.replace("_", "-"): value for name, value in headers.items()}
    content = None if body is None else dumps(body)
    return http.ask(method, f"{BASE}/{path}", client, content=content, headers=given)


def patch(http: Http, path: str, operations: list[dict[str, Any]], **headers: str) -> Any:
    given = JSON_PATCH | {name.replace("_", "-"): value for name, value in headers.items()}
    return http.ask("PATCH", f"{BASE}/{path}", REGISTRAR, content=json.dumps(operations), headers=given)


def create(http: Http, resource: Resource, **headers: str) -> str:
    answer = send(http, "POST", resource["resourceType"], resource, **headers)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def test_a_created_resource_has_an_id_of_the_gateways(http: Http, patient: str) -> None:
    answer = send(http, "POST", "Observation", observation("mine", patient))
    identity = answer.json()["id"]
    assert answer.status_code == 201
    assert identity != "mine"
    assert answer.headers["location"].endswith(f"{BASE}/Observation/{identity}/_history/1")
    assert http.get(f"/Observation/{identity}").headers["etag"] == answer.headers["etag"] == 'W/"1"'
    assert create(http, observation("mine", patient)) != identity


@pytest.mark.parametrize(
    ("change", "status", "expected"),
    [
        ({"status": "nonsense"}, 422, "conformance.binding-required"),
        ({"resourceType": "Patient"}, 400, "rest.type-differs"),
        ({"subject": {"reference": "Patient/nobody"}}, 403, "consent.collection-not-permitted"),
        ({"meta": {"tag": [{"code": "SUBSETTED"}]}}, 422, "rest.subsetted"),
    ],
)
def test_a_creation_is_judged(http: Http, patient: str, change: Any, status: int, expected: str) -> None:
    answer = send(http, "POST", "Observation", observation("x", patient) | change)
    assert (answer.status_code, rule(answer)) == (status, expected)


def test_a_conditional_create_finds_what_is_there(http: Http, patient: str) -> None:
    condition = f"identifier={SYSTEM}|once"
    identity = create(http, named(patient, "once"), If_None_Exist=condition)
    again = send(http, "POST", "Observation", named(patient, "once"), If_None_Exist=condition)
    assert (again.status_code, again.json()["id"]) == (200, identity)
    create(http, named(patient, "once"))
    several = send(http, "POST", "Observation", named(patient, "once"), If_None_Exist=condition)
    assert (several.status_code, rule(several)) == (412, "rest.several-match")


@pytest.mark.parametrize("condition", ["", "_count=1", "nonsense=1", "identifier", "_id=", "identifier=%zz&&"])
def test_a_condition_is_a_search(http: Http, patient: str, condition: str) -> None:
    assert send(http, "POST", "Observation", named(patient, "c"), If_None_Exist=condition).status_code == 400
    for method, body in (("PUT", named(patient, "c")), ("DELETE", None), ("PATCH", [])):
        answer = send(http, method, f"Observation?{condition}", body)
        assert answer.status_code == 400, method


def test_a_reference_by_the_studys_own_address_is_one_by_type_and_id(http: Http, patient: str) -> None:
    made = send(http, "POST", "Observation", observation("x", patient))
    root = made.headers["location"].partition("/Observation/")[0]
    whole = {"reference": f"{root}/Patient/{patient}"}
    elsewhere = {"reference": f"{root}-2/Device/1"}
    posted = send(http, "POST", "Observation", named(patient, "whole", subject=whole, device=elsewhere))
    assert (posted.status_code, posted.json()["subject"]) == (201, {"reference": f"Patient/{patient}"}), posted.text
    assert posted.json()["device"] == elsewhere
    put = send(http, "PUT", "Observation/whole", observation("whole", patient) | {"subject": whole})
    assert put.json()["subject"] == {"reference": f"Patient/{patient}"}
    member = [{"op": "add", "path": "/hasMember", "value": [{"reference": f"{root}/Observation/whole/_history/1"}]}]
    patched = patch(http, f"Observation/{posted.json()['id']}", member)
    assert patched.json()["hasMember"] == [{"reference": "Observation/whole/_history/1"}]
    bundle = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {
                "fullUrl": "urn:uuid:7d1e8e8c-6f0c-4f0b-8d0c-1d3c6f0a9b01",
                "resource": named(patient, "bundled", subject=whole),
                "request": {"method": "POST", "url": "Observation"},
            }
        ],
    }
    assert send(http, "POST", "", bundle).status_code == 200
    path = f"/Observation?subject:Patient._id={patient}&identifier={SYSTEM}|whole,{SYSTEM}|bundled&_include=*"
    found = [entry["resource"] for entry in http.get(path).json()["entry"]]
    assert [one["id"] for one in found if one["resourceType"] == "Patient"] == [patient]
    assert [one["subject"]["reference"] for one in found if "subject" in one] == [f"Patient/{patient}"] * 3


def test_a_conditional_update_creates_updates_or_refuses(http: Http, patient: str) -> None:
    path = f"Observation?identifier={SYSTEM}|up"
    made = send(http, "PUT", path, named(patient, "up"))
    assert made.status_code == 201
    identity = made.json()["id"]
    changed = send(http, "PUT", path, named(patient, "up", status="amended"))
    assert (changed.status_code, changed.json()["id"], changed.headers["etag"]) == (200, identity, 'W/"2"')
    stale = send(http, "PUT", path, named(patient, "up"), If_Match='W/"1"')
    assert (stale.status_code, rule(stale)) == (412, "store.version-conflict")
    other = send(http, "PUT", path, named(patient, "up") | {"id": "other"})
    assert (other.status_code, rule(other)) == (400, "rest.id-not-the-match")
    fresh = send(http, "PUT", path, named(patient, "up"), If_None_Match="*")
    assert (fresh.status_code, rule(fresh)) == (412, "store.version-conflict")
    create(http, named(patient, "up"))
    assert rule(send(http, "PUT", path, named(patient, "up"))) == "rest.several-match"
    none = f"Observation?identifier={SYSTEM}|none"
    taken = send(http, "PUT", none, named(patient, "none") | {"id": identity})
    assert (taken.status_code, rule(taken)) == (409, "rest.id-taken")
    given = send(http, "PUT", none, named(patient, "none") | {"id": "given"}, If_None_Match="*")
    assert (given.status_code, given.json()["id"]) == (201, "given")


def test_a_write_of_what_is_not_there_yet(http: Http, patient: str) -> None:
    assert http.put(observation("fresh", patient), If_None_Match="*").status_code == 201
    assert http.put(observation("fresh", patient, 2), If_None_Match="*").status_code == 412
    assert rule(http.put(observation("fresh", patient), If_None_Match='W/"1"')) == "rest.if-none-match"


def test_what_is_deleted_is_gone_and_its_versions_stay(http: Http, patient: str) -> None:
    http.put(observation("gone", patient))
    answer = send(http, "DELETE", "Observation/gone")
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (204, b"", 'W/"2"')
    assert http.get("/Observation/gone").status_code == 410
    assert http.get("/Observation/gone/_history/1").status_code == 200
    assert http.get("/Observation/gone/_history/2").status_code == 410
    assert send(http, "DELETE", "Observation/gone").status_code == 204
    assert send(http, "DELETE", "Observation/never-was").status_code == 204
    assert send(http, "DELETE", "Observation/$lastn").status_code == 405
    assert send(http, "DELETE", "Observation/never-was", Prefer="return=OperationOutcome").status_code == 200
    assert http.put(observation("gone", patient)).headers["etag"] == 'W/"3"'


def test_a_deletion_may_name_a_version(http: Http, patient: str) -> None:
    http.put(observation("kept", patient))
    assert send(http, "DELETE", "Observation/kept", If_Match='W/"2"').status_code == 412
    for tag in ('W/"1"', '"7", "1"', "*"):
        assert send(http, "DELETE", "Observation/kept", If_None_Match=tag).status_code == 412
        assert send(http, "DELETE", "Observation/not-there", If_None_Match=tag).status_code == 204
    assert rule(send(http, "DELETE", "Observation/kept", If_None_Match="1")) == "rest.if-none-match"
    assert send(http, "DELETE", "Observation/kept", If_Match='W/"1"').status_code == 204


def test_a_conditional_delete_deletes_one(http: Http, patient: str) -> None:
    path = f"Observation?identifier={SYSTEM}|del"
    assert send(http, "DELETE", path).status_code == 204
    identity = create(http, named(patient, "del"))
    assert send(http, "DELETE", path).status_code == 204
    assert http.get(f"/Observation/{identity}").status_code == 410
    create(http, named(patient, "del"))
    create(http, named(patient, "del"))
    assert rule(send(http, "DELETE", path)) == "rest.several-match"


def test_a_consent_is_not_deleted(http: Http, patient: str) -> None:
    consent = http.get(f"/Consent?patient={patient}", client=REGISTRAR).json()["entry"][0]["resource"]
    answer = send(http, "DELETE", f"Consent/{consent['id']}")
    assert (answer.status_code, rule(answer)) == (405, "consent.no-deletion")


def test_a_json_patch_makes_a_version(http: Http, patient: str) -> None:
    http.put(observation("patched", patient))
    change = [
        {"op": "test", "path": "/status", "value": "final"},
        {"op": "replace", "path": "/status", "value": "amended"},
    ]
    answer = patch(http, "Observation/patched", change)
    assert (answer.status_code, answer.headers["etag"]) == (200, 'W/"2"')
    assert answer.json()["status"] == "amended"
    assert b'"value":36.60' in answer.content
    refused = patch(http, "Observation/patched", change)
    assert (refused.status_code, rule(refused)) == (422, "rest.patch-test")
    assert patch(http, "Observation/patched", [], If_Match='W/"1"').status_code == 412
    assert patch(http, "Observation/patched", [], If_None_Match="*").status_code == 412
    assert patch(http, "Observation/not-there", [], If_None_Match="*").status_code == 404
    assert patch(http, "Observation/absent", change).status_code == 404


@pytest.mark.parametrize("path", ["Observation.status", "status", "%resource.status"])
def test_a_fhirpath_patch_makes_a_version(http: Http, patient: str, path: str) -> None:
    http.put(observation("by-path", patient))
    part = [{"name": "type", "valueCode": "replace"}, {"name": "path", "valueString": path}]
    tree = {
        "resourceType": "Parameters",
        "parameter": [{"name": "operation", "part": [*part, {"name": "value", "valueCode": "amended"}]}],
    }
    answer = send(http, "PATCH", "Observation/by-path", tree)
    assert (answer.status_code, answer.json()["status"]) == (200, "amended")


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ([{"name": "type", "valueCode": "delete"}], None),
        ([{"name": "type", "valueCode": "replace"}, {"name": "value", "valueDateTime": "2026-03-02"}], "2026-03-02"),
    ],
    ids=["delete", "replace"],
)
def test_a_fhirpath_patch_finds_an_element_without_value(
    http: Http, patient: str, part: list[Resource], expected: str | None
) -> None:
    unknown = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
    undated = observation("undated", patient) | {"_effectiveDateTime": {"extension": [unknown]}}
    del undated["effectiveDateTime"]
    http.put(undated)
    path = {"name": "path", "valueString": "Observation.effective"}
    tree = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": [*part, path]}]}
    made = send(http, "PATCH", "Observation/undated", tree).json()
    assert made.get("effectiveDateTime") == expected
    assert "_effectiveDateTime" not in made


@pytest.mark.parametrize(
    "path",
    [
        "Observation.descendants()", "Observation.repeat(children())", "Observation.note.where(text.matches('a'))",
        "Observation." + "note." * 300 + "text", "Observation.status | 1", "Patient.name", "%x",
        "Observation.status(",
    ],
)  # fmt: skip
def test_a_path_of_a_patch_only_goes_to_a_place(http: Http, patient: str, path: str) -> None:
    http.put(observation("placed", patient))
    part = [{"name": "type", "valueCode": "delete"}, {"name": "path", "valueString": path}]
    tree = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": part}]}
    assert send(http, "PATCH", "Observation/placed", tree).status_code in (400, 422)
    assert http.get("/Observation/placed").headers["etag"] == 'W/"1"'


def test_a_conditional_patch(http: Http, patient: str) -> None:
    path = f"Observation?identifier={SYSTEM}|part"
    change = [{"op": "replace", "path": "/status", "value": "amended"}]
    assert patch(http, path, change).status_code == 404
    identity = create(http, named(patient, "part"))
    assert patch(http, path, change).json()["id"] == identity


@pytest.mark.parametrize(
    ("operations", "status", "expected"),
    [
        ([{"op": "remove", "path": "/status"}], 422, "conformance.minimum"),
        ([{"op": "replace", "path": "/id", "value": "other"}], 422, "rest.patch-identity"),
        ([{"op": "replace", "path": "", "value": []}], 422, "rest.patch-identity"),
        ([{"op": "replace", "path": "/resourceType", "value": "Patient"}], 422, "rest.patch-identity"),
        ([{"op": "add", "path": "/nonsense", "value": 1}], 422, "conformance.unknown-element"),
        ([{"op": "remove", "path": "/nowhere"}], 422, "rest.patch-place"),
        ([{"op": "jump", "path": "/status"}], 400, "rest.patch-syntax"),
        ([{"op": "add", "path": "status", "value": 1}], 400, "rest.patch-syntax"),
        ([{"op": "replace", "path": "/subject/reference", "value": "Patient/none"}], 403, ""),
        ([{"op": "add", "path": "/note", "value": [{"text": "x" * 900}]}]
         + [{"op": "copy", "from": "/note", "path": "/note/0"}] * 40, 422, "rest.patch-size"),
        ([{"op": "test", "path": "/status", "value": "final"}] * 1001, 400, "rest.patch-size"),
    ],
)  # fmt: skip
def test_a_patch_that_does_not_fit_changes_nothing(
    http: Http, patient: str, operations: Any, status: int, expected: str
) -> None:
    http.put(observation("firm", patient))
    answer = patch(http, "Observation/firm", operations)
    assert answer.status_code == status, answer.text
    assert not expected or rule(answer) == expected
    assert http.get("/Observation/firm").headers["etag"] == 'W/"1"'


def test_a_patch_moves_nothing_to_another_participant(http: Http, patient: str) -> None:
    people = http.gateway.studies["hf-dct-01"].participants
    other = next(person for person in people if person.consent == "all" and person.patient != patient)
    http.put(observation("whose", patient))
    answer = patch(
        http,
        "Observation/whose",
        [{"op": "replace", "path": "/subject/reference", "value": f"Patient/{other.patient}"}],
    )
    assert (answer.status_code, rule(answer)) == (409, "consent.subject-changed")


def test_sixteen_writers_with_the_same_version_one_wins_each_round(http: Http, patient: str) -> None:
    http.put(observation("contended", patient))
    with ThreadPoolExecutor(16) as pool:
        for round_number in range(1, 6):
            tag = f'W/"{round_number}"'

            def write(writer: int, tag: str = tag, number: int = round_number) -> int:
                resource = observation("contended", patient, value=f"3{writer}.{number}")
                return int(http.put(resource, If_Match=tag).status_code)

            statuses = sorted(pool.map(write, range(16)))
            assert statuses == [200] + [412] * 15
    assert http.get("/Observation/contended").headers["etag"] == 'W/"6"'


def test_eight_conditional_creates_at_once_make_one_resource(http: Http, patient: str) -> None:
    condition = f"identifier={SYSTEM}|parallel"
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(
                lambda _: send(http, "POST", "Observation", named(patient, "parallel"), If_None_Exist=condition),
                range(8),
            )
        )
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1


def test_sixteen_patches_at_once_are_all_applied(http: Http, patient: str) -> None:
    http.put(observation("counted", patient))
    note = [{"op": "add", "path": "/note", "value": []}]
    assert patch(http, "Observation/counted", note).status_code == 422  # an empty list is no FHIR
    patch(http, "Observation/counted", [{"op": "add", "path": "/note", "value": [{"text": "0"}]}])
    with ThreadPoolExecutor(16) as pool:
        answers = list(
            pool.map(
                lambda number: patch(
                    http, "Observation/counted", [{"op": "add", "path": "/note/-", "value": {"text": str(number)}}]
                ),
                range(1, 17),
            )
        )
    assert [answer.status_code for answer in answers] == [200] * 16
    assert len(http.get("/Observation/counted").json()["note"]) == 17


def test_twelve_tags_at_once_are_all_there(http: Http, patient: str) -> None:
    http.put(observation("tagged", patient))

    def tag(number: int) -> int:
        meta = {"tag": [{"system": SYSTEM, "code": str(number)}]}
        asked = {"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": meta}]}
        return int(send(http, "POST", "Observation/tagged/$meta-add", asked).status_code)

    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(tag, range(12))) == [200] * 12
    assert len(http.get("/Observation/tagged").json()["meta"]["tag"]) == 12
