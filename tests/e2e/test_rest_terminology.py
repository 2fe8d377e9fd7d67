"""The terminology operations over HTTP: addresses, GET and POST, scopes, audit, and what is refused."""

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.core import dumps, loads
from gateway.core.types import Resource
from tests.e2e.http_gateway import BASE, STUDY, Http, rule, serving

GENDER = "http://hl7.org/fhir/administrative-gender"
GENDERS = "http://hl7.org/fhir/ValueSet/administrative-gender"
PUBLICATION = "http://hl7.org/fhir/publication-status"


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    with serving(tmp_path_factory.mktemp("terminology")) as served:
        yield served


def parameters(*entries: dict[str, Any]) -> Resource:
    return {"resourceType": "Parameters", "parameter": list(entries)}


def post(http: Http, path: str, body: Resource, client: str = "ehr-app") -> Any:
    headers = {"Content-Type": "application/fhir+json"}
    return http.ask("POST", BASE + path, client, content=dumps(body), headers=headers)


def value(answer: Any, name: str) -> Any:
    assert answer.status_code == 200, answer.content
    entry = next(entry for entry in answer.json()["parameter"] if entry["name"] == name)
    return next(found for key, found in entry.items() if key != "name")


def test_expand_by_get_and_by_post(http: Http) -> None:
    by_get = http.get(f"/ValueSet/$expand?url={GENDERS}&count=2&offset=1")
    assert [node["code"] for node in by_get.json()["expansion"]["contains"]] == ["female", "other"]
    assert by_get.headers["content-type"] == "application/fhir+json"
    body = parameters({"name": "url", "valueUri": GENDERS}, {"name": "filter", "valueString": "fem"})
    assert post(http, "/ValueSet/$expand", body).json()["expansion"]["total"] == 1
    own = {"resourceType": "ValueSet", "status": "draft", "compose": {"include": [{"system": GENDER}]}}
    assert post(http, "/ValueSet/$expand?count=1", own).json()["expansion"]["total"] == 4


def test_validate_code(http: Http) -> None:
    good = http.get(f"/ValueSet/$validate-code?url={GENDERS}&system={GENDER}&code=male&display=Male")
    assert value(good, "result") is True
    bad = http.get(f"/ValueSet/$validate-code?url={GENDERS}&system={GENDER}&code=man")
    assert value(bad, "result") is False
    assert value(bad, "issues")["issue"][0]["details"]["coding"][1]["code"] == "invalid-code"
    of_system = http.get(f"/CodeSystem/$validate-code?url={GENDER}&code=female")
    assert value(of_system, "display") == "Female"
    coding = {"name": "coding", "valueCoding": {"system": GENDER, "code": "male"}}
    checks = [{"name": "validation", "resource": parameters(entry)} for entry in (coding, {"name": "coding"})]
    batch = post(http, "/ValueSet/$batch-validate-code", parameters({"name": "url", "valueUri": GENDERS}, *checks))
    kinds = [entry["resource"]["resourceType"] for entry in batch.json()["parameter"]]
    assert kinds == ["Parameters", "OperationOutcome"]


def test_lookup_subsumes_and_translate(http: Http) -> None:
    assert value(http.get(f"/CodeSystem/$lookup?system={GENDER}&code=male"), "display") == "Male"
    reply = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
    related = http.get(f"/CodeSystem/$subsumes?system={reply}&codeA=_ActCoverageTypeCode&codeB=EHCPOL")
    assert value(related, "outcome") == "subsumes"
    translated = http.get(f"/ConceptMap/$translate?system={GENDER}&code=male")
    assert value(translated, "result") is True


def test_a_stored_value_set_is_expanded_at_its_own_address(http: Http) -> None:
    stored = {
        "resourceType": "ValueSet",
        "id": "two",
        "status": "active",
        "compose": {"include": [{"system": PUBLICATION, "concept": [{"code": "draft"}, {"code": "active"}]}]},
    }
    assert http.put(stored).status_code == 201
    assert http.get("/ValueSet/two/$expand").json()["expansion"]["total"] == 2
    assert value(http.get(f"/ValueSet/two/$validate-code?system={PUBLICATION}&code=retired"), "result") is False
    assert http.get("/ValueSet/three/$expand").status_code == 404


def test_the_metadata_list_the_operations(http: Http) -> None:
    rest = http.ask("GET", f"{BASE}/metadata").json()["rest"][0]
    by_type = {entry["type"]: entry.get("operation", []) for entry in rest["resource"]}
    assert {entry["name"] for entry in by_type["ValueSet"]} >= {"expand", "validate-code"}
    assert {entry["name"] for entry in by_type["CodeSystem"]} >= {"lookup", "subsumes", "validate-code"}
    assert {"name": "translate", "definition": "http://hl7.org/fhir/OperationDefinition/ConceptMap-translate"} in (
        by_type["ConceptMap"]
    )


def test_the_terminology_has_a_statement_of_its_own(http: Http) -> None:
    statement = http.ask("GET", f"{BASE}/metadata?mode=terminology").json()
    assert statement["resourceType"] == "TerminologyCapabilities"
    assert {"name": "displayLanguage"} in statement["expansion"]["parameter"]
    assert http.ask("GET", f"{BASE}/metadata?mode=full").json()["resourceType"] == "CapabilityStatement"
    assert rule(http.ask("GET", f"{BASE}/metadata?mode=other")) == "rest.parameter-value"
    assert rule(http.ask("GET", f"{BASE}/metadata?colour=red")) == "rest.parameter"


