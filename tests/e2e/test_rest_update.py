"""update over HTTP: versions, conditions, validation, and who may."""

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.core import dumps
from tests.e2e.http_gateway import BASE, REGISTRAR, STUDY, Http, observation, rule, serving

JSON = {"Content-Type": "application/fhir+json"}


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    with serving(tmp_path_factory.mktemp("updates")) as served:
        yield served


@pytest.fixture
def patient(http: Http) -> str:
    return http.participant("all").patient


def test_a_write_tells_version_place_and_body(http: Http, patient: str) -> None:
    created = http.put(observation("told", patient))
    assert created.status_code == 201
    assert created.headers["etag"] == 'W/"1"'
    assert created.headers["location"].endswith(f"{BASE}/Observation/told/_history/1")
    assert created.json()["meta"]["versionId"] == "1"
    updated = http.put(observation("told", patient, value="37.1"))
    assert (updated.status_code, updated.headers["etag"]) == (200, 'W/"2"')


def test_the_same_content_again_makes_no_version(http: Http, patient: str) -> None:
    http.put(observation("same", patient))
    again = http.put(observation("same", patient))
    assert (again.status_code, again.headers["etag"]) == (200, 'W/"1"')


def test_prefer_chooses_what_comes_back(http: Http, patient: str) -> None:
    assert http.put(observation("min", patient), Prefer="return=minimal").content == b""
    outcome = http.put(observation("min", patient, 2), Prefer="return=OperationOutcome").json()
    assert outcome["resourceType"] == "OperationOutcome"


def test_if_match_guards_against_lost_updates(http: Http, patient: str) -> None:
    http.put(observation("guarded", patient))
    assert http.put(observation("guarded", patient, 2), If_Match='W/"1"').status_code == 200
    late = http.put(observation("guarded", patient, 3), If_Match='W/"1"')
    assert late.status_code == 412
    assert late.json()["resourceType"] == "OperationOutcome"
    odd = http.put(observation("guarded", patient, 3), If_Match="one")
    assert (odd.status_code, rule(odd)) == (400, "rest.if-match")


def test_what_breaks_r4_is_not_stored(http: Http, patient: str) -> None:
    broken = observation("broken", patient) | {"status": "nonsense", "colour": "red"}
    answer = http.put(broken)
    assert answer.status_code == 422
    expressions = {text for found in answer.json()["issue"] for text in found.get("expression", [])}
    assert "Observation.status" in expressions
    assert http.get("/Observation/broken", client="registrar").status_code == 404


def test_bodies_that_are_no_such_resource_are_refused(http: Http, patient: str) -> None:
    good = observation("body", patient)
    cases: list[tuple[bytes, int, str]] = [
        (b"", 400, "payload.empty"),
        (b"{", 400, "payload.not-json"),
        (b"[]", 400, "rest.not-a-resource"),
        (b"{}", 400, "rest.not-a-resource"),
        (b'{"resourceType":"Observation","resourceType":"Patient"}', 400, "payload.duplicate-key"),
        (b'{"a":NaN}', 400, "payload.number"),
        (b"[" * 5000 + b"]" * 5000, 400, "payload.too-deep"),
        (dumps(good | {"resourceType": "Patient"}), 400, "rest.type-differs"),
        (dumps(good | {"id": "another"}), 400, "rest.id-differs"),
    ]
    for body, status, expected in cases:
        answer = http.ask("PUT", f"{BASE}/Observation/body", "registrar", content=body, headers=JSON)
        assert (answer.status_code, rule(answer)) == (status, expected), body[:40]
    text = http.ask(
        "PUT", f"{BASE}/Observation/body", "registrar", content=b"{}", headers={"Content-Type": "text/xml"}
    )
    assert (text.status_code, rule(text)) == (415, "rest.media-type")


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/fhir+json; charset=UTF-8", 200),
        ("Application/FHIR+JSON;fhirVersion=4.0", 200),
        ('application/json ; charset="utf-8"', 200),
        ("application/fhir+json; fhirVersion=5.0", 415),
        ("application/fhir+json; charset=iso-8859-1", 415),
        ("application/json; charset=utf-16", 415),
        ("text/json", 415),
        ("", 415),
    ],
)
def test_a_body_is_json_of_r4_in_utf_8(http: Http, patient: str, kind: str, status: int) -> None:
    body = dumps(observation("of-a-kind", patient))
    http.ask("PUT", f"{BASE}/Observation/of-a-kind", "registrar", content=body, headers=JSON)
    answer = http.ask(
        "PUT", f"{BASE}/Observation/of-a-kind", "registrar", content=body, headers={"Content-Type": kind}
    )
    assert answer.status_code == status


def test_a_body_beyond_the_limit_is_refused_and_not_read(http: Http, patient: str) -> None:
    large: dict[str, Any] = observation("large", patient) | {"note": [{"text": "x" * 21_000_000}]}
    answer = http.put(large)
    assert (answer.status_code, rule(answer)) == (413, "payload.too-large")


def test_readers_may_not_write(http: Http, patient: str) -> None:
    for client in ("ehr-app", "research", "data-manager"):
        answer = http.put(observation("intruder", patient), client)
        assert answer.status_code == 403, client
    assert http.get("/Observation/intruder", client="registrar").status_code == 404


def test_an_update_needs_the_letter_u_and_a_create_c(http: Http, patient: str) -> None:
    """Alone, in a transaction and where an update creates, as SMART has it."""
    client = http.gateway.studies[STUDY].clients[REGISTRAR]
    tree = observation("lettered", patient)
    entries = [{"method": "PUT", "url": "Observation/lettered"}, {"method": "POST", "url": "Observation"}]

    def status(letter: str, method: str, path: str, body: Any) -> int:
        token = http.gateway.issuer.issue(client, STUDY, 600, [f"system/Observation.{letter}"])
        given = {**JSON, "Authorization": f"Bearer {token}"}
        found: int = http.ask(method, BASE + path, content=dumps(body), headers=given).status_code
        return found

    for letter, put, post in (("c", 403, 201), ("u", 201, 403), ("u", 200, 403)):
        assert status(letter, "PUT", "/Observation/lettered", tree) == put
        assert status(letter, "POST", "/Observation", tree) == post
    for letter, statuses in (("c", [403, 200]), ("u", [200, 403])):
        for request, expected in zip(entries, statuses, strict=True):
            bundle = {
                "resourceType": "Bundle", "type": "transaction", "entry": [{"resource": tree, "request": request}],
            }  # fmt: skip
            assert status(letter, "POST", "", bundle) == expected
