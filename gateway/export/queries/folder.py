"""The views and queries of a study as a folder with a manifest: a CSV or Parquet file each, or one DuckDB file."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from gateway.access import Door
from gateway.export.deidentify import Deidentifier
from gateway.export.files import make_durable
from gateway.export.folders import Manifest, Output, Progress, earlier
from gateway.export.queries.compile import CompiledQuery, Source, resources_of
from gateway.export.queries.library import Shelf
from gateway.export.queries.run import run_source
from gateway.export.views import CompiledView, write_table

Ending = Literal["csv", "parquet", "duckdb"]

ENDINGS: Final[dict[str, Ending]] = {"csv": "csv", "parquet": "parquet", "duckdb": "duckdb"}

DATABASE: Final = "study.duckdb"
UNFINISHED: Final = "study.part.duckdb"


@dataclass(frozen=True, slots=True)
class Tables:
    """Exports of a study's `shelf` through one door; `at` is when it was asked for."""

    door: Door
    shelf: Shelf
    at: datetime
    progress: Progress | None = None
    deidentifier: Deidentifier | None = None

    def export(self, folder: Path, types: Sequence[str], ending: Ending) -> Manifest:
        """Writes `<name>.<ending>` for each view and query over `types` alone, or `study.duckdb` with a table each,
        then `manifest.json`, whose counts are rows; what has no rows is there too.

        A query that asks for parameters is left out. Files and folder are kept as `gateway.export.export` keeps them.
        Raises as `Shelf.find`, `run_source` and `write_table` do.
        """
        own = {f"{name}.{one}" for name in self.shelf.names for one in ENDINGS}
        own |= {DATABASE, UNFINISHED, f"{UNFINISHED}.wal"}
        before = earlier(folder, own.__contains__)
        found = [one for one in map(self.shelf.find, self.shelf.names) if one and not _asks(one)]
        wanted = [one for one in found if resources_of(one) <= set(types)]
        made = self._database(folder, wanted) if ending == "duckdb" else self._files(folder, wanted, ending)
        policy = self.deidentifier.policy.name if self.deidentifier else ""
        manifest = Manifest(self.door.principal.study, self.at, tuple(made), policy)
        manifest.publish(folder, before)
        return manifest

    def _files(self, folder: Path, sources: Sequence[Source], ending: Ending) -> Iterator[Output]:
        for source in sources:
            path = folder / f"{source.name}.{ending}"
            yield _output(_type_of(source), path, self._written(source, path))

    def _database(self, folder: Path, sources: Sequence[Source]) -> Iterator[Output]:
        """Under another name until all tables are in it."""
        part = folder / UNFINISHED
        for left in (part, folder / f"{UNFINISHED}.wal"):
            left.unlink(missing_ok=True)
        count = sum(self._written(source, part) for source in sources)
        if sources:
            make_durable(part)
            part.replace(folder / DATABASE)
            yield _output("DuckDB", folder / DATABASE, count)

    def _written(self, source: Source, path: Path) -> int:
        name, tell = source.name, self.progress
        told = (lambda count: tell(name, count)) if tell else None
        return write_table(source, run_source(source, self.door, told, self.deidentifier), path)


def _asks(source: Source) -> bool:
    """Whether it cannot run without values."""
    return isinstance(source, CompiledQuery) and bool(source.query.parameters)


def _type_of(source: Source) -> str:
    """What a manifest calls the file's content: the view's type, `Query` for rows of several resources."""
    return source.view.resource if isinstance(source, CompiledView) else "Query"


def _output(kind: str, path: Path, count: int) -> Output:
    with path.open("rb") as file:
        return Output(kind, path.name, count, hashlib.file_digest(file, "sha256").hexdigest())
