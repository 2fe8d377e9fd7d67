"""How the time of a search grows with the data: each flat query of the list on a large trial, over a small one.

The store answers for a reader with consent, on SQLite; `GATEWAY_BENCHMARK_SIZES` (10000,100000) names the sizes.
Data sets are kept in `var/benchmarks`. `compared` takes stores of any kind.
"""

import os
import statistics
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from time import perf_counter

from benchmarks.figure import Figure
from benchmarks.trial_data import STUDY, open_store, parameters, patient_id, sqlite_file
from gateway.core.resources import Key, Visibility
from gateway.search import parse
from gateway.store import Page
from gateway.store.sql import SqlStore

NAME = "search-growth"
FOLDER = Path("var/benchmarks")
LIMIT = 2.0
ROUNDS, PARTICIPANTS = 5, 8
READER = Visibility(STUDY, "org", "access", "HRESCH", 1)

QUERIES = {
    "q02": ("Patient", "identifier=urn:subject|{p}", 20),
    "q03": ("Patient", "family=ad", 20),
    "q04": ("Patient", "family:exact=Adler1&birthdate=ge1950", 20),
    "q05": ("Observation", "patient={p}", 20),
    "q06": ("Observation", "patient={p}&code=http://loinc.org|8867-4&_sort=-date", 20),
    "q07": ("Observation", "patient={p}&category=vital-signs&date=ge2024-06-01&date=lt2024-06-08", 20),
    "q08": ("Observation", "code=http://loinc.org|8867-4", 20),
    "q09": ("Observation", "code=8867-4,59408-5,29463-7&_sort=-date", 50),
    "q10": ("Observation", "code=http://loinc.org|8867-4&value-quantity=gt120||/min", 20),
    "q11": ("Observation", "code-value-quantity=http://loinc.org|29463-7$gt90||kg", 20),
    "q12": ("Observation", "subject:Patient.identifier=urn:subject|{p}", 20),
    "q13": ("Observation", "patient.birthdate=lt1960&code=8867-4", 20),
    "q14": ("Patient", "_has:Observation:patient:code=http://loinc.org|33762-6", 20),
    "q15": ("Observation", "code=8867-4&_include=Observation:subject&_include=Observation:device", 20),
    "q16": ("Patient", "_id={p}&_revinclude=Observation:subject&_revinclude=Provenance:target", 20),
    "q17": (
        "DiagnosticReport",
        "patient={p}&_include=DiagnosticReport:result&_include:iterate=Observation:specimen",
        20,
    ),
    "q18": ("Observation", "_lastUpdated=gt2020&_sort=_lastUpdated", 100),
    "q19": ("Observation", "patient={p}&code:not=8867-4", 20),
    "q20": ("Observation", "patient={p}&device:missing=true", 20),
    "q22": ("Observation", "_tag=rwd&_sort=-date", 20),
    "q23": ("Encounter", "patient={p}&date=ge2024-06-01&_sort=date", 20),
    "q24": ("QuestionnaireResponse", "questionnaire=http://example.org/Questionnaire/kccq&authored=ge2024-06-01", 20),
    "q25": ("Observation", "code=8867-4&_sort=-date", 20),
    "q29": ("Observation", "identifier=urn:observation|1-7", 20),
    "q30": ("ResearchSubject", "study=benchmark&status=on-study", 50),
}
"""The flat queries that the store answers: type, parameters, page size; `{p}` is a participant."""

DEEP = {"q25": 40}
"""Queries that are measured on a later page: so many pages on."""


def run() -> Iterator[Figure]:
    """Seconds of each query on the larger trial, beside the smaller one."""
    small, large = sizes()
    stores = {size: open_store(f"sqlite:///{sqlite_file(size, prepared())}") for size in (small, large)}
    yield from compared("sqlite", stores[small], stores[large])
    for store in stores.values():
        store.close()


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
    for name, (type, text, count) in QUERIES.items():
        pairs = [tuple(pair.partition("=")[::2]) for pair in text.split("&")]
        asked = [
            parse(type, [(key, value.format(p=patient_id(number))) for key, value in pairs], known)
            for number in range(PARTICIPANTS)
        ]

        def ask(store: SqlStore, page: Page, asked: list = asked) -> None:  # type: ignore[type-arg]
            for query in asked:
                store.search(query, STUDY, READER, page)

        pages = {store: Page(count, _deep(store, asked[0], count, DEEP.get(name, 0))) for store in (small, large)}
        both = list(pages.items())
        times = [[_seconds(partial(ask, store, page)) for store, page in both] for _ in range(ROUNDS + 1)]
        one, other = (statistics.median(column) / len(asked) for column in zip(*times[1:], strict=True))
        yield Figure(f"search-growth/{database}/{name}", other, "s", one, "lower", limit=LIMIT)
    yield _histories(database, small, large)


def _histories(database: str, small: SqlStore, large: SqlStore) -> Figure:
    keys = [Key(STUDY, "Observation", f"o-{patient_id(number)}-3") for number in range(PARTICIPANTS)]
    times = [
        [_seconds(lambda s=store: [s.history(key, READER) for key in keys]) for store in (small, large)]  # type: ignore[misc]
        for _ in range(ROUNDS + 1)
    ]
    one, other = (statistics.median(column) / len(keys) for column in zip(*times[1:], strict=True))
    return Figure(f"search-growth/{database}/q28", other, "s", one, "lower", limit=LIMIT)


def _deep(store: SqlStore, query: object, count: int, pages: int) -> object:
    after = None
    for _ in range(pages):
        after = store.search(query, STUDY, READER, Page(count, after)).next  # type: ignore[arg-type]
    return after


def _seconds(action: Callable[[], object]) -> float:
    start = perf_counter()
    action()
    return perf_counter() - start
