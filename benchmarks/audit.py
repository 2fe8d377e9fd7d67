"""Audit events chained and written, 50 a commit, beside plain inserts of rows of the same size, 50 a commit.

Both are durable (SQLite, write-ahead log, `synchronous=FULL`). Each event names one of 200 resources, as a read
leaves it: with the participant that the read's own statement told, while its Consents are found as it is written.
For `audit-looked-up` the participant is found then too, as for other events. `audit-wait` is how long one of 16
readers at once waits for its event to be durable, at the 95th percentile, beside the 20 ms that it may.
"""

import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.demo_study import STUDY, deliver, enrolled, heart_rate_payload
from benchmarks.figure import Figure, paired
from gateway.app import Gateway
from gateway.core.event import AuditRow, Event, Seen, Told
from gateway.core.resources import Key

NAME = "audit"
EVENTS = 5_000
GROUP = 50
READERS = 16
ALLOWED_MS = 20.0


def run() -> Iterator[Figure]:
    """Events a second, and the wait of a reading."""
    with tempfile.TemporaryDirectory() as folder:
        gateway = enrolled(Path(folder))
        deliver(gateway, heart_rate_payload(0))
        events = _events(gateway)
        rows = gateway.store.append(events[:GROUP])
        with sqlite3.connect(Path(folder) / "plain.db", isolation_level=None) as plain:
            _prepare(plain)
            seen = [_seen(gateway, event) for event in events]
            ours, reference = paired(lambda: _ours(gateway, seen), lambda: _plain(plain, rows))
            looked_up, beside = paired(lambda: _ours(gateway, events), lambda: _plain(plain, rows))
        waited = [_wait(gateway, events) for _ in range(3)]
        gateway.close()
    yield Figure("audit", EVENTS / ours, "1/s", EVENTS / reference, "higher", limit=0.5)
    yield Figure("audit-looked-up", EVENTS / looked_up, "1/s", EVENTS / beside, "higher")
    yield Figure("audit-wait", statistics.median(waited), "ms", ALLOWED_MS, "lower", limit=1.0)


def _events(gateway: Gateway) -> list[Event]:
    file = gateway.settings.database_file
    with sqlite3.connect(str(file)) as connection:
        found = connection.execute(
            "SELECT id FROM resource WHERE study = ? AND type = 'Observation' LIMIT 200", (STUDY,)
        ).fetchall()
    return [
        Event(
            at=gateway.clock(),
            study=STUDY,
            action="R",
            operation="read",
            outcome="success",
            client="ehr-app",
            organisation="telecare",
            role="ehr-app",
            purpose="TREAT",
            token="0123456789abcdef",
            targets=(f"Observation/{found[number % len(found)][0]}",),
            count=1,
            request=f"{number:016x}",
            versions=(1,),
        )
        for number in range(EVENTS)
    ]


def _seen(gateway: Gateway, event: Event) -> Told:
    """The event as a read of its resource leaves it."""
    kind, _, identity = event.targets[0].partition("/")
    stored = gateway.store.read(Key(STUDY, kind, identity), None)
    assert stored is not None
    assert stored.pairs is not None
    return Seen(event, stored.pairs)


def _ours(gateway: Gateway, events: Sequence[Told]) -> None:
    for start in range(0, EVENTS, GROUP):
        gateway.store.append(events[start : start + GROUP])


def _prepare(plain: sqlite3.Connection) -> None:
    plain.execute("PRAGMA journal_mode=WAL")
    plain.execute("PRAGMA synchronous=FULL")
    plain.execute(
        "CREATE TABLE row (study TEXT NOT NULL, sequence INTEGER NOT NULL, at INTEGER, event BLOB, digest BLOB, "
        "PRIMARY KEY (study, sequence))"
    )


def _plain(plain: sqlite3.Connection, rows: tuple[AuditRow, ...]) -> None:
    (first,) = plain.execute("SELECT coalesce(max(sequence), 0) FROM row").fetchone()
    for start in range(0, EVENTS, GROUP):
        plain.execute("BEGIN IMMEDIATE")
        plain.executemany(
            "INSERT INTO row VALUES (?, ?, ?, ?, ?)",
            [
                (row.study, first + start + number + 1, row.at, row.event, row.digest)
                for number, row in enumerate(rows)
            ],
        )
        plain.execute("COMMIT")


def _wait(gateway: Gateway, events: list[Event]) -> float:
    """Milliseconds at the 95th percentile."""

    def read(number: int) -> float:
        start = time.perf_counter()
        gateway.trail.record(events[number])
        return (time.perf_counter() - start) * 1_000

    with ThreadPoolExecutor(READERS) as readers:
        waited = sorted(readers.map(read, range(1_600)))
    return waited[int(len(waited) * 0.95)]
