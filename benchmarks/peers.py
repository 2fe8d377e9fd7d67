"""The gateway beside `sekmet-fhir`, the closest Python server, on the same data: `make bench-peers`.

The peer checks no token and no Consent and keeps no audit here, and its log of traffic is off; the gateway has
everything on. 16 clients each, one process each, both durable (a flush of the log before an answer to a write; the
gateway's audit flushes before an answer to a read too). Requests a second; and apart, not judged, the processor time
that a request takes of the server, which a busy machine changes less. A request that the peer does not answer within
`SLOWEST` seconds when it is asked alone, or not with 200 or 201, is told with its name, and as one in that time.
"""

import http.client
import json
import socket
import sqlite3
import statistics
import subprocess
import tempfile
import time
import venv
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.create import WRITER
from benchmarks.demo_study import STUDY, deliver, enrolled, heart_rate_payload
from benchmarks.figure import Figure
from benchmarks.load import get, post, requests_per_second
from benchmarks.server import Served, running

NAME = "peers"
ON_REQUEST = True
"""It is measured when asked for by its name."""

PEER = "sekmet-fhir==0.1.1"
FOLDER = Path(__file__).parents[1] / ".venv-peers" / "sekmet-fhir"
PAYLOADS = 1
"""Of 1,000 Observations each: the peer takes seconds for a search of more."""
ROUNDS = 5
SLOWEST = 5.0
PATIENCE = 10.0
"""Seconds after the end of a round that answers under way are waited for."""
TIMES = 3.0
"""How many times faster the gateway is to be."""
CONFIG = {"log_inbound": False, "simulator": {"enabled": False}, "base_url": "http://127.0.0.1/fhir"}


def run() -> Iterator[Figure]:
    """The medians of both, loaded in turn; the peer is installed into `.venv-peers` first."""
    if not (FOLDER / "bin" / "sekmet").exists():
        venv.create(FOLDER, with_pip=True)
        subprocess.run([FOLDER / "bin" / "python", "-m", "pip", "install", "--quiet", PEER], check=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        token, resources = _prepare(folder)
        (folder / "settings.yaml").write_text(json.dumps(CONFIG))
        with running(["-m", "gateway", "serve"], {"GATEWAY_DATA_DIR": name, "GATEWAY_LOG_LEVEL": "warning"}) as ours:
            with _peer(folder) as other:
                _load_peer(other.port, resources)
            for mix, (asked, alike) in _mixes(token, resources).items():
                with _peer(folder) as other:  # a new one, which is not still at work on what nobody waits for
                    yield from _figures(mix, ours, asked, other, alike)


def _peer(folder: Path) -> AbstractContextManager[Served]:
    command = ["-c", "from sekmet.cli import app; app()", "serve", "--host", "127.0.0.1"]
    return running(command, {"PYTHONPATH": ""}, str(FOLDER / "bin" / "python"), folder)


@dataclass(slots=True)
class _Measured:
    """What the rounds of one server gave: requests a second, and milliseconds of its processor time a request."""

    rates: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)

    def rate(self) -> float:
        return statistics.median(self.rates[1:])

    def cost(self) -> float:
        return statistics.median(self.costs[1:])


def _figures(mix: str, ours: Served, asked: list[bytes], other: Served, alike: list[bytes]) -> Iterator[Figure]:
    """Both loaded in turn, the peer as long as it answers."""
    _alone(other.port, alike[0])  # what is made at the first request is made now
    told = _alone(other.port, alike[0])
    mine, its = _Measured(), _Measured()
    for _ in range(ROUNDS + 1):
        _measure(mine, ours, asked)
        if not told:
            told = "" if _measure(its, other, alike) else f" (peer: none of 16 in {1 + PATIENCE:g} s)"
    reference = 1 / SLOWEST if told else its.rate()
    yield Figure(f"peers/{mix}{told}", mine.rate(), "1/s", reference, "higher", limit=TIMES)
    if not told:
        yield Figure(f"peers/{mix}-processor", mine.cost(), "ms", its.cost(), "lower")


