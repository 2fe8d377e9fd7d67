"""`gateway export` to s3://, by s3fs against moto's server: whole or without a manifest, and without telling keys."""

import http.client
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from gateway.app import build
from gateway.export import export
from gateway.ingest import enrol
from gateway.settings import Settings
from tests.e2e.http_gateway import REGISTRAR, STUDY, observation
from tests.e2e.server import free_port
from tests.peers import PEERS, python_of

KEY, SECRET = "AKIAZQUIMBLETON", "secret-of-the-bucket"
BUCKET = "trial"
CLIENT = "statistics"
TYPES = ("Observation", "Patient")


@dataclass
class Failing:
    """What goes wrong between the exporter and the server: of uploads the ones with these numbers, in this way."""

    numbers: range = range(0)
    status: int = 503
    puts: list[str] = field(default_factory=list)


class Between(ThreadingHTTPServer):
    """Passes requests on to the server, but for those that are to fail."""

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), Passing)
        self.port = port
        self.failing = Failing()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Passing(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    server: Between

    def pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        failing = self.server.failing
        if self.command == "PUT" and "x-amz-copy-source" not in self.headers:
            failing.puts.append(self.path)
            if len(failing.puts) - 1 in failing.numbers:
                self.answer(failing.status, {}, b"<Error><Code>SlowDown</Code></Error>")
                return
        there = http.client.HTTPConnection("127.0.0.1", self.server.port)
        there.request(self.command, self.path, body, dict(self.headers))
        found = there.getresponse()
        self.answer(found.status, dict(found.getheaders()), found.read())
        there.close()

    def answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        length = headers.get("Content-Length") if self.command == "HEAD" else None
        self.send_header("Content-Length", length or str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = pass_on

    def log_message(self, *_told: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    """The port of an S3 server, with a bucket."""
    if not (python_of("moto").exists() and python_of("s3fs").exists()):
        pytest.skip("no S3 here; `python -m tests.peers moto s3fs` installs both sides")
    port = free_port()
    process = subprocess.Popen(
        [python_of("moto").with_name("moto_server"), "-p", str(port)], stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(600):
            try:
                assert httpx.put(f"http://127.0.0.1:{port}/{BUCKET}").status_code == 200
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture
def between(server: int) -> Iterator[Between]:
    made = Between(server)
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a gateway's data, with an export in `local`."""
    folder = tmp_path_factory.mktemp("data")
    gateway = build(Settings(data_dir=folder))
    study = gateway.studies[STUDY]
    door = gateway.access.door(study.principal(study.clients[REGISTRAR]))
    enrol(door, study)
    patient = next(one.patient for one in study.participants if one.consent == "all" and not one.withdrawn)
    door.commit([observation(f"o{number}", patient, 1 + number) for number in range(10)])
    reader = gateway.access.door(study.principal(study.clients[CLIENT]))
    export(reader, folder / "local", TYPES, gateway.clock())
    gateway.close()
    return folder


def run(data: Path, between: Between, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    (packages,) = (PEERS / "s3fs" / "lib").glob("python*/site-packages")
    environment = {
        **os.environ,
        "GATEWAY_DATA_DIR": str(data),
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": between.url,
        **settings,
    }
    command = [sys.executable, "-m", "tests.e2e.remote_exporter", packages, *arguments]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert KEY not in told.stdout + told.stderr
    assert SECRET not in told.stdout + told.stderr
    return told


def copy(data: Path, between: Between, place: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    return run(data, between, "upload", str(data / "local"), place, **settings)


def objects(port: int, folder: str) -> dict[str, bytes]:
    """What is in the bucket below a folder, read as its owner."""
    scope = f"{KEY}/20260101/us-east-1/s3/aws4_request"
    owner = {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"}
    bucket = f"http://127.0.0.1:{port}/{BUCKET}"
    listed = httpx.get(f"{bucket}?list-type=2&prefix={folder}/", headers=owner).text
    keys = re.findall(r"<Key>([^<]+)</Key>", listed)
    return {key.rpartition("/")[2]: httpx.get(f"{bucket}/{key}", headers=owner).content for key in keys}


def test_an_export_stands_in_a_bucket(data: Path, server: int, between: Between) -> None:
    chosen = ("--study", STUDY, "--client", CLIENT, "--type", ",".join(TYPES))
    told = run(data, between, "export", *chosen, "--out", f"s3://{BUCKET}/whole")
    assert told.returncode == 0, told.stderr
    found = objects(server, "whole")
    manifest = json.loads(found["manifest.json"])
    assert {one["url"]: one["count"] for one in manifest["output"]}["Observation.ndjson"] == 10
    assert set(found) == {"manifest.json", *(one["url"] for one in manifest["output"])}
    assert found["Observation.ndjson"].count(b"\n") == 10
    assert "manifest.json" in between.failing.puts[-1]


def test_an_upload_that_fails_for_a_moment_is_tried_again(data: Path, server: int, between: Between) -> None:
    between.failing = Failing(range(1, 3))
    told = copy(data, between, f"s3://{BUCKET}/again")
    assert told.returncode == 0, told.stderr
    assert set(objects(server, "again")) == {"manifest.json", "Observation.ndjson", "Patient.ndjson"}
    assert len(between.failing.puts) == 6


@pytest.mark.parametrize("works", [1, 3])
def test_an_upload_that_fails_leaves_no_manifest(data: Path, server: int, between: Between, works: int) -> None:
    place = f"s3://{BUCKET}/half{works}"
    assert copy(data, between, place).returncode == 0
    between.failing = Failing(range(works, 1_000), 403)
    told = copy(data, between, place)
    assert (told.returncode, "export.remote-failed" in told.stderr) == (1, True), told.stderr
    found = objects(server, f"half{works}")
    assert "manifest.json" not in found
    assert not [name for name in found if name.endswith(".part")]
    between.failing = Failing()
    assert copy(data, between, place).returncode == 0
    assert set(objects(server, f"half{works}")) == {"manifest.json", "Observation.ndjson", "Patient.ndjson"}


@pytest.mark.parametrize(
    ("out", "settings", "rule"),
    [
        (f"s3://{BUCKET}/x", {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "export.remote-failed"),
        ("s3://nobodys-bucket/x", {}, "export.remote-failed"),
        (f"s3://{KEY}:{SECRET}@{BUCKET}/x", {}, "export.remote-address"),
    ],
)
def test_what_is_wrong_is_told_without_keys(
    data: Path, between: Between, out: str, settings: dict[str, str], rule: str
) -> None:
    told = copy(data, between, out, **settings)
    assert (told.returncode, rule in told.stderr) == (1, True), told.stderr
    assert "Traceback" not in told.stderr


def test_an_export_with_no_package_for_its_address_does_not_begin(data: Path, tmp_path: Path, server: int) -> None:
    command = [sys.executable, "-m", "gateway", "export", "--study", STUDY, "--client", CLIENT]
    environment = {**os.environ, "GATEWAY_DATA_DIR": str(tmp_path / "nothing")}
    told = subprocess.run([*command, "--out", f"s3://{BUCKET}/x"], env=environment, capture_output=True, text=True)
    assert (told.returncode, "export.remote-extra" in told.stderr) == (1, True), told.stderr
    assert not (tmp_path / "nothing").exists()
