"""The main job over HTTP, on what the demo made: deliver, read, withdraw, and nobody finds the participant again."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.app import Gateway, build
from gateway.cli._demo.payloads import heart_rate_day
from gateway.core.codec import dumps, loads
from gateway.settings import Settings
from gateway.study import Participant, withdraw
from tests.e2e.conftest import Demo
from tests.e2e.server import ask, free_port, serving

STUDY = "hf-dct-01"


@dataclass(frozen=True, slots=True)
class Http:
    """Requests as the clients of the study, with tokens of the local issuer."""

    url: str
    gateway: Gateway

    def ask(self, client: str, method: str, path: str, **given: Any) -> httpx.Response:
        found = self.gateway.studies[STUDY].clients[client]
        token = self.gateway.issuer.issue(found, STUDY, 600)
        headers = {"Authorization": f"Bearer {token}", **given.pop("headers", {})}
        return ask(method, f"{self.url}/studies/{STUDY}/{path}", headers=headers, timeout=30, **given)

    def total(self, client: str, path: str) -> int:
        answer = self.ask(client, "GET", f"fhir/{path}")
        assert answer.status_code == 200, answer.text
        return int(answer.json()["total"])

    def deliver(self, person: Participant, body: bytes) -> dict[str, Any]:
        user = person.identities["urn:google:health:user"]
        headers = {"Content-Type": "application/json", "X-Vendor-User": user}
        answer = self.ask("google-health", "POST", "ingest/google-health", content=body, headers=headers)
        assert answer.status_code in (200, 202), answer.text
        return dict(answer.json())


@pytest.fixture(scope="module")
def http(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    folder, port = tmp_path_factory.mktemp("demo-http"), free_port()
    shutil.copytree(demo.folder / "var", folder / "var")
    gateway = build(Settings(data_dir=Path(folder) / "var/demo", port=port))
    with serving(["demo", "--serve-only"], folder, port) as server:
        yield Http(server.url, gateway)
    gateway.close()


def person_of(http: Http, number: str) -> Participant:
    return next(person for person in http.gateway.studies[STUDY].participants if person.id == number)


def test_a_delivery_is_stored_once(http: Http) -> None:
    person = person_of(http, "301-001")
    tree = loads(heart_rate_day(person).body)
    for point in tree["dataPoints"]:
        time = point["heartRate"]["sampleTime"]
        time["physicalTime"] = time["physicalTime"].replace("2026-03", "2026-05")
    before = http.total("ehr-app", f"Observation?patient={person.patient}&_summary=count")
    receipt = http.deliver(person, dumps(tree))
    assert (receipt["status"], receipt["counts"]["created"]) == ("stored", 288)
    again = http.deliver(person, dumps(tree))
    assert (again["status"], again["duplicateOf"]) == ("known", receipt["id"])
    told = http.ask("google-health", "GET", f"receipts/{receipt['id']}")
    assert told.json()["status"] == "stored"
    assert http.total("ehr-app", f"Observation?patient={person.patient}&_summary=count") == before + 288


def test_a_withdrawal_takes_effect_with_its_write(http: Http) -> None:
    person = person_of(http, "101-001")
    study = http.gateway.studies[STUDY]
    search = f"Observation?patient={person.patient}&_count=1&_total=accurate"
    page = http.ask("ehr-app", "GET", f"fhir/{search}").json()
    assert page["total"] > 100
    one = page["entry"][0]["resource"]["id"]
    linked = next(link["url"] for link in page["link"] if link["relation"] == "next")
    everything = http.total("research", "Observation?_summary=count")

    consent = withdraw(study.consent_of(person), "no-further-use", "2026-06-01T08:00:00Z")
    written = http.ask(
        "registrar",
        "PUT",
        f"fhir/Consent/{consent['id']}",
        content=dumps(consent),
        headers={"Content-Type": "application/fhir+json", "If-Match": 'W/"1"'},
    )
    assert written.status_code == 200, written.text

    for client in ("ehr-app", "research", "data-manager"):
        assert http.ask(client, "GET", f"fhir/Observation/{one}").status_code == 404
        assert http.total(client, search) == 0
    assert http.ask("ehr-app", "GET", f"fhir/Patient/{person.patient}").status_code == 404
    assert http.ask("ehr-app", "GET", f"fhir/Observation/{one}/_history/1").status_code == 404
    following = http.ask("ehr-app", "GET", linked.partition(f"/studies/{STUDY}/")[2]).json()
    assert not following.get("entry")
    assert http.total("research", "Observation?_summary=count") == everything - page["total"]
    receipt = http.deliver(person, heart_rate_day(person).body.replace(b"2026-03", b"2026-04"))
    assert receipt["status"] == "quarantined"
    assert receipt["outcome"]["issue"][0]["details"]["coding"][0]["code"].startswith("consent.")


def test_a_token_of_nobody_reads_nothing(http: Http) -> None:
    url = f"{http.url}/studies/{STUDY}/fhir/Observation"
    assert ask("GET", url).status_code == 401
    assert ask("GET", url, headers={"Authorization": "Bearer e30.e30.e30"}).status_code == 401
    assert http.ask("research", "GET", "fhir/Patient").status_code == 403
