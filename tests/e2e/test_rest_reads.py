"""read, vread, metadata and health over HTTP: versions, conditions, and the one 404 of what is hidden or absent."""

from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.core import dumps, loads
from gateway.core.issues import any_blocks
from tests.e2e.http_gateway import BASE, STUDY, Http, observation, rule, serving


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    with serving(tmp_path_factory.mktemp("reads")) as served:
        open_to_all = served.participant("all")
        hidden = served.participant("norte-research-only")
        assert served.put(observation("seen", open_to_all.patient)).status_code == 201
        assert served.put(observation("seen", open_to_all.patient, value="36.70")).status_code == 200
        assert served.put(observation("hidden", hidden.patient)).status_code == 201
        yield served


def test_a_read_is_the_current_version_with_etag_and_date(http: Http) -> None:
    answer = http.get("/Observation/seen")
    assert answer.status_code == 200
    assert answer.headers["etag"] == 'W/"2"'
    assert answer.headers["last-modified"].endswith("GMT")
    assert answer.headers["content-type"] == "application/fhir+json"
    assert b'"value":36.70' in answer.content
    assert answer.json()["meta"]["versionId"] == "2"


def test_a_client_that_has_the_version_is_told_so(http: Http) -> None:
    answer = http.get("/Observation/seen", headers={"If-None-Match": 'W/"2"'})
    assert (answer.status_code, answer.content) == (304, b"")
    assert http.get("/Observation/seen", headers={"If-None-Match": 'W/"1"'}).status_code == 200


def test_vread_gives_each_version(http: Http) -> None:
    assert b'"value":36.60' in http.get("/Observation/seen/_history/1").content
    assert b'"value":36.70' in http.get("/Observation/seen/_history/2").content
    for version in ("3", "0", "-1", "x", "99999999999999999999"):
        assert http.get(f"/Observation/seen/_history/{version}").status_code == 404


def test_head_is_get_without_a_body(http: Http) -> None:
    answer = http.ask("HEAD", f"{BASE}/Observation/seen", "ehr-app")
    assert answer.status_code == 200
    assert answer.headers["etag"] == 'W/"2"'