def _measure(found: _Measured, served: Served, requests: list[bytes]) -> bool:
    """One round; False when the server does not stand the load."""
    start, before = time.perf_counter(), served.processor_seconds()
    try:
        rate = requests_per_second(served.port, requests, duration=1.0, patience=PATIENCE)
    except (OSError, RuntimeError):
        return False
    if not rate:
        return False
    share = (served.processor_seconds() - before) / (time.perf_counter() - start)
    found.rates.append(rate)
    found.costs.append(1000 * share / rate)
    return True


def _alone(port: int, request: bytes) -> str:
    """What is told of the peer's answer to one request alone; "" for one in time."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=SLOWEST) as peer:
            peer.sendall(request)
            answer = peer.recv(12)
    except TimeoutError:
        return f" (peer > {SLOWEST:g} s)"
    return "" if answer in (b"HTTP/1.1 200", b"HTTP/1.1 201") else f" (peer {answer[9:].decode(errors='replace')})"


def _prepare(folder: Path) -> tuple[str, list[dict[str, object]]]:
    """A database with the study and its Observations; a writer's token, and the resources for the peer."""
    gateway = enrolled(folder)
    for number in range(PAYLOADS):
        deliver(gateway, heart_rate_payload(number))
    token = gateway.issuer.issue(gateway.studies[STUDY].clients[WRITER], STUDY, 3600)
    gateway.close()
    with sqlite3.connect(folder / "gateway.db") as connection:
        found = connection.execute(
            "SELECT v.body FROM resource r JOIN version v ON v.study = r.study AND v.pk = r.pk "
            "WHERE r.study = ? AND r.type IN ('Patient', 'Device', 'Observation') ORDER BY r.type = 'Observation'",
            (STUDY,),
        )
        return token, [json.loads(body) for (body,) in found]


def _load_peer(port: int, resources: list[dict[str, object]]) -> None:
    for start in range(0, len(resources), 500):
        entries = [
            {"resource": one, "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"}}
            for one in resources[start : start + 500]
        ]
        body = json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries})
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("POST", "/fhir", body, {"Content-Type": "application/fhir+json"})
        answer = connection.getresponse()
        told = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"the peer answered {answer.status}: {told[:300]!r}")
        connection.close()


def _mixes(token: str, resources: list[dict[str, object]]) -> Mapping[str, tuple[list[bytes], list[bytes]]]:
    """Name -> the requests to the gateway, and the same to the peer."""
    observations = [one for one in resources if one["resourceType"] == "Observation"]
    subject = observations[0]["subject"]["reference"]  # type: ignore[index]
    identifier = next(one for one in resources if f"{one['resourceType']}/{one['id']}" == subject)["identifier"][0]  # type: ignore[index]
    code = "code=http://loinc.org%7C8867-4"
    searches = {
        "patient-code-date": [
            f"patient={subject}&{code}&date=ge2026-03-02T0{hour}:00:00Z&_count=20" for hour in range(5)
        ],
        "code-newest": [f"{code}&_sort=-date&_count=20"],
        "value": [f"value-quantity=gt{value}%7C%7C/min&_count=20" for value in range(80, 90)],
        "chain": [f"patient.identifier={identifier['system']}%7C{identifier['value']}&_count=20"],
        "include": [f"patient={subject}&_include=Observation:subject&_count=20"],
        "count": [f"patient={subject}&{code}&_summary=count"],
    }
    base = f"/studies/{STUDY}/fhir"
    bodies = [_without_id(one) for one in observations[:200]]
    paths = {f"search-{name}": [f"/Observation?{one}" for one in asked] for name, asked in searches.items()}
    paths["read"] = [f"/Observation/{one['id']}" for one in observations[:200]]
    made = {
        name: ([get(base + path, token) for path in found], [get("/fhir" + path) for path in found])
        for name, found in paths.items()
    }
    mine = [post(f"{base}/Observation", body, token) for body in bodies]
    return {**made, "create": (mine, [post("/fhir/Observation", body) for body in bodies])}


def _without_id(resource: dict[str, object]) -> bytes:
    return json.dumps({name: value for name, value in resource.items() if name not in ("id", "meta")}).encode()