def test_tokens_and_scopes_are_asked_for_and_calls_are_audited(http: Http) -> None:
    path = f"/ValueSet/$expand?url={GENDERS}"
    assert http.ask("GET", BASE + path).status_code == 401
    assert http.ask("GET", f"/studies/other/fhir{path}", "ehr-app").status_code == 404
    refused = http.get(path, client="research")
    assert (refused.status_code, rule(refused)) == (403, "auth.scope")
    assert http.get(path).status_code == 200
    events = [loads(row.event) for row in http.gateway.store.rows(STUDY, 0)]
    expansions = [(event["outcome"], event["targets"]) for event in events if event["operation"] == "expand"]
    assert expansions[-2:] == [("denied", ["ValueSet"]), ("success", ["ValueSet"])]


@pytest.mark.parametrize(
    ("path", "status", "expected"),
    [
        ("/ValueSet/$unfold", 404, "rest.unknown-operation"),
        ("/Patient/$expand", 404, "rest.unknown-operation"),
        ("/$expand", 404, "rest.unknown-operation"),
        ("/ValueSets/$expand", 404, "rest.unknown-type"),
        ("/ValueSet/$expand", 400, "terminology.nothing-to-check"),
        ("/ValueSet/$expand?url=", 400, "rest.parameter-value"),
        ("/ValueSet/$expand?url=urn:a&url=urn:b", 400, "rest.parameter-value"),
        ("/ValueSet/$expand?url=urn:nowhere", 404, "terminology.unknown-value-set"),
        (f"/ValueSet/$expand?url={GENDERS}&colour=red", 400, "rest.parameter"),
        (f"/ValueSet/$expand?url={GENDERS}&count=many", 400, "rest.parameter-value"),
        (f"/ValueSet/$expand?url={GENDERS}&count=-1", 400, "rest.parameter-value"),
        (f"/ValueSet/$expand?url={GENDERS}&activeOnly=yes", 400, "rest.parameter-value"),
        (f"/ValueSet/$expand?url={GENDERS}&displayLanguage=%3Cx%3E", 400, "terminology.language"),
        ("/ValueSet/$expand?valueSet=x", 400, "rest.parameter-value"),
        ("/ValueSet/$batch-validate-code", 400, "rest.parameter-missing"),
        (f"/CodeSystem/$lookup?system={GENDER}&code=man", 404, "terminology.unknown-concept"),
        (f"/CodeSystem/$subsumes?system={GENDER}&codeA=male", 400, "terminology.nothing-to-check"),
        ("/ConceptMap/$translate?code=male&url=urn:nowhere", 404, "terminology.unknown-concept-map"),
    ],
)
def test_bad_questions_are_refused(http: Http, path: str, status: int, expected: str) -> None:
    answer = http.get(path)
    assert (answer.status_code, rule(answer)) == (status, expected)


CIRCULAR = [
    {"resourceType": "ValueSet", "url": f"urn:{name}", "compose": {"include": [{"valueSet": [f"urn:{other}"]}]}}
    for name, other in (("a", "b"), ("b", "a"))
]
MANY = {
    "resourceType": "CodeSystem",
    "url": "urn:many",
    "content": "complete",
    "concept": [{"code": str(number)} for number in range(10_001)],
}


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        ({"resourceType": "Patient"}, 400, "rest.parameter-value"),
        ({"resourceType": "Parameters", "parameter": {}}, 400, "rest.not-parameters"),
        (parameters({"valueString": "x"}), 400, "rest.not-parameters"),
        (parameters({"name": "url", "valueInteger": 1}), 400, "rest.parameter-value"),
        (parameters({"name": "count", "valueInteger": "1"}), 400, "rest.parameter-value"),
        (parameters({"name": "count", "valueInteger": 1, "valueString": "1"}), 400, "rest.parameter-value"),
        (parameters({"name": "valueSet", "resource": {"resourceType": "Patient"}}), 400, "rest.parameter-value"),
        (
            parameters(
                {"name": "url", "valueUri": "urn:a"}, *({"name": "tx-resource", "resource": vs} for vs in CIRCULAR)
            ),
            422,
            "terminology.circular",
        ),
        (
            parameters(
                {"name": "tx-resource", "resource": MANY},
                {
                    "name": "valueSet",
                    "resource": {"resourceType": "ValueSet", "compose": {"include": [{"system": "urn:many"}]}},
                },
            ),
            422,
            "terminology.too-costly",
        ),
        ({"resourceType": "ValueSet", "compose": {"include": [{"valueSet": [7]}]}}, 422, "terminology.malformed"),
        ({"resourceType": "ValueSet", "compose": {"include": [{"system": 7}]}}, 200, ""),
    ],
)
def test_bad_bodies_are_refused(http: Http, body: Resource, status: int, expected: str) -> None:
    answer = post(http, "/ValueSet/$expand", body)
    assert answer.status_code == status, answer.content
    assert not expected or rule(answer) == expected


def test_a_body_must_be_json(http: Http) -> None:
    answer = http.ask("POST", f"{BASE}/ValueSet/$expand", "ehr-app", content=b"<a/>")
    assert answer.status_code == 415
    headers = {"Content-Type": "application/json"}
    assert http.ask("POST", f"{BASE}/ValueSet/$expand", "ehr-app", content=b"{", headers=headers).status_code == 400
