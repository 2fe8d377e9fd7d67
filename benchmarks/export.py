"""Exports of `GATEWAY_BENCHMARK_EXPORT` (20,000) Observations, with consent and audit: NDJSON, views, policies.

The references are hand-written loops over the same database and the same bodies. `GATEWAY_BENCHMARK_DATABASES`
(sqlite) names the databases, `sqlite,postgresql` for both: on PostgreSQL NDJSON alone, beside a server-side cursor.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from pathlib import Path

from benchmarks.demo_study import STUDY, deliver, enrolled, heart_rate_payload
from benchmarks.figure import Figure, paired
from benchmarks.postgres_trial import new_database
from benchmarks.reference.export_loops import copy_bodies, copy_by_cursor, row
from gateway.access import Door
from gateway.core.assets import asset_roots
from gateway.core.clock import system_clock
from gateway.core.codec import loads_stored
from gateway.export import export
from gateway.export.deidentify import Deidentifier, StudyKey, load_policy, shipped_policies
from gateway.export.folders import Manifest
from gateway.export.views import compile_view, read_view, write_table

NAME = "export"
SIZE = int(os.environ.pop("GATEWAY_BENCHMARK_EXPORT", "20000"))  # taken out: a gateway refuses what it does not know
DATABASES = "GATEWAY_BENCHMARK_DATABASES"
MEMORY_MB = 150
VIEW = {
    "resource": "Observation",
    "name": "observation",
    "select": [
        {
            "column": [
                {"name": name, "path": path}
                for name, path in (
                    ("id", "getResourceKey()"),
                    ("patient", "subject.getReferenceKey(Patient)"),
                    ("system", "code.coding.first().system"),
                    ("code", "code.coding.first().code"),
                    ("time", "effective.ofType(dateTime)"),
                    ("value", "value.ofType(Quantity).value"),
                    ("unit", "value.ofType(Quantity).code"),
                )
            ]
        }
    ],
}


def run() -> Iterator[Figure]:
    """The rate and memory of NDJSON; seconds of a view, of Parquet over the view, of de-identification over plain."""
    databases = os.environ.pop(DATABASES, "sqlite")  # a gateway refuses what it does not know
    try:
        for database in databases.split(","):
            with tempfile.TemporaryDirectory() as name:
                yield from {"sqlite": _on_sqlite, "postgresql": _on_postgresql}[database](Path(name))
    finally:
        os.environ[DATABASES] = databases


def _on_sqlite(folder: Path) -> Iterator[Figure]:
    file = folder / "gateway.db"
    with _filled(folder) as door:
        plain = partial(export, door, folder / "plain", ["Observation"], system_clock())
        copy = partial(copy_bodies, file, STUDY, folder / "copy.ndjson")
        yield _rate("export-ndjson", plain, copy)
        policy = load_policy(shipped_policies(asset_roots("profiles"))["research-pseudonymised"])
        deidentifier = Deidentifier(policy, StudyKey(STUDY, b"k" * 32), date(2026, 6, 1))
        without_names = partial(
            export, door, folder / "private", ["Observation"], system_clock(), deidentifier=deidentifier
        )
        yield Figure("deidentify", *_spread(*paired(without_names, plain, 3)), "lower", limit=3)
    yield Figure("export-memory", _peak(f"sqlite:///{file}", folder), "MB", MEMORY_MB, "lower", limit=1.0)
    yield from _views(folder)


def _on_postgresql(folder: Path) -> Iterator[Figure]:
    with new_database(folder) as url:
        with _filled(folder, url) as door:
            plain = partial(export, door, folder / "plain", ["Observation"], system_clock())
            copy = partial(copy_by_cursor, url, STUDY, folder / "copy.ndjson")
            yield _rate("export-ndjson/postgresql", plain, copy)
        yield Figure("export-memory/postgresql", _peak(url, folder), "MB", MEMORY_MB, "lower", limit=1.0)


@contextmanager
def _filled(folder: Path, url: str = "") -> Iterator[Door]:
    """The door of a researcher to `SIZE` Observations."""
    gateway = enrolled(folder, url)
    try:
        for number in range(-(-SIZE // 1000)):
            deliver(gateway, heart_rate_payload(number, min(1000, SIZE)))
        study = gateway.studies[STUDY]
        yield gateway.access.door(study.principal(study.clients["research"]))
    finally:
        gateway.close()


def _rate(bench: str, plain: Callable[[], Manifest], copy: Callable[[], int]) -> Figure:
    count = plain().outputs[0].count
    if copy() != count:
        raise RuntimeError("the export and the loop differ")
    ours, copied = paired(plain, copy, 5)
    return Figure(bench, count / ours, "1/s", count / copied, "higher", limit=0.5)


def _peak(url: str, folder: Path) -> float:
    command = [sys.executable, "-m", "benchmarks.reference.export_peak", url, folder]
    told = subprocess.run(command, check=True, capture_output=True)
    return float(json.loads(told.stdout)["megabytes"])


def _spread(ours: float, reference: float) -> tuple[float, str, float]:
    return ours, "s", reference


def _views(folder: Path) -> Iterator[Figure]:
    bodies = (folder / "plain" / "Observation.ndjson").read_bytes().splitlines()
    view = compile_view(read_view(VIEW))

    def rows() -> list[tuple[object, ...]]:
        return [one for body in bodies for one in view.rows(loads_stored(body))]

    def by_hand() -> list[tuple[object, ...]]:
        return [row(body) for body in bodies]

    if len(rows()) != len(by_hand()):
        raise RuntimeError("the view and the loop differ")
    ours, reference = paired(rows, by_hand, 5)
    yield Figure("view", *_spread(ours, reference), "lower", limit=4)

    def parquet() -> int:
        return write_table(
            view, (one for body in bodies for one in view.rows(loads_stored(body))), folder / "v.parquet"
        )

    yield Figure("view-parquet", *_spread(*paired(parquet, rows, 5)), "lower", limit=1.5)
