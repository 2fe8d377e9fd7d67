"""Pages for an event loop: what a query says is planned once, since clients ask again and again.

A plan goes by the query alone, its driver by the facets that there are now too: who asks, the facets and the page are
looked at each time.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

from gateway.core.resources import Visibility
from gateway.search import Query
from gateway.search.query import ChainClause, SortKey
from gateway.store.port import Bodies, Page
from gateway.store.sql.database import Database, Prepared, Read
from gateway.store.sql.index.indexing import Indexes
from gateway.store.sql.reading import planning
from gateway.store.sql.reading.asking import Piece
from gateway.store.sql.reading.brief import BriefReads
from gateway.store.sql.reading.facets import Facets, told
from gateway.store.sql.reading.limiting import Gate, Gates
from gateway.store.sql.reading.packing import unpacked
from gateway.store.sql.reading.planning import Asked
from gateway.store.sql.reading.selecting import Shape

_KEPT: Final = 1024
"""How many queries stay planned."""


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """A query as `planning.split` reads it; `facets` is the statement for those of `common`, and its values; `about`
    the participant whom all that matches names, "" for none."""

    indexes: Indexes
    query: Query
    common: tuple[Asked, ...]
    own: tuple[Asked, ...]
    facets: tuple[Prepared, dict[str, Any]] | None
    about: str


@dataclass(frozen=True, slots=True, eq=False)
class _Way:
    """What one statement reads a page from, None when nothing can match; `values` are the query's own, `about` as in
    `_Plan`."""

    driver: str | None
    pieces: tuple[Piece, ...]
    values: dict[str, Any]
    ranges: int
    about: str


class BriefSearches:
    """Searches whose whole answer is a page of one type in the order of one index range; safe between threads."""

    def __init__(
        self,
        database: Database,
        indexes: Indexes,
        gates: Gates,
        facets: Facets,
        prepared: Callable[[Shape], Prepared],
    ) -> None:
        self._database = database
        self._indexes = indexes
        self._gates = gates
        self._facets = facets
        self._prepared = prepared
        self._reads = BriefReads(database)
        self._plans = lru_cache(maxsize=_KEPT)(self._plan)
        self._ways = lru_cache(maxsize=_KEPT)(self._way)
        self._statements = lru_cache(maxsize=_KEPT)(self._statement)

    def search(self, query: Query, study: str, visibility: Visibility | None, page: Page) -> Bodies | None:
        """See `ResourceStore.search_briefly`."""
        if not self._database.is_sqlite or page.count < 1:
            return None
        plan = self._plans(self._indexes.of_study(study), query)
        if plan is None:
            return None
        return self._reads.read(lambda read: self._page(read, plan, study, visibility, page))

    def close(self) -> None:
        """Closes the connections that are kept."""
        self._reads.close()

    def _plan(self, indexes: Indexes, query: Query) -> _Plan | None:
        """None where the whole answer is not a page of one type, newest first, or a chain must be followed."""
        if not query.type or query.total or query.includes:
            return None
        newest = SortKey(indexes.of(query.type).in_time, descending=True)
        if query.sort not in ((), (newest,)) or any(isinstance(one, ChainClause) for one in query.clauses):
            return None
        common, own = planning.split(planning.asked(indexes, query.type, query.clauses))
        facets = self._facets.asked(query.type, common) if common else None
        return _Plan(indexes, query, common, own, facets, planning.patient_of(query.clauses))

    def _page(self, read: Read, plan: _Plan, study: str, visibility: Visibility | None, page: Page) -> Bodies | None:
        """The page as one row, since SQLite lets go of the interpreter at each; None when several ranges hold it."""
        facets = None
        if plan.facets:
            prepared, asked = plan.facets
            facets = told(read(prepared, {"study": study, **asked}))
        type = plan.query.type
        way = self._ways(plan, None if facets is None else tuple(facets))
        if way is None:
            return None
        if way.driver is None:
            return unpacked(type, [], page.count)
        values = {"study": study, "type": type, "page_count": page.count + 1, **way.values}
        values |= self._gates.values(visibility, study)
        values |= {f"after{number}": value for number, value in enumerate(page.after or ())}
        statement = self._statements(way, self._gates.of(visibility), page.after is not None)
        return unpacked(type, read(statement, values), page.count, plan.about if visibility else "")

    def _way(self, plan: _Plan, facets: tuple[int, ...] | None) -> _Way | None:
        """None where several statements read the page, or rows must be gathered and sorted."""
        query = plan.query
        # Whether terms have few enough rows to be gathered is not asked: that is for a thread either way.
        driven = planning.drive(plan.indexes, query.type, plan.own, plan.common, facets, lambda _terms: 0)
        driven = planning.by_time(driven) if query.sort else driven
        ranges = len(driven.ranges)
        if driven.driver not in ("term", "facet", "type") or (ranges > 1 and not driven.is_apart):
            return None
        values = planning.bound(self._database, driven.probed)
        values |= {f"driver{number}": one for number, one in enumerate(driven.ranges)}
        if driven.ranges:
            values["driver"] = driven.ranges[0]
        if plan.about:
            values["about"] = plan.about
        matches_none = driven.driver != "type" and not ranges
        pieces = tuple(one.piece for one in driven.probed)
        return _Way(None if matches_none else driven.driver, pieces, values, max(1, ranges), plan.about)

    def _statement(self, way: _Way, gate: Gate | None, after: bool) -> Prepared:
        asked = replace(gate, is_about=True) if gate and way.about else gate
        return self._prepared(Shape(way.pieces, asked, way.driver or "", "packed", after=after, ranges=way.ranges))
