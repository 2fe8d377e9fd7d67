"""Writing index rows: those of new versions, those that an update takes away, and facets and units once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import Connection, Executable, Table, bindparam, delete, select

from gateway.store.sql.among import among, as_list
from gateway.store.sql.database import Database, Prepared
from gateway.store.sql.index.rows import Facet, Rows, Unit
from gateway.store.sql.index.tables import (
    DateRow,
    FacetRow,
    FacetTermRow,
    FacetTextRow,
    NumberRow,
    ReferenceRow,
    StringRow,
    TermRow,
    UnitRow,
    WordRow,
)
from gateway.store.sql.tables import Columns, columns_of, table_of
from gateway.store.sql.visible import study_is

Values = tuple[Any, ...]
Known = set[tuple[str, int]]
"""(study, term) of facets and units."""

_KNOWN: Final = 200_000
"""How many facets and units are remembered to be there."""


_SECOND: Final = itemgetter(1)
_TABLES: Final = (TermRow, ReferenceRow, DateRow, NumberRow, StringRow, WordRow)
"""The tables with rows of single resources."""


def _made(rows: Rows, study: str, pk: int) -> list[list[Values]]:
    """The rows for each of `_TABLES`, in the order of the columns."""
    at = rows.at
    return [
        [(study, term, at, pk) for term in rows.terms],
        [(study, pk, *row) for row in rows.references] if rows.references else [],
        [(study, pk, *row) for row in rows.dates] if rows.dates else [],
        [(study, pk, *row) for row in rows.numbers] if rows.numbers else [],
        [(study, pk, *row) for row in rows.strings] if rows.strings else [],
        [(study, term, pk) for term in rows.words] if rows.words else [],
    ]


@dataclass(slots=True)
class IndexBatch:
    """The index rows of one write, by table; facets and units of the study by their term."""

    new: list[list[Values]] = field(default_factory=lambda: [[] for _ in _TABLES])
    old: list[list[Values]] = field(default_factory=lambda: [[] for _ in _TABLES])
    facets: dict[int, Facet] = field(default_factory=dict)
    units: dict[int, Unit] = field(default_factory=dict)

    def replace(self, study: str, pk: int, old: Rows | None, new: Rows) -> None:
        """Takes away the rows of `old` that `new` has not, and adds those that only `new` has."""
        wanted = _made(new, study, pk)
        if old is None:
            for into, rows in zip(self.new, wanted, strict=True):
                if rows:
                    into += rows
        else:
            for into, gone, before, then in zip(self.new, self.old, _made(old, study, pk), wanted, strict=True):
                gone += set(before).difference(then)
                into += set(then).difference(before)
        if new.facet:
            self.facets[new.facet.id] = new.facet
        for unit in new.units:
            self.units[unit.id] = unit


class IndexWriter:
    """Writes batches inside a transaction that somebody else began."""

    def __init__(self, database: Database) -> None:
        self._database = database
        tables = [table_of(row) for row in _TABLES]
        self._tables = [(table, _key_places(table), database.prepare(_delete(table))) for table in tables]
        self._held = {row: database.prepare(_held(database, row, name)) for row, name in _KEPT}
        self._once: dict[Any, Prepared] = {
            row: database.prepare(_insert_once(database, table_of(row)))
            for row in (FacetRow, FacetTermRow, FacetTextRow, UnitRow)
        }
        self._known: Known = set()

    def write(self, connection: Connection, study: str, batch: IndexBatch, noted: Known) -> None:
        """Writes a batch; the facets and units that are there then are added to `noted`."""
        database = self._database
        for (table, keys, drop), old, new in zip(self._tables, batch.old, batch.new, strict=True):
            if old:
                gone = [{name: one[place] for name, place in keys} for one in old]
                database.run_many(connection, drop, gone)
            if new:
                new.sort(key=_SECOND)  # the key without the study: a table's pages are gone through in one direction
                database.insert(connection, table, new)
        for facet in self._missing(connection, FacetRow, study, batch.facets, noted):
            self._insert(connection, FacetRow, [(study, facet.type, facet.id)])
            self._insert(connection, FacetTermRow, [(study, term, facet.id) for term in facet.terms])
            self._insert(connection, FacetTextRow, [(study, facet.id, term, text) for term, text in facet.texts])
        if units := self._missing(connection, UnitRow, study, batch.units, noted):
            rows = [(study, one.id, one.system, one.code, one.name, one.canonical) for one in units]
            self._insert(connection, UnitRow, rows)

    def remember(self, noted: Known) -> None:
        """Told after the commit: these are there for good."""
        if len(self._known) > _KNOWN:
            self._known = set()
        self._known |= noted

    def _missing(
        self, connection: Connection, row: Any, study: str, found: dict[int, Any], noted: Known
    ) -> Sequence[Any]:
        known = self._known
        unknown = sorted([term for term in found if (study, term) not in known]) if found else ()
        if not unknown:
            return ()
        values = {"study": study, "hashes": as_list(self._database, unknown)}
        if row is FacetRow:
            values["types"] = as_list(self._database, sorted({one.type for one in found.values()}))
        held = {term for (term,) in self._database.run(connection, self._held[row], values)}
        noted.update((study, term) for term in unknown)
        return [found[term] for term in unknown if term not in held]

    def _insert(self, connection: Connection, row: Any, rows: Sequence[Values]) -> None:
        names = [f"b_{column.name}" for column in table_of(row).columns]
        self._database.run_many(connection, self._once[row], [dict(zip(names, one, strict=True)) for one in rows])


_KEPT: Final = ((FacetRow, "facet"), (UnitRow, "unit"))


def _held(database: Database, row: Any, name: str) -> Executable:
    own: Columns = columns_of(row)
    found = select(own[name]).where(own.study == study_is(), among(database, own[name], "hashes"))
    return found.where(among(database, own.type, "types")) if row is FacetRow else found


def _key_places(table: Table) -> list[tuple[str, int]]:
    """The parameters of `_delete`, with the places of their values in a row."""
    keys = {column.name for column in table.primary_key.columns}
    return [(f"b_{column.name}", place) for place, column in enumerate(table.columns) if column.name in keys]


def _insert_once(database: Database, table: Table) -> Executable:
    values = {column.name: bindparam(f"b_{column.name}", type_=column.type) for column in table.columns}
    inserted: Executable = database.upsert(table).values(values).on_conflict_do_nothing()
    return inserted


def _delete(table: Table) -> Executable:
    keys = table.primary_key.columns
    return delete(table).where(*(column == bindparam(f"b_{column.name}", type_=column.type) for column in keys))
