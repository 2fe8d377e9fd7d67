"""Exports of `GATEWAY_BENCHMARK_EXPORT` (20,000) Observations, with consent and audit: NDJSON, views, policies.

The references are hand-written loops over the same database and the same bodies.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import date
from functools import partial
from pathlib import Path

from benchmarks.demo_study import STUDY, deliver, enrolled, heart_rate_payload
from benchmarks.figure import Figure, paired
from benchmarks.reference.export_loops import copy_bodies, row
from gateway.core.assets import asset_roots
from gateway.core.clock import system_clock
from gateway.core.codec import loads_stored
from gateway.export import export
from gateway.export.deidentify import Deidentifier, StudyKey, load_policy, shipped_policies
from gateway.export.views import compile_view, read_view, write_table

NAME = "export"
SIZE = int(os.environ.pop("GATEWAY_BENCHMARK_EXPORT", "20000"))  # taken out: a gateway refuses what it does not know
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
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        gateway = enrolled(folder)
        for number in range(-(-SIZE // 1000)):
            deliver(gateway, heart_rate_payload(number, min(1000, SIZE)))
        study = gateway.studies[STUDY]
        door = gateway.access.door(study.principal(study.clients["research"]))
        plain = partial(export, door, folder / "plain", ["Observation"], system_clock())
        count = plain().outputs[0].count
        ours, copied = paired(plain, partial(copy_bodies, folder / "gateway.db", STUDY, folder / "copy.ndjson"), 3)
        yield Figure("export-ndjson", count / ours, "1/s", count / copied, "higher", limit=0.5)
        policy = load_policy(shipped_policies(asset_roots("profiles"))["research-pseudonymised"])
        deidentifier = Deidentifier(policy, StudyKey(STUDY, b"k" * 32), date(2026, 6, 1))
        without_names = partial(
            export, door, folder / "private", ["Observation"], system_clock(), deidentifier=deidentifier
        )
        yield Figure("deidentify", *_spread(*paired(without_names, plain, 3)), "lower", limit=3)
        gateway.close()
        yield Figure("export-memory", _peak(folder), "MB", MEMORY_MB, "lower", limit=1.0)
        yield from _views(folder)


def _peak(folder: Path) -> float:
    command = [sys.executable, "-m", "benchmarks.reference.export_peak", folder]
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
