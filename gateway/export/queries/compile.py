"""A query compiled: its tables found, its SQL checked against them, its columns known."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from gateway.core.errors import Unprocessable
from gateway.core.issues import issue
from gateway.export.queries.database import Database, database
from gateway.export.queries.definition import Query
from gateway.export.queries.statement import check, duckdb_sql
from gateway.export.queries.values import SAMPLES
from gateway.export.views import CompiledView
from gateway.export.views.columns import Kind, Shape
from gateway.export.views.definition import MAX_COLUMNS

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,127}\Z")
_LINE: Final = re.compile(r"\nLINE (\d+):")
_KINDS: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(("tinyint", "smallint", "integer", "bigint", "hugeint"), "integer"),
    **dict.fromkeys(("utinyint", "usmallint", "uinteger", "ubigint", "uhugeint"), "integer"),
    "boolean": "boolean",
    "decimal": "decimal",
    "float": "double",
    "double": "double",
    "varchar": "string",
    "date": "date",
    "timestamp with time zone": "timestamp",
}


@dataclass(frozen=True, slots=True)
class CompiledQuery:
    """A query that can run: `tables` are what it reads, by their names in its SQL; `columns` what its rows hold.

    `used` are the parameters that its SQL asks for.
    """

    query: Query
    tables: Mapping[str, "Source"]
    columns: tuple[Shape, ...]
    used: frozenset[str]

    @property
    def name(self) -> str:
        """The query's name."""
        return self.query.name

    @property
    def resources(self) -> frozenset[str]:
        """The resource types that it stands on."""
        return frozenset().union(*map(resources_of, self.tables.values()))


Source: TypeAlias = CompiledView | CompiledQuery
"""What has rows: a view, or a query over views and queries."""


def resources_of(source: Source) -> frozenset[str]:
    """The resource types that a source stands on."""
    return source.resources if isinstance(source, CompiledQuery) else frozenset((source.view.resource,))


def compile_query(query: Query, tables: Mapping[str, Source]) -> CompiledQuery:
    """The query over its tables, each of its labels among them; no row is read.

    Raises `Unprocessable` with what its SQL may not say or cannot be (`export.query-...`), each with line and column
    as far as they are known.
    """
    with database() as empty:
        used, faults = check(empty.connection, query)
        if faults:
            raise Unprocessable(*faults)
        for label, source in tables.items():
            empty.create(label, source.columns)
        columns = _columns(empty, query, used)
    return CompiledQuery(query, tables, columns, used)


def _columns(empty: Database, query: Query, used: frozenset[str]) -> tuple[Shape, ...]:
    """What a row of the query holds; raises `Unprocessable` for SQL that does not fit the tables."""
    import duckdb

    samples = {name: SAMPLES[query.parameters[name]] for name in used}
    try:
        # What stands in the parentheses was checked as one SELECT.
        cursor = empty.connection.execute(f"SELECT * FROM (\n{duckdb_sql(query)}\n) LIMIT 0", samples)  # noqa: S608
    except duckdb.Error as error:
        # No row is in the tables, so DuckDB's words are about the SQL alone.
        text, line = str(error), _LINE.search(str(error))
        source = f"line {int(line[1]) - 1}" if line else ""
        reason = text.split("\n", 1)[0]
        raise Unprocessable(issue("export.query-sql", expression=query.place, source=source, reason=reason)) from None
    told = cursor.description or []
    found = [_shape(str(name), kind) for name, kind, *_ in told]
    _check_columns(query, [str(name) for name, *_ in told], found)
    return tuple(one for one in found if one)


def _shape(name: str, kind: Any) -> Shape | None:
    """The column, None for what no file of ours can hold."""
    several = kind.id == "list"
    own = _KINDS.get(kind.children[0][1].id if several else kind.id)
    return Shape(name, own, several) if own and _NAME.match(name) else None


def _check_columns(query: Query, names: Sequence[str], found: Sequence[Shape | None]) -> None:
    faults = [
        issue("export.query-column", expression=query.place, column=name)
        for name, shape in zip(names, found, strict=True)
        if shape is None
    ]
    if len(names) > MAX_COLUMNS:
        faults.append(
            issue("export.query-element", expression=query.place, expected=f"at most {MAX_COLUMNS} columns")
        )
    if faults:
        raise Unprocessable(*faults)
