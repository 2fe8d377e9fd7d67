"""Budgets over HTTP: 429 with Retry-After, each client for itself, wrong proofs by address and on record."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from gateway.core.event import Event
from tests.e2e.http_gateway import BASE, STUDY, Http, rule, serving

BODY = b'{"status": 0, "body": {"measuregrps": []}}'
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    budgets = {"rate_fhir": "5/day", "rate_ingest": "3/day", "rate_login": "4/day", "rate_failures": "6/day"}
    with serving(tmp_path_factory.mktemp("rates"), **budgets) as served:
        yield served


def statuses(http: Http, count: int, client: str = "ehr-app", **headers: str) -> list[int]:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    paths = ("/Observation", "/Patient/x", "/metadata", "/Observation/_search", "/_history")
    ways = [("GET", paths[0]), ("HEAD", paths[0]), ("GET", paths[1]), ("POST", paths[3]), ("GET", paths[4])]
    sent = [(*ways[number % len(ways)],) for number in range(count)]
    return [http.ask(method, BASE + path, client, headers=FORM | given).status_code for method, path in sent]


def test_a_client_has_its_budget_whatever_it_asks_and_says(http: Http) -> None:
    assert 429 not in statuses(http, 5)
    assert set(statuses(http, 5, X_Forwarded_For="203.0.113.7")) == {429}
    answer = http.get("/Observation")
    assert (answer.status_code, rule(answer)) == (429, "auth.rate")
    assert 0 < int(answer.headers["retry-after"]) <= 86_401  # a window ends at a whole second, rounded up
    assert 429 not in statuses(http, 5, "research")
    assert http.get("/metadata").status_code == 200


def test_a_bundle_counts_once_and_its_entries_too(http: Http) -> None:
    entry = b'{"request":{"method":"GET","url":"Observation"}}'
    bundle = b'{"resourceType":"Bundle","type":"batch","entry":[' + b",".join([entry] * 3) + b"]}"
    answer = http.ask("POST", BASE, "ehr-app", headers={"Content-Type": "application/fhir+json"}, content=bundle)
    assert answer.status_code == 200
    assert 429 in statuses(http, 5)


@pytest.fixture
def few_searches(tmp_path: Path) -> Iterator[Http]:
    with serving(tmp_path, rate_search="3/day", rate_ingest="1/day") as served:
        yield served


def test_searches_have_a_budget_of_their_own_and_those_of_a_batch_count(few_searches: Http) -> None:
    entries = b",".join([b'{"request":{"method":"GET","url":"Observation?code=8310-5"}}'] * 2)
    bundle = b'{"resourceType":"Bundle","type":"batch","entry":[' + entries + b"]}"
    given = {"Content-Type": "application/fhir+json"}
    assert few_searches.ask("POST", BASE, "ehr-app", headers=given, content=bundle).status_code == 200
    path, form = f"{BASE}/Observation/_search", {"Content-Type": "application/x-www-form-urlencoded"}
    assert few_searches.ask("POST", path, "ehr-app", headers=form, content=b"_count=1").status_code == 200
    assert few_searches.get("/Observation?code=8310-5").status_code == 429
    assert few_searches.get("/Observation?_sort=date").status_code == 429
    assert few_searches.get("/Patient/x").status_code == 404
    assert few_searches.get("/Observation?code=8310-5", "research").status_code == 200


def test_a_delivery_with_a_token_comes_from_the_budget_of_deliveries(few_searches: Http) -> None:
    sent = [
        few_searches.ask("POST", f"/studies/{STUDY}/ingest/withings", "withings", content=BODY).status_code
        for _ in range(2)
    ]
    assert sent[0] != 429
    assert sent[1] == 429


def test_keys_of_one_vendor_share_its_budget(http: Http) -> None:
    keys = [http.gateway.api_keys.issue(STUDY, "withings")[0] for _ in range(2)]
    found = [
        http.ask(
            "POST", f"/studies/{STUDY}/ingest/withings", content=BODY,
            headers={"X-Api-Key": keys[number % 2], "Content-Type": "application/json"},
        ).status_code
        for number in range(5)
    ]  # fmt: skip
    assert found[3:] == [429, 429]
    assert 429 not in found[:3]


def test_the_token_endpoint_has_its_budget(http: Http) -> None:
    found = [
        http.ask("POST", f"/auth/{name}", headers=FORM, content=b"grant_type=x").status_code
        for name in ("token", "introspect", "revoke", "token", "token", "introspect")
    ]
    assert 429 not in found[:4]
    assert found[4:] == [429, 429]


def test_wrong_proofs_end_with_the_address_and_are_on_record(http: Http) -> None:
    wrong = {"Authorization": "Bearer nonsense"}
    found = [http.ask("GET", f"{BASE}/Observation/x", headers=wrong).status_code for _ in range(8)]
    assert found == [401] * 6 + [429] * 2
    assert http.get("/Observation").status_code == 429
    http.gateway.trail.record(Event(http.gateway.clock(), STUDY, "E", "marker", "success", "", "", "", ""))
    rows = [msgspec.json.decode(row.event, type=Event) for row in http.gateway.store.rows(STUDY)]
    failed = [event for event in rows if event.operation == "login"]
    assert [(event.outcome, event.reason, event.client) for event in failed] == [
        ("failure", "auth.token-invalid", "")
    ] * 6
