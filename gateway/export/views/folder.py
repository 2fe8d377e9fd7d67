"""The views of a study as a folder of tables with a manifest: a CSV or Parquet file a view, or one DuckDB file."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from gateway.access import Door
from gateway.export.deidentify import Deidentifier
from gateway.export.files import make_durable
from gateway.export.folders import Manifest, Output, Progress, earlier
from gateway.export.views.compile import CompiledView
from gateway.export.views.run import run_view
from gateway.export.views.tables import write_table

Ending = Literal["csv", "parquet", "duckdb"]

ENDINGS: Final[dict[str, Ending]] = {"csv": "csv", "parquet": "parquet", "duckdb": "duckdb"}

DATABASE: Final = "study.duckdb"
UNFINISHED: Final = "study.part.duckdb"


@dataclass(frozen=True, slots=True)
class Tables:
    """Exports of `views` (by name) through one door; `at` is when it was asked for."""

    door: Door
    views: Mapping[str, CompiledView]
    at: datetime
    progress: Progress | None = None
    deidentifier: Deidentifier | None = None

    def export(self, folder: Path, types: Sequence[str], ending: Ending) -> Manifest:
        """Writes `<view>.<ending>` for each view over one of `types`, or `study.duckdb` with a table for each, then
        `manifest.json`, whose counts are rows; a view without rows is there too.

        Files and folder are kept as `gateway.export.export` keeps them. Raises as `run_view` and `write_table` do.
        """
        own = {f"{name}.{one}" for name in self.views for one in ENDINGS}
        own |= {DATABASE, UNFINISHED, f"{UNFINISHED}.wal"}
        before = earlier(folder, own.__contains__)
        wanted = [view for view in self.views.values() if view.view.resource in types]
        made = self._database(folder, wanted) if ending == "duckdb" else self._files(folder, wanted, ending)
        policy = self.deidentifier.policy.name if self.deidentifier else ""
        manifest = Manifest(self.door.principal.study, self.at, tuple(made), policy)
        manifest.publish(folder, before)
        return manifest

    def _files(self, folder: Path, views: Sequence[CompiledView], ending: Ending) -> Iterator[Output]:
        for view in views:
            path = folder / f"{view.view.name}.{ending}"
            yield _output(view.view.resource, path, self._written(view, path))

    def _database(self, folder: Path, views: Sequence[CompiledView]) -> Iterator[Output]:
        """Under another name until all tables are in it."""
        part = folder / UNFINISHED
        for left in (part, folder / f"{UNFINISHED}.wal"):
            left.unlink(missing_ok=True)
        count = sum(self._written(view, part) for view in views)
        if views:
            make_durable(part)
            part.replace(folder / DATABASE)
            yield _output("DuckDB", folder / DATABASE, count)

    def _written(self, view: CompiledView, path: Path) -> int:
        name, tell = view.view.name, self.progress
        rows = run_view(
            view, self.door, (lambda count: tell(name, count)) if tell else None, deidentifier=self.deidentifier
        )
        return write_table(view, rows, path)


def _output(kind: str, path: Path, count: int) -> Output:
    with path.open("rb") as file:
        return Output(kind, path.name, count, hashlib.file_digest(file, "sha256").hexdigest())
