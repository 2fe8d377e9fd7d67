"""A vendor's key over HTTP: it delivers its own source and sees its own receipts, and nothing else."""

from collections.abc import Iterator
from functools import partial
from itertools import product

import pytest

from tests.e2e.http_gateway import BASE, STUDY, Http, on_record, rule, serving, settled

INTAKE = f"/studies/{STUDY}/ingest"
BODY = b'{"status": 0, "body": {"measuregrps": []}}'
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    with serving(tmp_path_factory.mktemp("keys")) as served:
        yield served


@pytest.fixture(scope="module")
def key(http: Http) -> str:
    return http.gateway.api_keys.issue(STUDY, "withings")[0]


def test_a_key_delivers_in_either_header(http: Http, key: str) -> None:
    for header in ({"Authorization": f"Bearer {key}"}, {"X-Api-Key": key}, {"Authorization": f"bearer  {key}"}):
        answer = http.ask("POST", f"{INTAKE}/withings", headers=header | JSON, content=BODY)
        assert answer.status_code in (200, 202), answer.text
        place = answer.headers["Location"].partition("/studies")
        seen = http.ask("GET", "/studies" + place[2], headers=header)
        assert seen.json()["source"] == "withings"


def test_a_key_does_nothing_else(http: Http, key: str) -> None:
    header = {"Authorization": f"Bearer {key}"}
    receipt = http.ask("POST", f"{INTAKE}/google-health", "google-health", headers=JSON, content=b"{}").json()
    for method, path, status in (
        ("POST", f"{INTAKE}/google-health", 403),
        ("GET", f"/studies/{STUDY}/receipts/{receipt['id']}", 404),
        ("GET", f"{BASE}/Observation", 401),
        ("GET", f"{BASE}/Observation/x", 401),
        ("PUT", f"{BASE}/Observation/x", 401),
        ("POST", BASE, 401),
        ("GET", f"{BASE}/$export", 401),
        ("POST", f"{BASE}/Observation/_search", 401),
        ("GET", f"{BASE}/AuditEvent", 401),
    ):
        answer = http.ask(method, path, headers=header | JSON, content=BODY if method != "GET" else None)
        assert answer.status_code == status, (method, path, answer.text)
        answer = http.ask(method, path, headers={"X-Api-Key": key} | JSON, content=BODY if method != "GET" else None)
        assert answer.status_code == status, (method, path, answer.text)


def test_a_key_in_the_address_and_two_proofs_are_refused(http: Http, key: str) -> None:
    answer = http.ask("POST", f"{INTAKE}/withings?api_key={key}&x-api-key={key}", headers=JSON, content=BODY)
    assert (answer.status_code, rule(answer)) == (401, "rest.token-missing")
    both = JSON | {"X-Api-Key": key, "Authorization": f"Bearer {http.token('withings')}"}
    answer = http.ask("POST", f"{INTAKE}/withings", headers=both, content=BODY)
    assert (answer.status_code, rule(answer)) == (400, "auth.key-twice")


def test_a_request_has_one_key(http: Http, key: str) -> None:
    for pair in product((key, "gwk_x"), repeat=2):
        headers = [*JSON.items(), *(("X-Api-Key", one) for one in pair)]
        answer = http.portal.call(
            partial(http.client.request, "POST", f"{INTAKE}/withings", headers=headers, content=BODY)
        )
        assert (answer.status_code, rule(answer)) == (400, "auth.key-twice"), pair


def test_what_is_not_the_deliverers_is_refused_on_record(http: Http, key: str) -> None:
    mine = http.ask("POST", f"{INTAKE}/withings", "withings", headers=JSON, content=BODY).json()["id"]
    narrow = http.gateway.api_keys.issue(STUDY, "google-health", types=["Observation", "Device"])[0]
    attempts = [
        ("POST", f"{INTAKE}/google-health", {"X-Api-Key": key}, "withings", "ingest.not-your-source"),
        ("POST", f"{INTAKE}/withings", {"X-Api-Key": narrow}, "google-health", "ingest.not-your-source"),
        (
            "GET",
            f"/studies/{STUDY}/receipts/{mine}",
            {"X-Api-Key": narrow},
            "google-health",
            "ingest.unknown-receipt",
        ),
    ]
    for method, path, header, client, reason in attempts:
        before = settled(http)
        http.ask(method, path, headers=header | JSON, content=BODY if method == "POST" else None)
        told = [
            (event["client"], event["reason"]) for event in on_record(http, before) if event["outcome"] == "denied"
        ]
        assert told == [(client, reason)]


def test_one_request_has_one_authorization(http: Http, key: str) -> None:
    """What stands in front of the gateway may have looked at the other one."""
    proofs = [f"Bearer {http.token('withings')}", f"Bearer {key}", "Basic dTpw"]
    for first, second in product(proofs, proofs):
        pair = [("Authorization", first), ("authorization", second), ("Content-Type", "application/json")]
        for method, path in (
            ("GET", f"{BASE}/Observation"),
            ("GET", f"{BASE}/Patient/x"),
            ("POST", f"{INTAKE}/withings"),
        ):
            answer = http.portal.call(partial(http.client.request, method, path, headers=pair, content=BODY))
            assert (answer.status_code, rule(answer)) == (400, "rest.authorization-twice"), (method, path)


def test_a_wrong_key_learns_nothing(http: Http, key: str) -> None:
    answers = []
    for wrong in (key[:-1], "gwk_" + "0" * 12 + "_" + "A" * 43, "nonsense"):
        answer = http.ask("POST", f"{INTAKE}/withings", headers={"X-Api-Key": wrong} | JSON, content=BODY)
        assert answer.status_code == 401
        answers.append(answer.content)
    assert len(set(answers)) == 1
