"""Threat 26: after a withdrawal with mode delete nothing of the participant is in any file of the installation."""

import gzip
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.app import Gateway, build
from gateway.core import dumps, loads
from gateway.core.types import Resource
from gateway.ingest import enrol
from gateway.settings import Settings
from gateway.study import Participant, withdraw
from tests.e2e.http_gateway import STUDY, observation
from tests.e2e.server import Server, ask, free_port, serving

CANARY = "Zzcanary"
STAYS = "Zzstays"
FHIR = {"Content-Type": "application/fhir+json"}
LATER = {"Prefer": "respond-async"}
VERSIONS, OBSERVATIONS = 2, 40


@dataclass(frozen=True, slots=True)
class Installation:
    """A served gateway and all that it writes: `folder` has its data, keys, exports, temporary files and log."""

    folder: Path
    server: Server
    gateway: Gateway

    def ask(self, method: str, path: str, client: str, body: bytes = b"", **headers: str) -> httpx.Response:
        found = self.gateway.studies[STUDY].clients[client]
        bearer = {"Authorization": f"Bearer {self.gateway.issuer.issue(found, STUDY, 600)}"}
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        url = path if path.startswith("http") else f"{self.server.url}/studies/{STUDY}/{path}"
        return ask(method, url, content=body, headers=bearer | given, timeout=60)

    def put(self, resource: Resource) -> None:
        path = f"fhir/{resource['resourceType']}/{resource['id']}"
        answer = self.ask("PUT", path, "registrar", dumps(resource), **FHIR)
        assert answer.status_code in (200, 201), answer.text

    def ended(self, started: httpx.Response, client: str) -> httpx.Response:
        """What a job answers at its end, however long that takes."""
        assert started.status_code == 202, started.text
        for _ in range(1_000):
            answer = self.ask("GET", started.headers["content-location"], client)
            if answer.status_code not in (202, 429):
                return answer
            time.sleep(0.05)
        raise AssertionError("it does not end")

    def holding(self, value: str) -> list[str]:
        """The files that hold the value, as it is or compressed."""
        wanted = value.encode()
        files = (one for one in sorted(self.folder.rglob("*")) if one.is_file())
        return [str(one.relative_to(self.folder)) for one in files if wanted in _contents(one)]


def _contents(file: Path) -> bytes:
    data = file.read_bytes()
    return data + gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    port = free_port()
    data, temporary = tmp_path / "data", tmp_path / "temporary"
    temporary.mkdir()
    gateway = build(Settings(data_dir=data, port=port))
    study = gateway.studies[STUDY]
    enrol(gateway.access.door(study.principal(study.clients["registrar"])), study)
    settings = {"GATEWAY_DATA_DIR": str(data), "TMPDIR": str(temporary), "GATEWAY_LOG_LEVEL": "debug"}
    with serving(["serve"], tmp_path, port, **settings) as server:
        yield Installation(tmp_path, server, gateway)
    gateway.close()


def noted(identity: str, patient: str, day: int, note: str) -> Resource:
    # Long and short ones, so that some stand on pages of their own.
    text = {"div": f'<div xmlns="http://www.w3.org/1999/xhtml">{note * (400 if day % 5 == 0 else 1)}</div>'}
    found = observation(identity, patient, 1 + day % 28)
    return found | {"note": [{"text": note}], "text": {"status": "generated", **text}}


def fill(made: Installation, person: Participant, other: Participant) -> dict[str, httpx.Response]:
    """Versions, payloads, an export and an answer for later, all with the planted value."""
    for version in range(VERSIONS):
        resources = [
            noted(f"{name}-{number}", one.patient, number, f"{value}-{version}")
            for number in range(OBSERVATIONS)
            for name, one, value in (("gone", person, CANARY), ("stays", other, STAYS))
        ]
        entries = [
            {"resource": one, "request": {"method": "PUT", "url": f"Observation/{one['id']}"}} for one in resources
        ]
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        assert made.ask("POST", "fhir", "registrar", dumps(bundle), **FHIR).status_code == 200
    for body in (f'{{"{CANARY}": "{person.id}"}}', f'[{{"record_id": "{person.id}", "comment": "{CANARY}"'):
        headers = {"Content-Type": "application/json", "X-Vendor-User": person.id}
        answer = made.ask("POST", "ingest/epro-redcap", "epro-redcap", body.encode(), **headers)
        assert answer.json()["status"] == "quarantined"
    export = made.ask("GET", "fhir/$export?_type=Observation", "research", **LATER)
    later = made.ask("GET", f"fhir/Observation?patient={person.patient}", "ehr-app", **LATER)
    assert made.ended(export, "research").json()["output"]
    assert CANARY in made.ended(later, "ehr-app").text
    return {"export": export, "later": later}


def consent_of(made: Installation, person: Participant) -> dict[str, Any]:
    answer = made.ask("GET", f"fhir/Consent?patient={person.patient}", "registrar")
    found: dict[str, Any] = loads(answer.content)["entry"][0]["resource"]
    return found


def test_threat_26_nothing_is_left_of_a_deleted_participant(installation: Installation) -> None:
    people = [one for one in installation.gateway.studies[STUDY].participants if one.consent == "all"]
    person, other = [one for one in people if not one.withdrawn][:2]
    jobs = fill(installation, person, other)
    with sqlite3.connect(installation.folder / "data/gateway.db") as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    database.close()
    before = installation.holding(CANARY)
    assert "data/gateway.db" in before
    assert any(one.startswith("data/exports/") for one in before)
    installation.put(withdraw(consent_of(installation, person), "delete", "2026-06-01T00:00:00Z"))
    for _ in range(200):
        if not (left := installation.holding(CANARY)):
            break
        time.sleep(0.1)  # the worker of exports takes files away within its seconds
    assert left == []
    assert installation.holding(STAYS) != []
    assert installation.gateway.store.maintenance.check(STUDY, lambda _: None) == []  # a restore would bring it back
    later = installation.ask("GET", jobs["later"].headers["content-location"], "ehr-app")
    assert CANARY not in later.text
    assert installation.ask("GET", "fhir/Observation/gone-1", "registrar").status_code == 404
    manifest = installation.ask("GET", jobs["export"].headers["content-location"], "research").json()
    for entry in manifest["output"]:
        assert CANARY not in installation.ask("GET", entry["url"], "research").text
    assert installation.holding(CANARY) == []