@pytest.mark.parametrize(
    ("accept", "query", "status", "kind"),
    [
        ("image/png", "", 200, "image/png"),
        ("image/*;q=0.5, text/plain", "", 200, "image/png"),
        ("image/png", "?_format=json", 200, "application/fhir+json"),
        ("*/*", "", 200, "application/fhir+json"),
        ("image/png, application/fhir+json", "", 200, "application/fhir+json"),
        ("image/jpeg", "", 406, "application/fhir+json"),
        ("image/png;q=0", "", 406, "application/fhir+json"),
        ("image/png", "?_format=image/png", 406, "application/fhir+json"),
    ],
)
@pytest.mark.parametrize("version", ["", "/_history/1"])
def test_a_binary_is_served_as_what_it_holds(
    http: Http, accept: str, query: str, status: int, kind: str, version: str
) -> None:
    content = b"\x89PNG\r\n\x1a\n"
    about = {"reference": f"Patient/{http.participant('all').patient}"}
    binary = {"resourceType": "Binary", "id": "picture", "contentType": "image/png", "securityContext": about}
    http.put(binary | {"data": b64encode(content).decode()})
    answer = http.get(f"/Binary/picture{version}{query}", headers={"Accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (status, kind)
    if kind == "image/png":
        assert (answer.content, answer.headers["etag"]) == (content, 'W/"1"')
        assert answer.headers["content-disposition"] == "attachment"
        again = http.get("/Binary/picture", headers={"Accept": accept, "If-None-Match": 'W/"1"'})
        assert (again.status_code, again.content) == (304, b"")


def test_a_hidden_binary_is_not_there_in_any_type(http: Http) -> None:
    about = {"reference": f"Patient/{http.participant('norte-research-only').patient}"}
    http.put({"resourceType": "Binary", "id": "unseen", "contentType": "text/plain", "securityContext": about})
    for accept in ("text/plain", "image/png", "application/fhir+json"):
        answers = [http.get(f"/Binary/{name}", headers={"Accept": accept}) for name in ("unseen", "never-was")]
        assert {answer.status_code for answer in answers} == {404}


def _schemas(node: object) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for below in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _schemas(below)


def test_generators_can_use_the_description(http: Http) -> None:
    found = http.ask("GET", "/openapi.json").json()
    operations = [one for path in found["paths"].values() for one in path.values()]
    names = [one["operationId"] for one in operations]
    assert len(names) == len(set(names)) > 60
    assert all("items" in one for one in _schemas(found) if one.get("type") == "array")
    references = {one["$ref"].rpartition("/")[2] for one in _schemas(found) if "$ref" in one}
    assert references == found["components"]["schemas"].keys()
    searched = next(one for one in operations if one["operationId"] == "search-get-studies-study-fhir-type")
    free = next(one for one in searched["parameters"] if one["name"] == "parameters")
    assert (free["style"], free["explode"], free["schema"]["type"]) == ("form", True, "object")
    trail = {method for path, found in found["paths"].items() if "/AuditEvent" in path for method in found}
    assert trail == {"get", "post"}  # what is there to refuse is not told


def test_pretty_keeps_numbers(http: Http) -> None:
    answer = http.get("/Observation/seen?_pretty=true")
    assert b'"value": 36.70' in answer.content
    assert loads(answer.content) == loads(http.get("/Observation/seen").content)


def test_hidden_absent_and_impossible_ids_are_the_same_404(http: Http) -> None:
    answers = [http.get(f"/Observation/{name}") for name in ("hidden", "never-was", "no_id_at_all", "a" * 65)]
    answers.append(http.get("/Observation/hidden/_history/1"))
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    assert len({frozenset(set(answer.headers) - {"date"}) for answer in answers}) == 1


def test_metadata_is_public_valid_and_true(http: Http) -> None:
    answer = http.get("/metadata", client="")
    statement = loads(answer.content)
    assert answer.status_code == 200
    assert not any_blocks(http.gateway.engines.validator.validate(statement))
    [observation_entry] = [entry for entry in statement["rest"][0]["resource"] if entry["type"] == "Observation"]
    assert {entry["code"] for entry in observation_entry["interaction"]} == {
        *("read", "vread", "history-instance", "history-type", "search-type"),
        *("create", "update", "patch", "delete"),
    }
    assert {"_id", "_lastUpdated", "_tag", "patient", "code-value-quantity", "value-string"} <= {
        entry["name"] for entry in observation_entry["searchParam"]
    }
    assert "Observation:subject" in observation_entry["searchInclude"]
    assert "Provenance:target" in observation_entry["searchRevInclude"]
    assert (observation_entry["conditionalCreate"], observation_entry["conditionalDelete"]) == (True, "single")
    assert {entry["code"] for entry in statement["rest"][0]["interaction"]} == {
        *("transaction", "batch", "search-system", "history-system"),
    }
    assert "ofType" in statement["rest"][0]["documentation"]


def test_what_metadata_lists_as_parameters_is_searched(http: Http) -> None:
    statement = http.get("/metadata", client="").json()
    values = {"date": "2026", "number": "1", "quantity": "1", "composite": ""}
    for entry in statement["rest"][0]["resource"][:40]:
        for parameter in entry["searchParam"]:
            value = values.get(parameter["type"], "x")
            if not value:
                continue
            reader = "auditor" if entry["type"] == "AuditEvent" else "ehr-app"
            answer = http.get(f"/{entry['type']}?{parameter['name']}={value}", reader)
            assert answer.status_code == 200, (entry["type"], parameter["name"], answer.content)


def test_metadata_promises_no_more_than_is_done(http: Http) -> None:
    [rest] = http.get("/metadata", client="").json()["rest"]
    found = {entry["type"]: entry for entry in rest["resource"]}
    assert rest["security"]["cors"] is False
    assert (found["Observation"]["versioning"], found["Observation"]["conditionalRead"]) == (
        "versioned",
        "full-support",
    )
    assert http.put(observation("unguarded", http.participant("all").patient)).status_code == 201
    assert http.put(observation("unguarded", http.participant("all").patient, day=2)).status_code == 200
    assert found["Consent"]["versioning"] == "versioned-update"
    assert {"_id", "_lastUpdated", "_tag"} <= {one["name"] for one in rest["searchParam"]}
    assert not any("questionnaire" in one for one in found["QuestionnaireResponse"]["searchInclude"])
    trail = found["AuditEvent"]
    assert trail["conditionalRead"] == "not-supported"
    assert not {"searchInclude", "searchRevInclude"} & trail.keys()
    assert [one["name"] for one in trail["operation"]] == ["validate"]
    assert not any("AuditEvent:" in one for entry in found.values() for one in entry.get("searchRevInclude", ()))


def test_health_and_discovery_need_no_token(http: Http) -> None:
    assert http.ask("GET", "/healthz").json() == {"status": "ok"}
    assert http.ask("GET", "/readyz").json() == {"status": "ready"}
    configuration = http.get("/.well-known/smart-configuration", client="").json()
    assert "system/*.rs" in configuration["scopes_supported"]
    keys = http.ask("GET", "/auth/jwks").json()["keys"]
    assert keys
    assert all("d" not in key for key in keys)


def test_every_other_address_asks_for_a_token(http: Http) -> None:
    public = {"/healthz", "/readyz", "/openapi.json", "/auth/jwks"} | {
        *("/auth/token", "/auth/introspect", "/auth/revoke", "/auth/authorize"),  # each form proves its client itself
        *("/studies/{study}/webhooks/{source}", "/studies/{study}/webhooks/{source}/{token}"),  # each delivery, too
        "/studies/{study}/fhir/metadata",
        "/studies/{study}/fhir/.well-known/smart-configuration",
    }
    asked = 0
    for route in http.app.routes:
        path = route.path
        if path in public:
            continue
        for name, value in {"study": STUDY, "type": "Patient", "source": "withings"}.items():
            path = path.replace("{" + name + "}", value)
        path = path.replace("{id}", "1").replace("{version}", "1").replace("{receipt}", "1")
        for method in route.methods - {"HEAD"}:
            answer = http.ask(method, path, content=b"{}" if method in ("PUT", "POST") else None)
            assert (answer.status_code, rule(answer)) == (401, "rest.token-missing"), (method, path)
            asked += 1
    assert asked >= 7


@pytest.mark.parametrize("token", ["nonsense", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
def test_an_invented_token_is_refused(http: Http, token: str) -> None:
    answer = http.ask("GET", f"{BASE}/Observation/seen", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert token not in answer.text


def test_refusals_name_their_rule(http: Http) -> None:
    cases = {
        ("GET", f"{BASE}/Nonsense/1"): (404, "rest.unknown-type"),
        ("GET", f"{BASE}/observation/1"): (404, "rest.unknown-type"),
        ("GET", "/studies/no-such-study/fhir/Patient/1"): (404, "rest.unknown-study"),
        ("GET", f"{BASE}/Observation/seen?unknown=1"): (400, "rest.parameter"),
        ("GET", f"{BASE}/Observation/seen?_format=xml"): (406, "rest.not-acceptable"),
        ("DELETE", f"{BASE}/Observation/seen"): (403, "auth.scope"),
        ("PATCH", f"{BASE}/Observation"): (403, "auth.scope"),
        ("POST", f"{BASE}/Observation/seen"): (405, "rest.method"),
        ("GET", "/nowhere"): (404, "rest.unknown-route"),
        ("GET", f"{BASE}/Observation/seen/"): (404, "rest.unknown-route"),
    }
    for (method, path), expected in cases.items():
        answer = http.ask(method, path, "ehr-app")
        assert (answer.status_code, rule(answer)) == expected, path
    xml = http.get("/Observation/seen", headers={"Accept": "application/fhir+xml"})
    assert (xml.status_code, rule(xml)) == (406, "rest.not-acceptable")


def test_a_served_body_is_what_was_sent_plus_meta(http: Http) -> None:
    person = http.participant("all")
    sent = observation("exact", person.patient, value="36.600")
    assert http.put(sent).status_code == 201
    served = loads(http.get("/Observation/exact").content)
    meta = served.pop("meta")
    assert dumps(served) == dumps(sent)
    assert set(meta) == {"versionId", "lastUpdated"}
