"""Batches and transactions over HTTP: order, references, conditions, all or nothing, and what an entry may ask."""

from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from gateway.core import dumps, loads
from gateway.core.issues import any_blocks
from tests.e2e.bundle_entries import JSON, SYSTEM, entry, send, statuses, without_id
from tests.e2e.http_gateway import BASE, REGISTRAR, Http, observation, rule, serving_on


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def http(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    with serving_on(request, tmp_path_factory.mktemp("bundles"), bundle_limit=50) as served:
        yield served


@pytest.fixture
def patient(http: Http) -> str:
    return http.participant("all").patient


def total(http: Http, value: str) -> int:
    found: int = http.get(f"/Observation?identifier={SYSTEM}|{value}&_summary=count").json()["total"]
    return found


def test_a_batch_does_each_entry_for_itself(http: Http, patient: str) -> None:
    answer = send(
        http,
        "batch",
        entry("PUT", "Observation/b1", observation("b1", patient)),
        entry("PUT", "Observation/b2", observation("b2", patient) | {"status": "nonsense"}),
        entry("GET", "Observation/b1"),
        entry("GET", "Observation?_id=b1,b2"),
        entry("POST", "Observation", without_id(observation("x", patient))),
        entry("GET", "Observation/never"),
        entry("DELETE", "Observation/b1"),
        entry("GET", "metadata"),
        entry("GET", "Observation/$nonsense"),
    )
    assert statuses(answer) == ["201", "422", "200", "200", "201", "404", "204", "200", "404"]
    bundle = loads(answer.content)
    assert bundle["type"] == "batch-response"
    assert not any_blocks(http.gateway.engines.validator.validate(bundle))
    found = bundle["entry"]
    assert found[1]["response"]["outcome"]["resourceType"] == "OperationOutcome"
    assert found[2]["resource"]["id"] == "b1"
    assert found[3]["resource"]["type"] == "searchset"
    assert found[0]["response"]["etag"] == 'W/"1"'


@pytest.mark.parametrize(
    "wrong",
    [
        1,
        {},
        {"request": {"method": "LOOK", "url": "Observation/1"}},
        {"request": {"method": "PUT", "url": "Observation/1"}},
        {"request": {"method": "GET", "url": "http://elsewhere.test/Patient/1"}},
        {"request": {"method": "GET", "url": "Observation/1", "ifNoneMatch": "a\r\nb"}},
    ],
    ids=["number", "empty", "method", "no-resource", "elsewhere", "header"],
)
def test_an_entry_of_a_batch_that_is_none_fails_alone(http: Http, patient: str, wrong: Any) -> None:
    answer = send(http, "batch", entry("GET", f"Patient/{patient}"), wrong, entry("GET", "Observation?_count=0"))
    assert statuses(answer) == ["200", "400", "200"]
    told = answer.json()["entry"][1]["response"]["outcome"]["issue"][0]
    assert (told["details"]["coding"][0]["code"], told["expression"]) == ("rest.bundle-entry", ["Bundle.entry[1]"])


@pytest.mark.parametrize("kind", ["batch", "transaction"])
def test_a_read_in_a_bundle_has_its_own_conditions(http: Http, patient: str, kind: str) -> None:
    place = f"Patient/{patient}"
    read = http.get(f"/{place}", REGISTRAR)
    tag, modified = read.headers["etag"], read.headers["last-modified"]
    answer = send(
        http,
        kind,
        entry("GET", place, ifNoneMatch=tag),
        entry("GET", place, ifModifiedSince=modified),
        entry("GET", place, ifModifiedSince=read.json()["meta"]["lastUpdated"]),
        entry("GET", place, ifModifiedSince="2020-01-01T00:00:00.5+01:00"),
        entry("GET", place, ifNoneMatch='W/"99"'),
        entry("GET", place),
        If_None_Match=tag,
        If_Modified_Since=modified,
    )
    assert statuses(answer) == ["304", "304", "304", "200", "200", "200"]
    times = {parsedate_to_datetime(modified).strftime("%Y-%m-%dT%H:%M:%S")}
    assert {found["response"]["lastModified"][:19] for found in answer.json()["entry"]} == times


def test_what_became_of_an_entry_of_a_batch_is_no_resource(http: Http, patient: str) -> None:
    made = without_id(observation("x", patient))
    judged = entry("POST", "Observation/$validate", made)
    head = entry("HEAD", f"Patient/{patient}")
    answer = send(http, "batch", entry("POST", "Observation", made), judged, head, Prefer="return=OperationOutcome")
    assert statuses(answer) == ["201", "200", "200"]
    written, validated, headed = answer.json()["entry"]
    assert (
        written["response"]["outcome"]["resourceType"] == validated["resource"]["resourceType"] == "OperationOutcome"
    )
    assert "resource" not in written
    assert headed.keys() == {"response"}


def test_a_batch_is_no_stronger_than_its_client(http: Http, patient: str) -> None:
    wanted = [entry("PUT", "Observation/mine", observation("mine", patient)), entry("GET", "Observation?_count=0")]
    assert statuses(send(http, "batch", *wanted, client="ehr-app")) == ["403", "200"]
    refused = send(http, "transaction", wanted[0], client="ehr-app")
    assert (refused.status_code, rule(refused)) == (403, "auth.scope")
    for kind in ("batch", "transaction"):
        answer = send(http, kind, wanted[0], client="google-health")
        assert answer.status_code == 403 or statuses(answer) == ["403"]


@pytest.mark.parametrize(
    "url",
    [
        "../Patient/1", "Observation/../../x", "%2e%2e/%2e%2e/ingest/withings", "/", "http://elsewhere.test/Patient/1",
        "//elsewhere.test/x", "Patient/1#x", "Patient\\1", "Patient/%00", "Patient/%ff", "", "urn:uuid:1",
        "/studies/other/fhir/Patient/1", "Patient//1", "javascript:1", "Observation/a/b/c/d/e",
    ],
)  # fmt: skip
def test_an_entry_leads_nowhere_but_below_the_base(http: Http, url: str) -> None:
    resource = {"resourceType": "Patient", "id": "1"}
    for kind in ("batch", "transaction"):
        for method in ("POST", "PUT"):
            answer = send(http, kind, entry(method, url, resource))
            refused = answer.status_code in (400, 404) or statuses(answer)[0] in ("400", "404", "405")
            assert refused, (kind, method, answer.text)


def test_entries_refer_to_each_other(http: Http, patient: str) -> None:
    base = observation("x", patient)
    answer = send(
        http,
        "transaction",
        entry(
            "POST",
            "Observation",
            without_id(base | {"derivedFrom": [{"reference": "urn:uuid:two"}, {"reference": "Observation/9"}]}),
            "http://elsewhere.test/Observation/8",
        ),
        entry("POST", "Observation", without_id(base), "urn:uuid:two"),
        entry("POST", "Observation", without_id(base), "http://elsewhere.test/Observation/9"),
        Prefer="return=representation",
    )
    assert statuses(answer) == ["201"] * 3
    first, second, third = (found["resource"] for found in answer.json()["entry"])
    wanted = [f"Observation/{second['id']}", f"Observation/{third['id']}"]
    assert [found["reference"] for found in first["derivedFrom"]] == wanted


def test_entries_are_done_in_the_order_of_the_specification(http: Http, patient: str) -> None:
    http.put(observation("order", patient) | {"identifier": [{"system": SYSTEM, "value": "order"}]})
    answer = send(
        http,
        "transaction",
        entry("GET", "Observation/put-later"),
        entry("PUT", "Observation/put-later", observation("put-later", patient)),
        entry("POST", "Observation", without_id(observation("x", patient), "order")),
        entry("DELETE", "Observation/order"),
    )
    assert statuses(answer) == ["200", "201", "201", "204"]
    assert answer.json()["entry"][0]["resource"]["id"] == "put-later"
    assert total(http, "order") == 1


def test_a_transaction_is_all_or_nothing(http: Http, patient: str) -> None:
    good = entry("POST", "Observation", without_id(observation("x", patient), "whole"))
    bad = {
        "conformance.binding-required": entry("PUT", "Observation/n1", observation("n1", patient) | {"status": "no"}),
        "consent.collection-not-permitted": entry("PUT", "Observation/n2", observation("n2", "nobody")),
        "store.version-conflict": entry(
            "PUT", "Observation/n3", observation("n3", patient), ifMatch='W/"7"'
        ),
        "auth.not-found": entry(
            "PATCH", "Observation/n4",
            {"resourceType": "Parameters", "parameter": []},
        ),
        "rest.bundle-read": entry("GET", "Observation/never-there"),
        "consent.no-deletion": entry("DELETE", f"Consent/{_consent(http, patient)}"),
    }  # fmt: skip
    for expected, refused in bad.items():
        answer = send(http, "transaction", good, refused)
        assert answer.status_code >= 400, expected
        assert rule(answer) == expected
    assert total(http, "whole") == 0
    for name in ("n1", "n2", "n3"):
        assert http.get(f"/Observation/{name}", client=REGISTRAR).status_code == 404


def _consent(http: Http, patient: str) -> str:
    return str(http.get(f"/Consent?patient={patient}", client=REGISTRAR).json()["entry"][0]["resource"]["id"])


def test_a_refusal_names_the_entry(http: Http, patient: str) -> None:
    answer = send(
        http,
        "transaction",
        entry("PUT", "Observation/e1", observation("e1", patient)),
        entry("PUT", "Observation/e2", observation("e2", patient) | {"status": "no"}),
    )
    assert answer.json()["issue"][0]["expression"] == ["Bundle.entry[1].resource.status"]


def test_conditions_hold_inside_a_transaction(http: Http, patient: str) -> None:
    create = entry(
        "POST",
        "Observation",
        without_id(observation("x", patient), "cond"),
        "urn:uuid:base",
        ifNoneExist=f"identifier={SYSTEM}|cond",
    )
    child = without_id(observation("x", patient), "child") | {"derivedFrom": [{"reference": "urn:uuid:base"}]}
    other = without_id(observation("x", patient), "by-search") | {
        "derivedFrom": [{"reference": f"Observation?identifier={SYSTEM}|cond"}]
    }
    first = send(http, "transaction", create, Prefer="return=representation")
    base = f"Observation/{first.json()['entry'][0]['resource']['id']}"
    answer = send(
        http,
        "transaction",
        create,
        entry("PUT", f"Observation?identifier={SYSTEM}|child", child),
        entry("POST", "Observation", other),
        entry("DELETE", f"Observation?identifier={SYSTEM}|nothing"),
        Prefer="return=representation",
    )
    assert statuses(answer) == ["200", "201", "201", "204"]
    told = answer.json()["entry"]
    assert [told[number]["resource"]["derivedFrom"][0]["reference"] for number in (1, 2)] == [base, base]
    assert total(http, "cond") == 1
    missing = without_id(observation("x", patient)) | {
        "derivedFrom": [{"reference": f"Observation?identifier={SYSTEM}|absent"}]
    }
    refused = send(http, "transaction", entry("POST", "Observation", missing))
    assert (refused.status_code, rule(refused)) == (412, "rest.reference-unresolved")


def test_a_patch_in_a_transaction(http: Http, patient: str) -> None:
    http.put(observation("patched", patient))
    parts = [
        {"name": "type", "valueCode": "replace"},
        {"name": "path", "valueString": "Observation.status"},
        {"name": "value", "valueCode": "amended"},
    ]
    patch = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": parts}]}
    binary = {
        "resourceType": "Binary",
        "contentType": "application/json-patch+json",
        "data": "W3sib3AiOiJ0ZXN0IiwicGF0aCI6Ii9zdGF0dXMiLCJ2YWx1ZSI6ImFtZW5kZWQifV0=",
    }
    assert statuses(send(http, "transaction", entry("PATCH", "Observation/patched", patch))) == ["200"]
    for kind in ("batch", "transaction"):
        assert statuses(send(http, kind, entry("PATCH", "Observation/patched", binary))) == ["200"]
    assert http.get("/Observation/patched").json()["status"] == "amended"


def test_a_participant_comes_with_the_consent_in_one_transaction(http: Http) -> None:
    study = http.gateway.studies["hf-dct-01"]
    template = next(found for found in study.enrolment() if found["resourceType"] == "Consent" and
                    found["status"] == "active")  # fmt: skip
    person = {"resourceType": "Patient", "id": "newcomer"}
    consent = template | {"id": "newcomer-consent", "patient": {"reference": "Patient/newcomer"}}
    data = entry("PUT", "Observation/newcomer-1", observation("newcomer-1", "newcomer"))
    who = entry("PUT", "Patient/newcomer", person)
    refused = send(http, "transaction", who, data)
    assert (refused.status_code, rule(refused)) == (403, "consent.collection-not-permitted")
    assert (
        statuses(send(http, "transaction", data, entry("PUT", "Consent/newcomer-consent", consent), who))
        == ["201"] * 3
    )
    assert http.get("/Observation/newcomer-1").status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        ({"resourceType": "Patient"}, 400, "rest.not-a-bundle"),
        ({"resourceType": "Bundle", "type": "collection"}, 400, "rest.not-a-bundle"),
        ({"resourceType": "Bundle", "type": "batch", "entry": {}}, 400, "rest.not-a-bundle"),
        ({"resourceType": "Bundle", "type": "transaction", "entry": [1]}, 400, "rest.bundle-entry"),
        ({"resourceType": "Bundle", "type": "transaction", "entry": [{"resource": {}}]}, 400, "rest.bundle-entry"),
        (
            {
                "resourceType": "Bundle",
                "type": "transaction",
                "entry": [{"request": {"method": "PUT", "url": "Patient/1"}}],
            },
            400,
            "rest.bundle-entry",
        ),
        (
            {
                "resourceType": "Bundle",
                "type": "transaction",
                "entry": [{"request": {"method": "GET", "url": "Patient/1", "ifNoneMatch": "a\r\nb"}}],
            },
            400,
            "rest.bundle-entry",
        ),
        (
            {
                "resourceType": "Bundle",
                "type": "batch",
                "entry": [{"request": {"method": "GET", "url": "Patient/1"}}] * 51,
            },
            413,
            "rest.bundle-size",
        ),
    ],
)
def test_what_is_no_such_bundle_is_refused(http: Http, body: Any, status: int, expected: str) -> None:
    answer = http.ask("POST", BASE, REGISTRAR, content=dumps(body), headers=JSON)
    assert (answer.status_code, rule(answer)) == (status, expected)


