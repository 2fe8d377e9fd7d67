"""Read by id over HTTP, 16 clients: token, consent and audit on, beside a bare route over the same table."""

import sqlite3
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.demo_study import STUDY, deliver, enrolled, heart_rate_payload
from benchmarks.figure import ROUNDS, Figure
from benchmarks.load import get, requests_per_second
from benchmarks.server import serving

NAME = "read"
READER = "ehr-app"


def run() -> Iterator[Figure]:
    """The median requests per second of both servers, loaded in turn."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "gateway.db"
        token, paths = prepared(Path(folder))
        environment = {"GATEWAY_DATA_DIR": folder, "GATEWAY_LOG_LEVEL": "warning"}
        ours = ["-m", "gateway", "serve"]
        bare = ["-m", "benchmarks.reference.read_route", "--database", str(database)]
        with serving(ours, environment) as gateway_port, serving(bare, {}) as bare_port:
            pairs = [
                (
                    requests_per_second(gateway_port, [get(path, token) for path in paths], duration=1.5),
                    requests_per_second(bare_port, [get(path) for path in paths], duration=1.5),
                )
                for _ in range(ROUNDS + 1)
            ][1:]
    values = [statistics.median(column) for column in zip(*pairs, strict=True)]
    yield Figure("read", values[0], "1/s", values[1], "higher", limit=0.5)


def prepared(folder: Path) -> tuple[str, list[str]]:
    """A database with 1,000 Observations; a reader's token and the paths of 200 of them."""
    gateway = enrolled(folder)
    deliver(gateway, heart_rate_payload(0))
    token = gateway.issuer.issue(gateway.studies[STUDY].clients[READER], STUDY, 3600)
    gateway.close()
    with sqlite3.connect(folder / "gateway.db") as connection:
        rows = connection.execute(
            "SELECT id FROM resource WHERE study = ? AND type = 'Observation' LIMIT 200", (STUDY,)
        )
        return token, [f"/studies/{STUDY}/fhir/Observation/{key}" for (key,) in rows]
