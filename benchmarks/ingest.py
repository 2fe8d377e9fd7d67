"""End to end on SQLite: 10,000 heart-rate samples in payloads of 1,000, one process, beside a script for that job."""

import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.demo_study import deliver, enrolled, heart_rate_payload
from benchmarks.figure import ROUNDS, Figure, seconds
from benchmarks.reference.heart_rate import Script

NAME = "ingest"
PAYLOADS = 10
PATIENT = "101-001"
COMPARED = ("resource", "version", "search_term", "search_reference", "search_number", "payload", "receipt")


def run() -> Iterator[Figure]:
    """The median seconds of both; raises RuntimeError when they did not write as many rows."""
    bodies = [heart_rate_payload(number) for number in range(PAYLOADS)]
    pairs = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            pairs.append(_round(Path(folder), bodies))
    ours, reference = (sorted(column)[ROUNDS // 2] for column in zip(*pairs, strict=True))
    yield Figure("ingest", ours, "s", reference, "lower", limit=3)


def _round(folder: Path, bodies: list[bytes]) -> tuple[float, float]:
    from gateway.app import settled

    gateway = enrolled(folder)
    before = _counts(folder / "gateway.db")
    with settled():  # as `gateway ingest` and the server are, and the script gains by it too
        ours = seconds(lambda: [deliver(gateway, body) for body in bodies])
        gateway.close()
        script = Script(folder / "script.db", schema(folder / "gateway.db"))
        reference = seconds(lambda: [script.ingest(body, PATIENT) for body in bodies])
        script.connection.close()
    after, made = _counts(folder / "gateway.db"), _counts(folder / "script.db")
    for table in COMPARED:
        written = after[table] - before[table]
        if abs(written - made[table]) > len(bodies) * 20:
            raise RuntimeError(f"{table}: the gateway wrote {written} rows, the script {made[table]}")
    return ours, reference


def schema(path: Path) -> list[str]:
    """The statements that make the tables of a database."""
    with sqlite3.connect(path) as connection:
        rows = connection.execute(
            "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY type = 'index'"
        )
        return [row[0] for row in rows]


def _counts(path: Path) -> dict[str, int]:
    with sqlite3.connect(path) as connection:
        return {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in COMPARED}
