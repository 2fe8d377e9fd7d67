"""A view or a query over what a reader may take along."""

from collections.abc import Generator, Mapping
from typing import Any

from gateway.access import Door
from gateway.export.deidentify import Deidentifier
from gateway.export.queries.compile import Source
from gateway.export.queries.database import database
from gateway.export.queries.statement import duckdb_sql
from gateway.export.queries.values import read_values
from gateway.export.views import CompiledView, run_view
from gateway.export.views.compile import Row
from gateway.export.views.run import Progress


def run_source(
    source: Source,
    door: Door,
    progress: Progress | None = None,
    deidentifier: Deidentifier | None = None,
    values: Mapping[str, Any] | None = None,
) -> Generator[Row, None, None]:
    """The rows of a view or a query for one reader; `values` are the query's parameters, as `read_values` gives them.

    Each view below is read through the door, with its consent and, with a `deidentifier`, its policy: SQL sees what
    the reader may take along and nothing else. Raises as `run_view`, and `Unprocessable` (`export.query-run`,
    `export.query-time`) or `Unavailable` (`export.query-room`) where DuckDB cannot go on.
    """
    if isinstance(source, CompiledView):
        yield from run_view(source, door, progress, deidentifier=deidentifier)
        return
    given = values if values is not None else read_values(source.query, {})
    with database() as tables:
        for label, below in source.tables.items():
            tables.create(label, below.columns)
            tables.fill(label, below.columns, run_source(below, door, progress, deidentifier))
        wanted = {name: given[name] for name in source.used}
        yield from tables.select(duckdb_sql(source.query), source.columns, wanted)
