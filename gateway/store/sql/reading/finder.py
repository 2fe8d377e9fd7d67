"""Searching: pages by key, totals and includes, all over the visible rows only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any, Final

from sqlalchemy import Connection

from gateway.core.resources import Key, Lookup, Stored, Visibility
from gateway.search import Query
from gateway.search.query import AnyClause, ChainClause, Clause, ReferenceClause, SortKey
from gateway.store.port import Bodies, Found, Page, Position, Statement
from gateway.store.sql.among import as_list
from gateway.store.sql.database import Database, Prepared, Read, Rows, Values
from gateway.store.sql.index.indexing import Indexes
from gateway.store.sql.reading import planning, selecting
from gateway.store.sql.reading.brief_searches import BriefSearches
from gateway.store.sql.reading.explaining import explained
from gateway.store.sql.reading.facets import Facets
from gateway.store.sql.reading.includes import Includes
from gateway.store.sql.reading.limiting import Gate, Gates
from gateway.store.sql.reading.ordering import merged, numbers, order_of, position
from gateway.store.sql.reading.planning import MERGED, Drive, asked, bound, by_time, drive, in_one
from gateway.store.sql.reading.reader import stored
from gateway.store.sql.reading.selecting import Shape
from gateway.store.sql.reading.types import all_types, types_of
from gateway.store.sql.tables import UNDATED as NOWHERE
from gateway.store.sql.terms import term

RESOLVED: Final = 200
"""Up to how many resources a chain is followed from its far end; with more, each row is asked where it leads."""

_SHAPES: Final = 1024
"""How many shapes of queries stay compiled."""


@dataclass(frozen=True, slots=True)
class _Search:
    """One search of one type: its study, how that is indexed, its reader, and how its statements run."""

    study: str
    indexes: Indexes
    type: str
    gate: Gate | None
    gated: Mapping[str, Any]
    read: Read

    def values(self) -> dict[str, Any]:
        return {"study": self.study, "type": self.type, **self.gated}


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Which rows of a search, in which order; `what` and `entries` as in `Shape`."""

    count: int
    after: Position | None = None
    sort: tuple[SortKey, ...] = ()
    rising: bool = False
    what: str = "page"
    entries: bool = False


