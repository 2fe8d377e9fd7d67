"""Creates of one Observation each over HTTP, 16 clients: validated, indexed, gated, audited and durable.

The reference is a bare route that inserts the same rows, those that come together in one commit as in the gateway,
and checks nothing.
"""

import json
import sqlite3
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.demo_study import STUDY, deliver, enrolled, heart_rate_payload
from benchmarks.figure import ROUNDS, Figure
from benchmarks.load import post, requests_per_second
from benchmarks.server import serving

NAME = "create"
WRITER = "site-app"


def run() -> Iterator[Figure]:
    """The median requests per second of both servers, loaded in turn."""
    with tempfile.TemporaryDirectory() as folder:
        token, body = _prepare(Path(folder))
        environment = {"GATEWAY_DATA_DIR": folder, "GATEWAY_LOG_LEVEL": "warning"}
        bare = ["-m", "benchmarks.reference.create_route", "--schema", str(Path(folder) / "gateway.db"),
                "--database", str(Path(folder) / "bare.db")]  # fmt: skip
        path = f"/studies/{STUDY}/fhir/Observation"
        with serving(["-m", "gateway", "serve"], environment) as ours, serving(bare, {}) as other:
            pairs = [
                (
                    requests_per_second(ours, [post(path, body, token)], duration=1.5),
                    requests_per_second(other, [post(path, body)], duration=1.5),
                )
                for _ in range(ROUNDS + 1)
            ][1:]
    values = [statistics.median(column) for column in zip(*pairs, strict=True)]
    yield Figure("create", values[0], "1/s", values[1], "higher", limit=0.5)


def _prepare(folder: Path) -> tuple[str, bytes]:
    """A database with the study enrolled; a writer's token and the Observation to create."""
    gateway = enrolled(folder)
    deliver(gateway, heart_rate_payload(0, 1))
    token = gateway.issuer.issue(gateway.studies[STUDY].clients[WRITER], STUDY, 3600)
    gateway.close()
    with sqlite3.connect(folder / "gateway.db") as connection:
        found = connection.execute(
            "SELECT v.body FROM resource r JOIN version v ON v.study = r.study AND v.pk = r.pk "
            "WHERE r.study = ? AND r.type = 'Observation'", (STUDY,),
        )  # fmt: skip
        resource = json.loads(found.fetchone()[0])
    return token, json.dumps({name: value for name, value in resource.items() if name not in ("id", "meta")}).encode()