def test_two_entries_of_one_resource_are_refused(http: Http, patient: str) -> None:
    twice = [entry("PUT", "Observation/t", observation("t", patient))] * 2
    assert rule(send(http, "transaction", *twice)) == "rest.bundle-repeated"
    same = [entry("POST", "Observation", without_id(observation("x", patient)), "urn:uuid:1")] * 2
    assert rule(send(http, "transaction", *same)) == "rest.bundle-repeated"
    once = entry("POST", "Observation", without_id(observation("x", patient)), ifNoneExist=f"identifier={SYSTEM}|1x")
    put = entry("PUT", f"Observation?identifier={SYSTEM}|1x", without_id(observation("x", patient)))
    for pair in ([once, once], [once, put], [put, put]):  # of one condition, which nothing meets yet
        assert rule(send(http, "transaction", *pair)) == "rest.bundle-repeated"


def test_a_condition_asks_for_no_other_entry(http: Http, patient: str) -> None:
    """It would find nothing, and create anew each time; an identifier may be the same URN."""
    urn = "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0c"
    base = entry("POST", "Observation", without_id(observation("x", patient), urn), urn,
                 ifNoneExist=f"identifier={SYSTEM}|{urn}")  # fmt: skip
    derived = without_id(observation("x", patient) | {"derivedFrom": [{"reference": urn}]})
    answer = send(http, "transaction", base, entry("POST", "Observation", derived, ifNoneExist=f"derived-from={urn}"))
    assert (answer.status_code, rule(answer)) == (400, "rest.condition-entry")
    assert answer.json()["issue"][0]["expression"] == ["Bundle.entry[1]"]
    assert statuses(send(http, "transaction", base, entry("POST", "Observation", derived))) == ["201", "201"]
    assert statuses(send(http, "transaction", base, entry("POST", "Observation", derived))) == ["200", "201"]


def test_nobody_writes_the_audit_trail_by_a_bundle(http: Http) -> None:
    event = {"resourceType": "AuditEvent", "id": "mine"}
    for method in ("PUT", "DELETE"):
        request = {"request": {"method": method, "url": "AuditEvent/mine"}}
        answer = send(http, "transaction", request | ({"resource": event} if method == "PUT" else {}))
        assert (answer.status_code, rule(answer)) == (405, "rest.method")


def test_an_empty_bundle_is_done(http: Http) -> None:
    for kind in ("batch", "transaction"):
        answer = send(http, kind)
        assert answer.json() == {"resourceType": "Bundle", "type": f"{kind}-response"}
