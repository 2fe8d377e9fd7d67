"""Real FHIR clients and a generator of requests against a gateway that is served; `make clients` installs them."""

import gzip
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.app import build
from gateway.ingest import enrol
from gateway.settings import Settings
from tests.e2e.clients.environment import FOLDER
from tests.e2e.http_gateway import BASE, REGISTRAR, STUDY, observation
from tests.e2e.server import free_port, serving

PROGRAMS = Path(__file__).parent / "clients"


@dataclass(frozen=True)
class Served:
    url: str
    token: str
    patient: str
    log: Path


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    if not (FOLDER / "bin" / "python").exists():
        pytest.skip("no real clients here; `make clients` installs them")
    folder = tmp_path_factory.mktemp("clients")
    gateway = build(Settings(data_dir=folder))
    study = gateway.studies[STUDY]
    door = gateway.access.door(study.principal(study.clients[REGISTRAR]))
    enrol(door, study)
    patient = next(one.patient for one in study.participants if one.consent == "all" and not one.withdrawn)
    door.commit([observation(f"o{number}", patient, 1 + number) for number in range(10)])
    token = gateway.issuer.issue(study.clients[REGISTRAR], STUDY, 3600)
    gateway.close()
    with serving(["serve"], folder, free_port(), GATEWAY_DATA_DIR=str(folder)) as server:
        yield Served(server.url, token, patient, server.log)


def run(*command: object) -> str:
    environment = {name: text for name, text in os.environ.items() if not name.startswith("GATEWAY_")}
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout


@pytest.mark.parametrize("client", ["fhirclient", "fhirpy"])
def test_a_client_finds_what_it_needs(served: Served, client: str) -> None:
    program = PROGRAMS / f"with_{client}.py"
    told = run(FOLDER / "bin" / "python", program, served.url + BASE, served.token, served.patient)
    assert told.endswith("ok\n")


def test_smart_fetch_crawls_a_participant(served: Served, tmp_path: Path) -> None:
    bearer, out = tmp_path / "bearer", tmp_path / "out"
    bearer.write_text(served.token)
    options = ["--type", "Patient,Observation", "--id-list", served.patient, "--bearer-token", bearer]
    run(FOLDER / "bin" / "smart-fetch", "crawl", out, "--fhir-url", served.url + BASE, *options)
    lines = gzip.decompress((out / "Observation.ndjson.gz").read_bytes()).splitlines()
    assert len(lines) >= 10


def test_generated_requests_meet_no_server_error(served: Served) -> None:
    told = run(
        *(FOLDER / "bin" / "schemathesis", "run", f"{served.url}/openapi.json"),
        *("--header", f"Authorization: Bearer {served.token}", "--checks", "not_a_server_error"),
        *("--phases", "fuzzing", "--max-examples", "3", "--seed", "7"),
    )
    assert "passed" in told
    assert "request failed" not in served.log.read_text("utf-8")
