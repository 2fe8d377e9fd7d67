"""Real FHIR clients and a generator of requests against a gateway that is served; `make clients` installs them."""

import gzip
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.app import build
from gateway.core.assets import asset_root
from gateway.ingest import enrol
from gateway.settings import Settings
from tests.e2e.clients.environment import FOLDER
from tests.e2e.http_gateway import BASE, REGISTRAR, STUDY, observation
from tests.e2e.server import free_port, serving
from tests.e2e.test_token_endpoint import number
from tests.peers import python_of

PROGRAMS = Path(__file__).parent / "clients"


@dataclass(frozen=True)
class Served:
    url: str
    token: str
    patient: str
    log: Path
    key: Path


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    if not (FOLDER / "bin" / "python").exists():
        pytest.skip("no real clients here; `make clients` installs them")
    folder = tmp_path_factory.mktemp("clients")
    key, overlay = folder / "client.jwks", folder / "overlay"
    register(overlay, key)
    gateway = build(Settings(data_dir=folder, asset_dirs=(overlay,)))
    study = gateway.studies[STUDY]
    door = gateway.access.door(study.principal(study.clients[REGISTRAR]))
    enrol(door, study)
    patient = next(one.patient for one in study.participants if one.consent == "all" and not one.withdrawn)
    door.commit([observation(f"o{number}", patient, 1 + number) for number in range(10)])
    member = [{"entity": {"reference": f"Patient/{patient}"}}]
    door.commit([{"resourceType": "Group", "id": "everybody", "type": "person", "actual": True, "member": member}])
    token = gateway.issuer.issue(study.clients[REGISTRAR], STUDY, 3600)
    gateway.close()
    with serving(
        ["serve"], folder, free_port(), GATEWAY_DATA_DIR=str(folder), GATEWAY_ASSET_DIRS=str(overlay)
    ) as server:
        yield Served(server.url, token, patient, server.log, key)


def register(overlay: Path, key: Path) -> None:
    """Gives the study a client `reader` with the rights of the data manager, and the client its key."""
    made = ec.generate_private_key(ec.SECP384R1()).private_numbers()
    point = {"kty": "EC", "crv": "P-384", "kid": "k1", "alg": "ES384"}
    point |= {"x": number(made.public_numbers.x, 48), "y": number(made.public_numbers.y, 48)}
    folder = overlay / "profiles" / "studies" / STUDY
    shutil.copytree(Path(str(asset_root("profiles"))) / "studies" / STUDY, folder)
    text = (folder / "study.yaml").read_text()
    line = next(line for line in text.splitlines() if line.strip().startswith("data-manager: {organisation"))
    keys = json.dumps({"keys": [point]})
    added = line.replace("data-manager:", "reader:", 1).replace("{organisation", f"{{jwks: {keys}, organisation", 1)
    (folder / "study.yaml").write_text(text.replace(line, f"{line}\n{added}"))
    secret = point | {"d": number(made.private_value, 48), "key_ops": ["sign"]}
    key.write_text(json.dumps({"keys": [secret]}))


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


@pytest.mark.parametrize("level", [(), ("--group", "everybody")], ids=["patients", "group"])
def test_smart_fetch_exports_in_bulk(served: Served, tmp_path: Path, level: tuple[str, ...]) -> None:
    out = tmp_path / "out"
    options = ["--type", "Patient,Observation", "--smart-client-id", "reader", "--smart-key", served.key]
    run(FOLDER / "bin" / "smart-fetch", "bulk", out, "--fhir-url", served.url + BASE, *options, *level)
    lines = gzip.decompress(next(out.rglob("Observation.*ndjson.gz")).read_bytes()).splitlines()
    assert len(lines) >= 10
    assert next(out.rglob("Patient.*ndjson.gz"))


def test_cumulus_etl_reads_what_smart_fetch_exported(served: Served, tmp_path: Path) -> None:
    etl = python_of("cumulus").with_name("cumulus-etl")
    if not etl.exists():
        pytest.skip("cumulus-etl is not in .venv-peers; `python -m tests.peers cumulus` installs it")
    exported, tables = tmp_path / "exported", tmp_path / "tables"
    options = ["--type", "Patient,Observation", "--smart-client-id", "reader", "--smart-key", served.key]
    address = served.url + BASE
    run(FOLDER / "bin" / "smart-fetch", "bulk", exported, "--fhir-url", address, *options, "--group", "everybody")
    tasks = ["--task", "patient,observation", "--errors-to", tmp_path / "errors", "--output-format", "ndjson"]
    run(etl, "etl", *tasks, exported, tables, tmp_path / "phi")
    observations = (tables / "observation" / "observation.000.ndjson").read_bytes().splitlines()
    assert len(observations) >= 10
    assert len((tables / "patient" / "patient.000.ndjson").read_bytes().splitlines()) == 1
    assert not list((tmp_path / "errors").rglob("*.ndjson"))


def test_generated_requests_meet_no_server_error(served: Served) -> None:
    told = run(
        *(FOLDER / "bin" / "schemathesis", "run", f"{served.url}/openapi.json"),
        *("--header", f"Authorization: Bearer {served.token}", "--checks", "not_a_server_error"),
        *("--phases", "fuzzing", "--max-examples", "3", "--seed", "7"),
    )
    assert "passed" in told
    assert "request failed" not in served.log.read_text("utf-8")
