"""What consent costs a search, and what a withdrawal costs, on a trial with 80 % of its participants granted.

`consent-page` and `consent-count`: a page of 50 and a total of one code with consent, beside the same without;
`consent-count-category` and `consent-count-type`: the totals of most of a type and of all of it;
`consent-count-mixed`: that of the code where of ten participants one has a grant for a window, one for a domain.
`consent-revoke`: one participant's Consent withdrawn and its grants made again, on the larger trial beside the
smaller one. `GATEWAY_BENCHMARK_SIZES` (10000,100000) names the sizes, `GATEWAY_BENCHMARK_DATABASES` (sqlite) the
databases; figures of PostgreSQL end with its name.
"""

import os
import sqlite3
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from shutil import copyfile
from time import perf_counter, process_time

from sqlalchemy import text

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

UNGRANTED = "DELETE FROM consent_grant WHERE CAST(substr(subject, 2) AS INTEGER) % 5 = 0"
MIXED = (
    f"UPDATE consent_grant SET data_low = {WINDOW} WHERE CAST(substr(subject, 2) AS INTEGER) % 10 = 1",
    "UPDATE consent_grant SET domain = '' WHERE CAST(substr(subject, 2) AS INTEGER) % 10 = 2",
)
CODE = ("code", "http://loinc.org|8867-4")
TOTAL = ("_total", "accurate")
COUNTS = {"": (CODE,), "-category": (("category", "vital-signs"),), "-type": ()}


def run() -> Iterator[Figure]:
    """Milliseconds, with consent and without, and of a withdrawal."""
    for database in os.environ.get("GATEWAY_BENCHMARK_DATABASES", "sqlite").split(","):
        with ExitStack() as stack:
            copies = _of_postgres if database == "postgresql" else _of_sqlite
            small, large = stack.enter_context(copies(*sizes()))
            yield from _searches(large)
            yield _revocation(small, large)


@contextmanager
def _of_sqlite(*sizes: int) -> Iterator[list[SqlStore]]:
    """Copies of the trials in which every fifth participant's grants are gone."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        stores = []
        for size in sizes:
            path = Path(folder) / f"{size}.db"
            copyfile(sqlite_file(size, prepared()), path)
            with sqlite3.connect(path) as connection:
                connection.execute(UNGRANTED)
            connection.close()
            stores.append(open_store(f"sqlite:///{path}"))
            stack.callback(stores[-1].close)
        os.sync()  # what a copy leaves to be written would be paid by the first commits
        yield stores


@contextmanager
def _of_postgres(*sizes: int) -> Iterator[list[SqlStore]]:
    """The same of copies on PostgreSQL."""
    from benchmarks.postgres_trial import postgres_copies

    with postgres_copies(prepared(), *sizes, change=UNGRANTED) as stores:
        yield stores


def _name(store: SqlStore, name: str) -> str:
    return name if store.database.is_sqlite else f"{name}/postgresql"


def _searches(store: SqlStore) -> Iterator[Figure]:
    known = parameters()
    yield _gated(store, "consent-page", parse("Observation", [CODE, ("_sort", "-date")], known), 50)
    for name, asked in COUNTS.items():
        yield _gated(store, f"consent-count{name}", parse("Observation", [*asked, TOTAL], known), 0)
    with store.database.engine.begin() as connection:
        for statement in MIXED:
            connection.execute(text(statement))
    yield _gated(store, "consent-count-mixed", parse("Observation", [CODE, TOTAL], known), 0)


def _gated(store: SqlStore, name: str, query: Query, size: int) -> Figure:
    asked: list[Callable[[], object]] = [
        lambda one=eyes: store.search(query, STUDY, one, Page(size))  # type: ignore[misc]
        for eyes in (READER, None)
    ]
    # SQLite works in this process: its processor time is free of what others do meanwhile.
    gated, plain = _alternately(asked, process_time if store.database.is_sqlite else perf_counter)
    return Figure(_name(store, name), gated, "ms", plain, "lower", limit=LIMIT)


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

    one, other = _alternately([lambda: write(large), lambda: write(small)], perf_counter)
    return Figure(_name(large, "consent-revoke"), one, "ms", other, "lower", limit=LIMIT)


def _alternately(asked: list[Callable[[], object]], clock: Callable[[], float]) -> list[float]:
    """The median milliseconds of each, taken in turn."""
    times: list[list[float]] = [[] for _ in asked]
    for _ in range(ROUNDS + 2):
        for one, kept in zip(asked, times, strict=True):
            started = clock()
            one()
            kept.append((clock() - started) * 1000)
    return [statistics.median(kept[2:]) for kept in times]
