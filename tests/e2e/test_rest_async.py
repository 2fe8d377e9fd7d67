"""Requests that are answered later: taken, done once, fetched by who asked, and never against a newer Consent."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.core import dumps
from gateway.core.types import Resource
from gateway.rest.waiting.requests import RUNNING_LIMIT, asked_of
from gateway.study import withdraw
from tests.e2e.http_gateway import BASE, REGISTRAR, STUDY, Http, observation, rule, serving

ASYNC = {"Prefer": "respond-async"}
JSON = {"Content-Type": "application/fhir+json"}
ROUNDS = 2_000


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    with serving(tmp_path_factory.mktemp("async")) as served:
        yield served


@pytest.fixture(scope="module")
def patient(http: Http) -> str:
    return http.participant("all").patient


def begun(http: Http, method: str, path: str, client: str = "ehr-app", **options: Any) -> str:
    """Where the request is asked about, below the base."""
    given = options.pop("headers", {})
    headers = given | {"Prefer": ", ".join((*(given[name] for name in given if name == "Prefer"), "respond-async"))}
    answer = http.ask(method, BASE + path, client, headers=headers, **options)
    assert (answer.status_code, answer.content) == (202, b""), answer.text
    address: str = answer.headers["content-location"]
    return address[address.index("/$async-status") :]


def ended(http: Http, place: str, client: str = "ehr-app") -> Any:
    """The answer, once it is there; asked for again and again, as often as it takes."""
    pause = threading.Event()
    for _ in range(ROUNDS):
        answer = http.get(place, client)
        if answer.status_code != 202:
            return answer
        assert int(answer.headers["retry-after"]) > 0
        pause.wait(0.02)
    raise AssertionError("it does not end")


def entry(answer: Any) -> Resource:
    assert answer.status_code == 200, answer.text
    bundle = answer.json()
    assert (bundle["resourceType"], bundle["type"], len(bundle["entry"])) == ("Bundle", "batch-response", 1)
    found: Resource = bundle["entry"][0]
    return found


def transaction(patient: str, *names: str) -> bytes:
    made = [
        {"request": {"method": "PUT", "url": f"Observation/{name}"}, "resource": observation(name, patient)}
        for name in names
    ]
    return dumps({"resourceType": "Bundle", "type": "transaction", "entry": made})


def test_a_search_is_answered_later_as_it_is_at_once(http: Http, patient: str) -> None:
    http.put(observation("later-1", patient))
    path = f"/Observation?patient={patient}&_id=later-1"
    for place in (
        begun(http, "GET", path),
        begun(http, "POST", "/Observation/_search", content=f"patient={patient}&_id=later-1",
              headers={"Content-Type": "application/x-www-form-urlencoded"}),
    ):  # fmt: skip
        found = entry(ended(http, place))
        assert found["response"] == {"status": "200"}
        assert found["resource"]["entry"] == http.get(path).json()["entry"]


@pytest.mark.parametrize(
    "path",
    ["/Patient/{patient}/$everything", "/Observation/_history", "/Patient/{patient}/Observation", "?_type=Patient"],
)
def test_histories_operations_and_compartments(http: Http, patient: str, path: str) -> None:
    place = path.format(patient=patient)
    found = entry(ended(http, begun(http, "GET", place)))
    assert found["resource"]["type"] == http.get(place).json()["type"]


def test_a_transaction_is_done_once_and_tells_each_entry(http: Http, patient: str) -> None:
    place = begun(http, "POST", "", REGISTRAR, content=transaction(patient, "later-a", "later-b"), headers=JSON)
    found = entry(ended(http, place, REGISTRAR))
    assert found["response"]["status"] == "200"
    assert [one["response"]["status"] for one in found["resource"]["entry"]] == ["201", "201"]
    assert http.get("/Observation/later-a").headers["etag"] == 'W/"1"'
    job = http.gateway.store.requests.job(STUDY, place.rpartition("/")[2])
    assert job is not None
    assert asked_of(job.request).body == b""  # what was sent is not kept


def test_a_refusal_is_told_at_the_end(http: Http) -> None:
    found = entry(ended(http, begun(http, "GET", "/Observation?nonsense=1")))
    assert found["response"]["status"] == "400"
    assert found["response"]["outcome"]["resourceType"] == "OperationOutcome"
    forbidden = entry(
        ended(http, begun(http, "POST", "", "research", content=transaction("x", "y"), headers=JSON), "research")
    )
    assert forbidden["response"]["status"] == "403"


def test_what_cannot_be_taken_is_refused_at_once(http: Http) -> None:
    assert http.ask("GET", f"{BASE}/Observation", headers=ASYNC).status_code == 401
    xml = http.ask("GET", f"{BASE}/Observation", "ehr-app", headers=ASYNC | {"Accept": "application/xml"})
    assert xml.status_code == 406
    form = http.ask("POST", BASE, REGISTRAR, content=b"<a/>", headers=ASYNC | {"Content-Type": "text/xml"})
    assert form.status_code == 415
    assert http.ask("GET", "/studies/none/fhir/Observation", "ehr-app", headers=ASYNC).status_code == 404


def test_reads_and_writes_of_one_resource_are_answered_at_once(http: Http, patient: str) -> None:
    assert http.ask("GET", f"{BASE}/Patient/{patient}", "ehr-app", headers=ASYNC).status_code == 200
    assert http.put(observation("at-once", patient), Prefer="respond-async").status_code == 201
    assert http.ask("GET", f"{BASE}/metadata", headers=ASYNC).status_code == 200


def test_a_request_is_its_clients_own(http: Http) -> None:
    place = begun(http, "GET", "/Observation")
    for client, status in (("research", 404), ("data-manager", 404), ("", 401)):
        assert http.get(place, client).status_code == status
        assert http.ask("DELETE", BASE + place, client).status_code == status
    assert http.ask("DELETE", BASE + place, "ehr-app").status_code == 202
    for method in ("GET", "DELETE"):
        answer = http.ask(method, BASE + place, "ehr-app")
        assert (answer.status_code, rule(answer)) == (404, "rest.later-unknown")
    assert http.get("/$async-status/never").status_code == 404


def test_an_answer_is_never_older_than_the_consents(http: Http) -> None:
    people = http.gateway.studies[STUDY].participants
    person = [one for one in people if one.consent == "all" and not one.withdrawn][1].patient
    http.put(observation("hidden-soon", person))
    search = begun(http, "GET", f"/Observation?patient={person}")
    wanted = JSON | {"Prefer": "return=representation"}
    place = begun(http, "POST", "", REGISTRAR, content=transaction(person, "written"), headers=wanted)
    assert entry(ended(http, search))["resource"]["entry"]
    before = entry(ended(http, place, REGISTRAR))
    assert before["resource"]["entry"][0]["resource"]["id"] == "written"
    consent = http.get(f"/Consent?patient={person}", REGISTRAR).json()["entry"][0]["resource"]
    assert http.put(withdraw(consent, "no-further-use", "2026-05-31T00:00:00Z")).status_code == 200
    assert "entry" not in entry(ended(http, search))["resource"]  # done again
    told = entry(ended(http, place, REGISTRAR))
    assert [sorted(one) for one in told["resource"]["entry"]] == [["response"]]


def test_what_a_dead_process_may_have_written_is_not_written_again(tmp_path: Path) -> None:
    moment = [datetime(2026, 6, 1, 12, tzinfo=UTC)]
    with serving(tmp_path, lambda: moment[0]) as http:
        patient = http.participant("all").patient
        place = begun(http, "POST", "", REGISTRAR, content=transaction(patient, "once"), headers=JSON)
        ended(http, place, REGISTRAR)
        store, identity = http.gateway.store.requests, place.rpartition("/")[2]
        done = store.job(STUDY, identity)
        assert done is not None
        dead = done.__class__(STUDY, "dead", REGISTRAR, "running", moment[0], done.expires, done.request, b"", 1)
        assert store.add(dead, RUNNING_LIMIT)
        found = entry(ended(http, "/$async-status/dead", REGISTRAR))
        assert found["response"]["status"] == "500"
        assert found["response"]["outcome"]["issue"][0]["details"]["coding"][0]["code"] == "rest.later-interrupted"


def test_what_has_expired_is_gone(tmp_path: Path) -> None:
    moment = [datetime(2026, 6, 1, 12, tzinfo=UTC)]
    with serving(tmp_path, lambda: moment[0], token_seconds=86_400, export_hours=1) as http:
        place = begun(http, "GET", "/Observation")
        ended(http, place)
        moment[0] += timedelta(hours=2)
        assert http.get(place).status_code == 404