class ResourceFinder:
    """Searches of current, undeleted resources; implements `search` and `find` of `ResourceStore`."""

    def __init__(self, database: Database, indexes: Indexes, gates: Gates) -> None:
        self._database = database
        self._indexes = indexes
        self._gates = gates
        self._find = database.prepare(selecting.with_term())
        self._count_terms = database.prepare(selecting.capped_count(database))
        self._prepared = lru_cache(maxsize=_SHAPES)(self._prepare)
        self._facets = Facets(database)
        self._types = database.prepare(all_types())
        self._includes = Includes(database, indexes, gates)
        self._brief = BriefSearches(database, indexes, gates, self._facets, self._prepared)

    def _prepare(self, shape: Shape) -> Prepared:
        prepared = self._database.prepare(selecting.select(self._database, shape))
        return replace(prepared, is_by_values=selecting.is_by_values(self._database, shape))

    def search(self, query: Query, study: str, visibility: Visibility | None, page: Page) -> Found:
        """See `ResourceStore.search`."""
        return self._database.read_one_state(lambda read: self._page(read, query, study, visibility, page))

    def explain(self, query: Query, study: str, visibility: Visibility | None, page: Page) -> tuple[Statement, ...]:
        """See `ResourceStore.explain`."""
        searching = partial(self._page, query=query, study=study, visibility=visibility, page=page)
        return self._database.read_one_state(
            lambda read: explained(read, searching, is_sqlite=self._database.is_sqlite)
        )

    def search_briefly(self, query: Query, study: str, visibility: Visibility | None, page: Page) -> Bodies | None:
        """See `ResourceStore.search_briefly`."""
        return self._brief.search(query, study, visibility, page)

    def _page(self, read: Read, query: Query, study: str, visibility: Visibility | None, page: Page) -> Found:
        types = (query.type,) if query.type else query.types or tuple(types_of(read, self._types, study))
        gate, values = self._gates.of(visibility), self._gates.values(visibility, study)
        indexes = self._indexes.of_study(study)
        searches = [_Search(study, indexes, type, gate, values, read) for type in types]
        asking = [(search, self._resolved(search, query.clauses_of(search.type))) for search in searches]
        total = sum(self._total(search, clauses, query.total) for search, clauses in asking) if query.total else None
        if page.count < 1:
            return Found((), total, None)
        wanted = _Wanted(page.count + 1, page.after, query.sort, entries=bool(query.includes))
        if query.type:
            rows = [(query.type, row) for row in self._rows(*asking[0], wanted)]
        else:
            lists = {search.type: self._rows_of_one(search, clauses, wanted) for search, clauses in asking}
            rows = merged(lists, query.sort)[: wanted.count]
        return self._found(read, rows, wanted, query, total, study, visibility)

    def _found(
        self,
        read: Read,
        rows: list[tuple[str, tuple[Any, ...]]],
        wanted: _Wanted,
        query: Query,
        total: int | None,
        study: str,
        visibility: Visibility | None,
    ) -> Found:
        """The page of rows, of which there is one more than it holds unless it is the last."""
        count = wanted.count - 1
        width = _width(rows[0][1], wanted) if rows else 0
        found = tuple(_stored(type, study, row[width:]) for type, row in rows[:count])
        following = position(rows[count - 1][1][:width]) if len(rows) > count else None
        if not query.includes or not found:
            return Found(found, total, following)
        packed = [row[width + 5] for _, row in rows[:count]]
        included, is_cut = self._includes.of(read, query.includes, found, packed, visibility)
        return Found(found, total, following, included, is_cut)

    def _rows_of_one(self, search: _Search, clauses: Sequence[Clause], wanted: _Wanted) -> Rows:
        """The rows of one type of several, in an order that all types can have."""
        if len(wanted.sort) == 1 and wanted.sort[0].parameter == "_lastUpdated":
            walked = Drive("type", (), asked(search.indexes, search.type, clauses))
            return self._in_order(search, walked, replace(wanted, rising=not wanted.sort[0].descending), "updated")
        driven = by_time(self._drive(search, clauses))
        return self._sorted(search, driven, wanted) if wanted.sort else self._in_order(search, driven, wanted)

    def _resolved(self, search: _Search, clauses: Sequence[Clause]) -> list[Clause]:
        """Chains that few resources are at the end of become plain references to these.

        Where something else drives the search, a row that asks where it leads is better than a list that is long.
        """
        made = list(clauses)
        for number, one in enumerate(clauses):
            if isinstance(one, ChainClause):
                others = [*made[:number], *made[number + 1 :]]
                is_driven = bool(others) and self._drive(search, others).driver != "type"
                made[number] = self._followed(search, one, MERGED if is_driven else RESOLVED)
        return made

    def _followed(self, search: _Search, chain: ChainClause, most: int) -> Clause:
        ends: list[str] = []
        for type in chain.targets:
            there = replace(search, type=type)
            wanted = _Wanted(most + 1 - len(ends), what="keys")
            rows = self._rows(there, self._resolved(there, [chain.clause]), wanted)
            ends += [f"{type}/{row[-1]}" for row in rows]
            if len(ends) > most:
                return chain
        return ReferenceClause(chain.parameter, tuple(ends)) if ends else AnyClause(())

    def _drive(self, search: _Search, clauses: Sequence[Clause]) -> Drive:
        """What drives a search."""
        common, own = planning.split(asked(search.indexes, search.type, clauses))
        facets = None
        if common:
            told = self._facets.of(search.read, search.study, search.type, common)
            facets, own = told.facets, planning.reaching(own, told.longest) if told.facets is not None else own
        return drive(
            search.indexes, search.type, own, common, facets, partial(self._count, search, planning.GATHERED + 1)
        )

    def _count(self, search: _Search, limit: int, terms: Sequence[int]) -> int:
        values = {"study": search.study, "driver": as_list(self._database, terms), "count_limit": limit}
        count: int = search.read(self._count_terms, values)[0][0]
        return count

    def _total(self, search: _Search, clauses: Sequence[Clause], how: str) -> int:
        driven = self._drive(search, clauses)
        if driven.driver in ("term", "facet") and not driven.ranges:
            return 0
        values = search.values() | bound(self._database, driven.probed)
        is_single = driven.driver in ("term", "facet") and len(driven.ranges) == 1
        if is_single:
            values["driver"] = driven.ranges[0]
        elif driven.driver in ("term", "facet"):
            values["driver"] = as_list(self._database, driven.ranges)
        else:
            values |= self._ranged(driven)
        pieces = tuple(one.piece for one in driven.probed)
        shape = Shape(pieces, search.gate, driven.driver, "estimate", is_single=is_single)
        if how == "estimate":
            return self._number(search, shape, values | {"count_limit": selecting.ESTIMATED})
        patient = planning.patient_of(clauses)
        if patient and search.gate:
            own = selecting.counting_own(
                replace(shape, gate=replace(search.gate, is_about=True), what="count"), of_facets=bool(driven.facets)
            )
            told = {"about": patient, "facets": as_list(self._database, driven.facets)}
            return self._number(search, own, values | told)
        is_many = bool(shape.gate) and self._is_many(search, driven, shape, values)
        return self._number(search, replace(shape, what="count-many" if is_many else "count"), values)

    def _is_many(self, search: _Search, driven: Drive, shape: Shape, values: dict[str, Any]) -> bool:
        """Whether many rows will be counted, seen or not; where nothing is probed, the index alone tells."""
        if driven.driver == "term" and not driven.probed:
            return self._count(search, selecting.MANY, driven.ranges) == selecting.MANY
        some = replace(shape, gate=None)
        return self._number(search, some, values | {"count_limit": selecting.MANY}) == selecting.MANY

    def _number(self, search: _Search, shape: Shape, values: Mapping[str, Any]) -> int:
        number: int = search.read(self._prepared(shape), values)[0][0]
        return number

    def _rows(self, search: _Search, clauses: Sequence[Clause], wanted: _Wanted) -> Rows:
        """The rows wanted: position columns, then what the shape gives."""
        driven = self._drive(search, clauses)
        in_time = search.indexes.of(search.type).in_time
        if not wanted.sort:
            return self._in_order(search, driven, wanted)
        if in_time and wanted.sort == (SortKey(in_time, descending=True),):
            return self._in_order(search, by_time(driven), wanted)
        if in_time and wanted.sort == (SortKey(in_time),):
            return self._rising(search, by_time(driven), wanted)
        if len(wanted.sort) == 1 and wanted.sort[0].parameter == "_lastUpdated" and driven.driver == "type":
            rising = not wanted.sort[0].descending
            return self._in_order(search, driven, replace(wanted, rising=rising), "updated")
        return self._sorted(search, driven, wanted)

    def _in_order(self, search: _Search, driven: Drive, wanted: _Wanted, order: str = "at") -> Rows:
        """Rows in the order of the driver; several ranges of it are merged."""
        prepared, values = self._statement(search, driven, wanted, order)
        if driven.driver not in ("term", "facet") or self._ranges(driven) > 1:
            return search.read(prepared, values)
        lists = [search.read(prepared, values | {"driver": one}) for one in driven.ranges]
        if len(lists) == 1:
            return lists[0]
        rows = {row[1]: row for rows in lists for row in rows}
        ordered = sorted(rows.values(), key=lambda row: row[:2], reverse=not wanted.rising)
        return ordered[: wanted.count]

    def _statement(
        self, search: _Search, driven: Drive, wanted: _Wanted, order: str = "at"
    ) -> tuple[Prepared, dict[str, Any]]:
        """The statement of rows in the order of the driver, for one of its ranges."""
        order = "strings" if driven.driver == "strings" else order
        pieces = tuple(one.piece for one in driven.probed)
        shape = Shape(
            pieces, search.gate, driven.driver, wanted.what, order, wanted.rising,
            wanted.after is not None, wanted.entries, ranges=self._ranges(driven),
        )  # fmt: skip
        values = search.values() | bound(self._database, driven.probed) | {"page_count": wanted.count}
        values |= {f"after{number}": value for number, value in enumerate(wanted.after or ())}
        return self._prepared(selecting.walked(self._database, shape, wanted.count)), values | self._ranged(driven)

    def _ranges(self, driven: Drive) -> int:
        """How many ranges one statement reads side by side; PostgreSQL would plan them longer than read them."""
        return max(1, len(driven.ranges)) if driven.is_apart and self._database.is_sqlite else 1

    def _ranged(self, driven: Drive) -> dict[str, Any]:
        if driven.driver == "strings":
            return _string_range(driven.ranges[0])
        if driven.driver in ("term", "facet"):
            each = {f"driver{number}": one for number, one in enumerate(driven.ranges)}
            return each | {"driver": driven.ranges[0]} if driven.ranges else {}
        return {"driver": as_list(self._database, driven.ranges[0])} if driven.driver == "gather" else {}

    def _rising(self, search: _Search, driven: Drive, wanted: _Wanted) -> Rows:
        """Oldest first, what stands nowhere in time last."""
        rows: Rows = []
        after = wanted.after
        if after is None or after[0] != NOWHERE:
            dated = replace(driven, probed=(*driven.probed, planning.DATED))
            rows = self._in_order(search, dated, replace(wanted, rising=True))
            after = None
        if len(rows) < wanted.count:
            undated = replace(driven, probed=(*driven.probed, planning.UNDATED))
            rest = replace(wanted, rising=True, after=after, count=wanted.count - len(rows))
            rows += self._in_order(search, undated, rest)
        return rows

    def _sorted(self, search: _Search, driven: Drive, wanted: _Wanted) -> Rows:
        """Rows in an order that no index gives: all matches are gathered."""
        values = search.values() | bound(self._database, driven.probed) | {"page_count": wanted.count}
        orders = order_of(search.indexes, search.type, wanted.sort, values)
        for name, value in values.items():
            if name.startswith("sort"):
                values[name] = as_list(self._database, value)
        if driven.driver in ("term", "facet") and not driven.ranges:
            return []
        driven = in_one(driven)
        values |= self._ranged(driven) | bound(self._database, driven.probed)
        values |= {f"after{number}": value for number, value in enumerate(numbers(wanted.after))}
        shape = Shape(
            tuple(one.piece for one in driven.probed), search.gate, driven.driver, wanted.what, orders,
            after=wanted.after is not None, entries=wanted.entries,
        )  # fmt: skip
        return search.read(self._prepared(shape), values)

    def batch(
        self,
        read: Read,
        query: Query,
        study: str,
        visibility: Visibility | None,
        after: Position | None,
        count: int,
    ) -> Rows:
        """The next rows of one type that match, oldest first: at, key, id, version, updated, deleted and body."""
        search = self._search_of(read, query, study, visibility)
        driven = by_time(self._drive(search, self._resolved(search, query.clauses)))
        return self._in_order(search, driven, _Wanted(count, after, rising=True))

    def whole(
        self, read: Read, query: Query, study: str, visibility: Visibility | None, after: Position | None
    ) -> tuple[Prepared, Values]:
        """The one statement that gives all of these rows."""
        search = self._search_of(read, query, study, visibility)
        driven = in_one(by_time(self._drive(search, self._resolved(search, query.clauses))))
        prepared, values = self._statement(search, driven, _Wanted(0, after, rising=True))
        return prepared, values | {"page_count": None}

    def _search_of(self, read: Read, query: Query, study: str, visibility: Visibility | None) -> _Search:
        gate, values = self._gates.of(visibility), self._gates.values(visibility, study)
        return _Search(study, self._indexes.of_study(study), query.type, gate, values, read)

    def close(self) -> None:
        """Closes the connections that are kept for brief searches."""
        self._brief.close()

    def lookup(self, connection: Connection, study: str) -> Lookup:
        """What `Unit.prepare` reads with: the newest matches, within the transaction of the connection."""

        def read(prepared: Prepared, values: Any) -> Rows:
            return [tuple(row) for row in self._database.run(connection, prepared, values)]

        def look(query: Query, visibility: Visibility | None, limit: int) -> list[Stored]:
            return list(self._page(read, replace(query, total="", includes=()), study, visibility, Page(limit)).rows)

        return look

    def find(self, study: str, type: str, parameter: str, system: str, value: str) -> list[Key]:
        """See `ResourceStore.find`."""
        wanted = term(type, parameter, "token", system, value)
        rows = self._database.fetch(self._find, {"study": study, "type": type, "hash": wanted})
        return [Key(study, type, id) for (id,) in rows]


def _string_range(found: Any) -> dict[str, Any]:
    return {"driver": found[0], "driver_low": found[1], "driver_high": found[2]}


def _width(row: Sequence[Any], wanted: _Wanted) -> int:
    """How many columns of a row are its position: all before id, version, updated, deleted, body and entries."""
    return len(row) - (6 if wanted.entries else 5)


def _stored(type: str, study: str, row: Any) -> Stored:
    return stored(Key(study, type, row[0]), tuple(row[1:5]))
