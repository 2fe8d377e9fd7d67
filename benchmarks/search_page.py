"""A page of 20 of one participant's samples of one code since a day, newest first, over HTTP with 16 clients.

Token, consent and audit are on; the reference is the bare route that reads one resource from the same table.
"""

import sqlite3
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.demo_study import STUDY
from benchmarks.figure import ROUNDS, Figure
from benchmarks.load import get, requests_per_second
from benchmarks.read import prepared
from benchmarks.server import serving

NAME = "search-page"
SEARCH = "patient={p}&code=http://loinc.org|8867-4&date=ge2026-03-01&_sort=-date&_count=20"


def run() -> Iterator[Figure]:
    """The median requests per second of both servers, loaded in turn."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "gateway.db"
        token, paths = prepared(Path(folder))
        environment = {"GATEWAY_DATA_DIR": folder, "GATEWAY_LOG_LEVEL": "warning"}
        bare = ["-m", "benchmarks.reference.read_route", "--database", str(database)]
        page = f"/studies/{STUDY}/fhir/Observation?{SEARCH.format(p=_patient(database))}"
        with serving(["-m", "gateway", "serve"], environment) as ours, serving(bare, {}) as other:
            pairs = [
                (
                    requests_per_second(ours, [get(page, token)], duration=1.5),
                    requests_per_second(other, [get(path) for path in paths], duration=1.5),
                )
                for _ in range(ROUNDS + 1)
            ][1:]
    values = [statistics.median(column) for column in zip(*pairs, strict=True)]
    yield Figure("search-page", values[0], "1/s", values[1], "higher", limit=0.35)


def _patient(database: Path) -> str:
    """The participant of whom the samples are."""
    with sqlite3.connect(database) as connection:
        rows = connection.execute(
            "SELECT subject FROM resource WHERE study = ? AND type = 'Observation' LIMIT 1", (STUDY,)
        )
        return str(rows.fetchone()[0])
