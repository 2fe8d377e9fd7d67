"""What consent costs a search, and what a withdrawal costs, on a trial with 80 % of its participants granted.

`consent-page` and `consent-count`: a page of 50 and a total of one code with consent, beside the same without.
`consent-count-mixed`: the total where of ten participants one has a grant for a window of time, one for a domain.
`consent-revoke`: one participant's Consent withdrawn and its grants made again, on the larger trial beside the
smaller one. SQLite; `GATEWAY_BENCHMARK_SIZES` (10000,100000) names the sizes.
"""

import os
import sqlite3
import statistics
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copyfile
from time import perf_counter

from benchmarks.figure import Figure
from benchmarks.search_growth import prepared, sizes
from benchmarks.trial_data import STUDY, open_store, parameters, patient_id, sqlite_file
from gateway.core.resources import Change, Key, Placement, Unit, Visibility
from gateway.search import Query, parse
from gateway.store import Page
from gateway.store.sql import SqlStore

NAME = "consent"
LIMIT = 2.0
ROUNDS = 15
READER = Visibility(STUDY, "org", "access", "HRESCH", 1)
WINDOW = 1_719_792_000_000_000
"""2024-07-01, which some Observations are before, in microseconds."""

MIXED = (
    f"UPDATE consent_grant SET data_low = {WINDOW} WHERE CAST(substr(subject, 2) AS INTEGER) % 10 = 1",
    "UPDATE consent_grant SET domain = '' WHERE CAST(substr(subject, 2) AS INTEGER) % 10 = 2",
)
QUERY = "code=http://loinc.org|8867-4&_sort=-date"


def run() -> Iterator[Figure]:
    """Milliseconds, with consent and without, and of a withdrawal."""
    small, large = sizes()
    with tempfile.TemporaryDirectory() as folder:
        stores = [_granted(size, Path(folder)) for size in (small, large)]
        try:
            yield from _searches(stores[1])
            yield _revocation(*stores)
        finally:
            for store in stores:
                store.close()


def _granted(size: int, folder: Path) -> SqlStore:
    """A copy of the trial in which every fifth participant's grants are gone."""
    path = folder / f"{size}.db"
    copyfile(sqlite_file(size, prepared()), path)
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM consent_grant WHERE CAST(substr(subject, 2) AS INTEGER) % 5 = 0")
    connection.close()
    os.sync()  # what a copy leaves to be written would be paid by the first commits
    return open_store(f"sqlite:///{path}")


def _searches(store: SqlStore) -> Iterator[Figure]:
    page = parse("Observation", [tuple(part.split("=", 1)) for part in QUERY.split("&")], parameters())  # type: ignore[misc]
    count = parse("Observation", [("code", "http://loinc.org|8867-4"), ("_total", "accurate")], parameters())
    yield _gated(store, "consent-page", page, 50)
    yield _gated(store, "consent-count", count, 0)
    with store.database.engine.begin() as connection:
        for statement in MIXED:
            connection.exec_driver_sql(statement)
    yield _gated(store, "consent-count-mixed", count, 0)


def _gated(store: SqlStore, name: str, query: Query, size: int) -> Figure:
    asked: list[Callable[[], object]] = [
        lambda one=eyes: store.search(query, STUDY, one, Page(size))  # type: ignore[misc]
        for eyes in (READER, None)
    ]
    gated, plain = _alternately(asked)
    return Figure(name, gated, "ms", plain, "lower", limit=LIMIT)


def _revocation(small: SqlStore, large: SqlStore) -> Figure:
    turns = iter(range(1, 1_000_000))

    def write(store: SqlStore) -> None:
        number = next(turns)
        who = patient_id(1 + number % 90)
        consent = {
            "resourceType": "Consent",
            "id": f"c-{who}",
            "status": "inactive",
            "patient": {"reference": f"Patient/{who}"},
            "dateTime": f"2026-01-{number % 28 + 1:02}T00:00:{number % 60:02}Z",
        }
        store.commit(Unit(STUDY, (Change(Key(STUDY, "Consent", f"c-{who}"), consent, Placement((who,), ("",))),)))

    one, other = _alternately([lambda: write(large), lambda: write(small)])
    return Figure("consent-revoke", one, "ms", other, "lower", limit=LIMIT)


def _alternately(asked: list[Callable[[], object]]) -> list[float]:
    """The median milliseconds of each, taken in turn."""
    times: list[list[float]] = [[] for _ in asked]
    for _ in range(ROUNDS + 2):
        for one, kept in zip(asked, times, strict=True):
            started = perf_counter()
            one()
            kept.append((perf_counter() - started) * 1000)
    return [statistics.median(kept[2:]) for kept in times]
