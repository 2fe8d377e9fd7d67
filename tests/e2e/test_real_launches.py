"""Real SMART clients launch with PKCE against a sandbox, and a real provider's tokens are accepted."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from gateway.app import build
from gateway.ingest import enrol
from gateway.settings import Settings
from tests.e2e.clients.environment import FOLDER, NODE
from tests.e2e.http_gateway import BASE, REGISTRAR, STUDY, observation
from tests.e2e.launches import apps, with_clients
from tests.e2e.server import free_port, serving

PROGRAMS = Path(__file__).parent / "clients"
PROVIDER_SECRET = "the secret of the app at its provider"


@dataclass(frozen=True)
class Sandbox:
    url: str
    redirect: str
    patient: str
    other: str
    issuer: str


def node() -> str:
    found = shutil.which("node")
    if found is None or not (NODE / "node_modules" / "oidc-provider").exists():
        pytest.skip("no node clients here; `make clients` installs them where there is npm")
    return found


def run(*command: object) -> str:
    environment = {name: text for name, text in os.environ.items() if not name.startswith("GATEWAY_")}
    environment["NODE_PATH"] = str(NODE / "node_modules")
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, env=environment, timeout=120
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout


@contextmanager
def provider(folder: Path, port: int, audience: str) -> Iterator[None]:
    """A provider that answers; a module finds its packages beside it alone."""
    program = NODE / "oidc_provider.mjs"
    shutil.copyfile(PROGRAMS / "oidc_provider.mjs", program)
    with (folder / "provider.log").open("wb") as log:
        process = subprocess.Popen(
            [node(), program, str(port), audience], stdout=subprocess.PIPE, stderr=log, cwd=NODE
        )
        try:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == str(port).encode(), (folder / "provider.log").read_text()
            yield
        finally:
            process.terminate()
            process.wait(timeout=30)
            process.stdout.close()


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    if not (FOLDER / "bin" / "python").exists():
        pytest.skip("no real clients here; `make clients` installs them")
    folder = tmp_path_factory.mktemp("sandbox")
    redirect, issuer = f"http://127.0.0.1:{free_port()}/back", f"http://127.0.0.1:{free_port()}"
    external = {"issuer": issuer, "scopes": ["system/Observation.rs"]}
    clients = {"app": apps()["app"] | {"redirect_uris": [redirect]}, "external-app": external}
    overlay = with_clients(folder / "overlay", clients)
    gateway = build(Settings(data_dir=folder, asset_dirs=(overlay,)))
    study = gateway.studies[STUDY]
    door = gateway.access.door(study.principal(study.clients[REGISTRAR]))
    enrol(door, study)
    people = [one.patient for one in study.participants if one.consent == "all" and not one.withdrawn]
    for patient in people[:2]:
        door.commit([observation(f"{patient[:8]}-{number}", patient, 1 + number) for number in range(10)])
    gateway.close()
    settings = {
        "GATEWAY_DATA_DIR": str(folder),
        "GATEWAY_ASSET_DIRS": str(overlay),
        "GATEWAY_ISSUERS": issuer,
    }
    with serving(["serve"], folder, free_port(), **settings) as server:
        yield Sandbox(server.url, redirect, people[0], people[1], issuer)


def test_fhirclient_launches_with_pkce(sandbox: Sandbox) -> None:
    program = PROGRAMS / "launch_fhirclient.py"
    told = run(FOLDER / "bin" / "python", program, sandbox.url + BASE, sandbox.patient, sandbox.redirect)
    assert told.endswith("ok\n")


def test_fhirclient_js_launches_with_pkce(sandbox: Sandbox) -> None:
    program = PROGRAMS / "launch_fhirclient.cjs"
    assert run(node(), program, sandbox.url + BASE, sandbox.patient, sandbox.redirect).endswith("ok\n")


def test_tokens_of_an_external_provider_are_accepted(sandbox: Sandbox, tmp_path: Path) -> None:
    audience = sandbox.url + BASE
    form = {
        "grant_type": "client_credentials",
        "client_id": "external-app",
        "client_secret": PROVIDER_SECRET,
        "resource": audience,
        "scope": "system/Observation.rs system/Patient.rs",
    }
    with provider(tmp_path, int(sandbox.issuer.rpartition(":")[2]), audience), httpx.Client() as http:
        answer = http.post(f"{sandbox.issuer}/token", data=form)
        assert answer.status_code == 200, answer.text
        headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        read = None
        for _ in range(240):  # the gateway asks the provider for its keys, at most every ten seconds
            read = http.get(f"{audience}/Observation?_count=3", headers=headers)
            if read.status_code == 200:
                break
            http.get(f"{sandbox.url}/healthz")
            _pause()
        assert read is not None
        assert read.status_code == 200, read.text
        assert http.get(f"{audience}/Patient", headers=headers).status_code == 403
        broken = {"Authorization": headers["Authorization"][:-4] + "AAAA"}
        assert http.get(f"{audience}/Observation", headers=broken).status_code == 401


def _pause() -> None:
    import time

    time.sleep(0.25)
