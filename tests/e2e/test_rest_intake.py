"""The vendors' side over HTTP: who may deliver what, and what a receipt tells to whom."""

from collections.abc import Iterator

import pytest

from tests.e2e.http_gateway import STUDY, Http, rule, serving

ADDRESS = f"/studies/{STUDY}/ingest/google-health"
JSON = {"Content-Type": "application/json", "X-Vendor-User": "gh-101-001"}
CANARY = "Canary-Jane"


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    with serving(tmp_path_factory.mktemp("intake"), max_body_bytes=100_000) as served:
        yield served


def test_a_payload_that_no_mapping_reads_is_kept_with_its_reason(http: Http) -> None:
    body = b'{"unexpected": "' + CANARY.encode() + b'"}'
    answer = http.ask("POST", ADDRESS, "google-health", content=body, headers=JSON)
    receipt = answer.json()
    assert answer.status_code == 202
    assert (receipt["status"], receipt["source"], receipt["size"]) == ("quarantined", "google-health", len(body))
    assert receipt["outcome"]["resourceType"] == "OperationOutcome"
    assert CANARY not in answer.text
    again = http.ask("GET", answer.headers["location"], "google-health")
    assert again.json() == receipt


def test_a_receipt_is_for_its_source_and_the_data_manager(http: Http) -> None:
    receipt = http.ask("POST", ADDRESS, "google-health", content=b"{}", headers=JSON).json()
    path = f"/studies/{STUDY}/receipts/{receipt['id']}"
    assert http.ask("GET", path, "data-manager").status_code == 200
    assert http.ask("GET", path, "google-health").status_code == 200
    other = http.ask("GET", path, "withings")
    unknown = http.ask("GET", f"/studies/{STUDY}/receipts/never", "withings")
    assert other.status_code == unknown.status_code == 404
    assert other.content == unknown.content


@pytest.mark.parametrize("body", [b"", b"not json", b'{"a":', b'{"a":1,"a":2}', b"[" * 4000])
def test_bytes_that_are_no_json_are_answered_with_an_outcome(http: Http, body: bytes) -> None:
    answer = http.ask("POST", ADDRESS, "google-health", content=body, headers=JSON)
    tree = answer.json()
    outcome = tree if tree.get("resourceType") == "OperationOutcome" else tree["outcome"]
    assert outcome["issue"][0]["severity"] in ("error", "fatal")
    assert answer.status_code in (202, 400)


def test_only_the_source_itself_may_deliver(http: Http) -> None:
    for client in ("withings", "ehr-app", "data-manager", "registrar"):
        assert http.ask("POST", ADDRESS, client, content=b"{}", headers=JSON).status_code == 403, client


def test_refusals_name_their_rule(http: Http) -> None:
    missing = http.ask("POST", f"/studies/{STUDY}/ingest/nobody", "google-health", content=b"{}", headers=JSON)
    assert (missing.status_code, rule(missing)) == (404, "ingest.unknown-source")
    kind = http.ask("POST", ADDRESS, "google-health", content=b"{}", headers={"Content-Type": "image/png"})
    assert kind.status_code == 415
    large = http.ask("POST", ADDRESS, "google-health", content=b"x" * 100_001, headers=JSON)
    assert (large.status_code, rule(large)) == (413, "payload.too-large")
    packed = http.ask("POST", ADDRESS, "google-health", content=b"x", headers=JSON | {"Content-Encoding": "br"})
    assert (packed.status_code, rule(packed)) == (415, "rest.encoding")


def test_respond_async_answers_before_processing_and_the_receipt_tells_later(http: Http) -> None:
    headers = JSON | {"Prefer": "respond-async"}
    answer = http.ask("POST", ADDRESS, "google-health", content=b'{"later": true}', headers=headers)
    assert (answer.status_code, answer.json()["status"]) == (202, "received")
    path = f"/studies/{STUDY}/receipts/{answer.json()['id']}"
    assert http.ask("GET", path, "google-health").json()["status"] == "quarantined"
