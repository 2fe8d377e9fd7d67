"""How the time of a search grows with the data: each flat query of the list on a large trial, over a small one.

The store answers for a reader with consent. `GATEWAY_BENCHMARK_SIZES` (10000,100000) names the sizes,
`GATEWAY_BENCHMARK_DATABASES` (sqlite) the databases, `sqlite,postgresql` for both. Data sets are kept in
`var/benchmarks`. Linear queries are told with their times and not judged.

A query is asked for several participants; of each the median of all rounds counts, and the mean of these is told. On
SQLite, which works in this process, it is processor time: an answer of a millisecond that others of a busy machine
interrupt takes ten, and the longer one is interrupted more often. On PostgreSQL it is time by the clock.
"""

import os
import statistics
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from time import perf_counter, process_time

from benchmarks.figure import Figure
from benchmarks.search_queries import DEEP, FLAT, LINEAR, READER, Ask, others, queries
from benchmarks.trial_data import STUDY, open_store, parameters, sqlite_file
from gateway.search import Query
from gateway.store import Page, Position
from gateway.store.sql import SqlStore

NAME = "search-growth"
FOLDER = Path("var/benchmarks")
LIMIT = 2.0
ROUNDS = 15
ROUNDS_OF_LINEAR = 2


def run() -> Iterator[Figure]:
    """Seconds of each query on the larger trial, beside the smaller one."""
    small, large = sizes()
    for database in os.environ.get("GATEWAY_BENCHMARK_DATABASES", "sqlite").split(","):
        with ExitStack() as stack:
            yield from compared(database, *_stores(stack, database, small, large))


def _stores(stack: ExitStack, database: str, small: int, large: int) -> list[SqlStore]:
    if database == "postgresql":
        from benchmarks.postgres_trial import postgres_stores

        return stack.enter_context(postgres_stores(prepared(), small, large))
    stores = [open_store(f"sqlite:///{sqlite_file(size, prepared())}") for size in (small, large)]
    for store in stores:
        stack.callback(store.close)
    return stores


def sizes() -> tuple[int, int]:
    """The small and the large number of Observations."""
    small, large = os.environ.get("GATEWAY_BENCHMARK_SIZES", "10000,100000").split(",")
    return int(small), int(large)


def prepared() -> Path:
    """The folder of the data sets."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    return FOLDER


def compared(database: str, small: SqlStore, large: SqlStore) -> Iterator[Figure]:
    """The figures of two stores, asked in turn."""
    known = parameters()
    for name, (type, text, count) in {**FLAT, **LINEAR}.items():
        asked = queries(type, text, known)
        pages = {store: Page(count, _deep(store, asked[0], count, DEEP.get(name, 0))) for store in (small, large)}
        asks: list[Ask] = [partial(_search, query, pages) for query in asked]
        yield _figure(database, name, asks, small, large, judged=name in FLAT)
    for name, other in others(known).items():
        yield _figure(database, name, other, small, large, judged=True)


def _search(query: Query, pages: dict[SqlStore, Page], store: SqlStore) -> object:
    return store.search(query, STUDY, READER, pages[store])


def _figure(database: str, name: str, asks: list[Ask], small: SqlStore, large: SqlStore, *, judged: bool) -> Figure:
    clock = process_time if database == "sqlite" else perf_counter
    rounds = ROUNDS if judged else ROUNDS_OF_LINEAR
    one, other = (
        statistics.fmean(statistics.median(column) for column in zip(*times, strict=True))
        for times in zip(*(_round(asks, small, large, clock) for _ in range(rounds + 1)), strict=True)
    )
    return Figure(f"search-growth/{database}/{name}", other, "s", one, "lower", limit=LIMIT if judged else None)


def _round(
    asks: list[Ask], small: SqlStore, large: SqlStore, clock: Callable[[], float]
) -> tuple[list[float], list[float]]:
    """The seconds of each question to the one and to the other, in turn."""
    times: tuple[list[float], list[float]] = [], []
    for ask in asks:
        for store, taken in zip((small, large), times, strict=True):
            start = clock()
            ask(store)
            taken.append(clock() - start)
    return times


def _deep(store: SqlStore, query: Query, count: int, pages: int) -> Position | None:
    """The position so many pages on, or that of the last page that is full."""
    before, after = None, None
    for _ in range(pages):
        following = store.search(query, STUDY, READER, Page(count, after)).next
        if following is None:
            return before
        before, after = after, following
    return after
