"""Pages and counts for an event loop: what a query says is planned once, since clients ask again and again.

A plan goes by the query alone, its driver by the facets that there are too: those that the last answer told. Each
statement tells which there are now, and an answer is given only where they are the same. Who asks, the page and all
data are looked at each time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final, TypeAlias

from gateway.core.resources import Visibility
from gateway.search import Query
from gateway.search.query import ChainClause, Clause, DateClause, NumberClause, QuantityClause, SortKey
from gateway.store.port import Bodies, Page
from gateway.store.sql.among import as_list
from gateway.store.sql.database import Database, Prepared
from gateway.store.sql.index.indexing import Indexes
from gateway.store.sql.reading import planning
from gateway.store.sql.reading.asking import Piece
from gateway.store.sql.reading.brief import COUNT_STRIDES, LINKED_STRIDES, STRIDES, BriefRead, BriefReads
from gateway.store.sql.reading.brief_links import BriefLinks, Links, followed
from gateway.store.sql.reading.facet_statements import FacetShape
from gateway.store.sql.reading.facets import FacetQuestion, Facets, told
from gateway.store.sql.reading.limiting import Gate, Gates
from gateway.store.sql.reading.packing import empty, unpacked
from gateway.store.sql.reading.planning import MERGED, Asked
from gateway.store.sql.reading.selecting import Shape, counting_own

_KEPT: Final = 1024
"""How many queries stay planned."""

RESTS: Final = 15
"""How often a query that was given up is left to a thread before it is tried again."""

_ATTEMPTS: Final = 3


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """A query as `planning.split` reads it; `facets` is the question about those of `common`, `past` what is known of
    its answer; `about` the participant whom all that matches names, "" for none."""

    indexes: Indexes
    query: Query
    common: tuple[Asked, ...]
    own: tuple[Asked, ...]
    facets: FacetQuestion | None
    past: "_Past"
    about: str


@dataclass(frozen=True, slots=True, eq=False)
class _Read:
    """A query as it is read: what it compares with, and the plan of all else, which other queries share."""

    plan: _Plan
    compared: tuple[Asked, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Way:
    """What one statement reads a page or a count from, None when nothing can match; `values` are the plan's own and
    those of the facets, `taken` is how many of them its pieces have; `about` as in `_Plan`. Where facets are known no
    resource lasts as long as `longest`, 0 otherwise."""

    driver: str | None
    pieces: tuple[Piece, ...]
    values: dict[str, Any]
    taken: int
    ranges: int
    about: str
    facets: FacetShape | None
    longest: int


@dataclass(slots=True, eq=False)
class _Past:
    """Which facets the last answer told to the same question of a study, as text; None before."""

    facets: str | None = None


@dataclass(slots=True, eq=False)
class _Rest:
    """How often a query of a study is left to a thread yet, since it was given up."""

    left: int = 0


_COMPARED: Final = frozenset({DateClause, NumberClause, QuantityClause})
"""The clauses that never drive a search, whose values are new each time: since when, above what."""

_Answer: TypeAlias = tuple[Bodies, Sequence[Any]]
"""A page, and the row that it was made of."""


class BriefSearches:
    """Searches whose whole answer is a page of one type in the order of one index range, or a count of one, with what
    chains lead from and what is included; safe between threads."""

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
        self._links = BriefLinks(database, indexes)
        self._queries = lru_cache(maxsize=_KEPT)(self._read)
        self._plans = lru_cache(maxsize=_KEPT)(self._plan)
        self._pasts = lru_cache(maxsize=_KEPT)(lambda _study, _type, _shape, _values: _Past())
        self._rests = lru_cache(maxsize=_KEPT)(lambda _query, _study, _count: _Rest())
        self._ways = lru_cache(maxsize=_KEPT)(self._way)
        self._statements = lru_cache(maxsize=_KEPT)(self._statement)

    def search(self, query: Query, study: str, visibility: Visibility | None, page: Page) -> Bodies | None:
        """See `ResourceStore.search_briefly`."""
        if not self._database.is_sqlite or not query.type or (page.count < 1) is not bool(query.total):
            return None
        rest = self._rests(query, study, page.count)
        if rest.left:
            rest.left -= 1
            return None
        if query.includes or ChainClause in map(type, query.clauses):
            links = self._links.of(query, study)
            if links is None:
                return None
            found = self._reads.in_one_state(
                lambda read: self._linked(read, query, links, study, visibility, page), LINKED_STRIDES
            )
        else:
            found = self._bodies(self._reads.read, query, study, visibility, page)
        if found is None:
            rest.left = RESTS
        return found

    def close(self) -> None:
        """Closes the connections that are kept."""
        self._reads.close()

    def _linked(
        self, read: BriefRead, query: Query, links: Links, study: str, visibility: Visibility | None, page: Page
    ) -> Bodies | None:
        """The answer by several statements that see one state."""
        clauses: list[Clause] = list(query.clauses)
        for chain in links.chains:
            clause = followed(chain, lambda end: self._bodies(read, end, study, visibility, Page(MERGED)))
            if clause is None:
                return None
            clauses[chain.number] = clause
        found = self._found(read, self._links.bare(query, tuple(clauses)), study, visibility, page)
        if found is None or not links.onward or not found[0].ids:
            return found and found[0]
        bodies, row = found
        keys = ",".join(row[1].split(",")[: page.count])
        values = {"study": study, **self._gates.values(visibility, study)}
        return self._links.included(read, links.onward, bodies, keys, values, self._gates.of(visibility))

    def _bodies(
        self, read: BriefRead, query: Query, study: str, visibility: Visibility | None, page: Page
    ) -> Bodies | None:
        found = self._found(read, query, study, visibility, page)
        return found and found[0]

    def _read(self, indexes: Indexes, query: Query, study: str) -> _Read | None:
        compared = [one for one in query.clauses if one.__class__ in _COMPARED]
        if not compared:
            plan = self._plans(indexes, query, study)
            return None if plan is None else _Read(plan, ())
        others = tuple([one for one in query.clauses if one.__class__ not in _COMPARED])
        plan = self._plans(indexes, Query(query.type, others, total=query.total, sort=query.sort), study)
        return None if plan is None else _Read(plan, planning.asked(indexes, query.type, compared))

    def _plan(self, indexes: Indexes, query: Query, study: str) -> _Plan | None:
        """None where the answer is neither a page of one type, newest first, nor a count of what names a participant;
        or where a chain must be followed."""
        if not query.type or query.total not in ("", "accurate"):
            return None
        newest = SortKey(indexes.of(query.type).in_time, descending=True)
        if query.sort not in ((), (newest,)) or any(isinstance(one, ChainClause) for one in query.clauses):
            return None
        about = planning.patient_of(query.clauses)
        if query.total and not about:
            return None
        common, own = planning.split(planning.asked(indexes, query.type, query.clauses))
        facets = self._facets.asked(common) if common else None
        asked = (facets.shape, tuple(facets.values.items())) if facets else (None, ())
        return _Plan(indexes, query, common, own, facets, self._pasts(study, query.type, *asked), about)

    def _found(
        self, read: BriefRead, query: Query, study: str, visibility: Visibility | None, page: Page
    ) -> _Answer | None:
        """The answer of one statement, None where it is not to be had at once."""
        asked = self._queries(self._indexes.of_study(study), query, study)
        if asked is None:
            return None
        found = self._answered(read, asked, study, visibility, page)
        if found is None:  # perhaps since it was read by facets of long ago
            asked.plan.past.facets = None
        return found

    def _answered(
        self, read: BriefRead, asked: _Read, study: str, visibility: Visibility | None, page: Page
    ) -> _Answer | None:
        plan, past = asked.plan, asked.plan.past
        told_now, is_fresh = past.facets, False
        for _ in range(_ATTEMPTS):
            if plan.facets and told_now is None:
                told_now, is_fresh = self._facets_now(read, plan, study), True
                if told_now is None:
                    return None
            way = self._ways(plan, told_now)
            if way is None or way.driver is None:
                if plan.facets and not is_fresh:
                    told_now = None
                    continue
                past.facets = told_now
                return (_nothing(plan.query), ()) if way else None
            row = self._row(read, asked, way, study, visibility, page)
            if row is None:
                return None
            if plan.facets is None or (row[-1] or "") == told_now:
                past.facets = told_now
                return self._answer(plan, row, page, visibility)
            told_now, is_fresh = row[-1] or "", True
        return None

    def _facets_now(self, read: BriefRead, plan: _Plan, study: str) -> str | None:
        if plan.facets is None:
            return ""
        values = {"study": study, "type": plan.query.type, **plan.facets.values}
        rows = read(self._facets.told(plan.facets.shape), values, STRIDES)
        return None if rows is None else rows[0][0] or ""

    def _row(
        self, read: BriefRead, asked: _Read, way: _Way, study: str, visibility: Visibility | None, page: Page
    ) -> Sequence[Any] | None:
        """All of the answer as one row, since SQLite lets go of the interpreter at each."""
        query, compared = asked.plan.query, asked.compared
        if compared and way.longest:
            compared = planning.reaching(compared, way.longest)
        values = {"study": study, "type": query.type, "page_count": page.count + 1, **way.values}
        for number, value in enumerate([value for one in compared for value in one.values], way.taken):
            values[f"p{number}"] = value
        values |= self._gates.values(visibility, study)
        values |= {f"after{number}": value for number, value in enumerate(page.after or ())}
        gate = self._gates.of(visibility)
        pieces = tuple([one.piece for one in compared])
        statement = self._statements(way, pieces, gate, page.after is not None, bool(query.total))
        rows = read(statement, values, COUNT_STRIDES if query.total else STRIDES)
        return rows[0] if rows else None

    def _answer(self, plan: _Plan, row: Sequence[Any], page: Page, visibility: Visibility | None) -> _Answer | None:
        if plan.query.total:
            return replace(_nothing(plan.query), total=row[0]), row
        found = unpacked(plan.query.type, row, page.count, plan.about if visibility else "")
        if found is None:
            return None
        return found, row

    def _way(self, plan: _Plan, text: str | None) -> _Way | None:
        """None where several statements read the answer, or rows must be gathered and sorted."""
        query = plan.query
        known = told(text or "") if plan.facets else None
        facets = known.facets if known else None
        # Whether terms have few enough rows to be gathered is not asked: that is for a thread either way.
        driven = planning.drive(plan.indexes, query.type, plan.own, plan.common, facets, lambda _terms: 0)
        driven = planning.by_time(driven) if query.sort else driven
        ranges = len(driven.ranges)
        if driven.driver not in ("term", "facet", "type") or (ranges > 1 and not driven.is_apart):
            return None
        if query.total and driven.driver == "type":
            return None
        values = planning.bound(self._database, driven.probed)
        taken = len(values)
        values |= {f"driver{number}": one for number, one in enumerate(driven.ranges)}
        if driven.ranges:
            several = query.total and ranges > 1
            values["driver"] = as_list(self._database, driven.ranges) if several else driven.ranges[0]
        if plan.about:
            values["about"] = plan.about
        if driven.facets and query.total:
            values["facets"] = as_list(self._database, driven.facets)
        if plan.facets:
            values |= plan.facets.values
        matches_none = driven.driver != "type" and not ranges
        pieces = tuple(one.piece for one in driven.probed)
        driver, shape = None if matches_none else driven.driver, plan.facets.shape if plan.facets else None
        longest = known.longest if known and facets is not None else 0
        return _Way(driver, pieces, values, taken, max(1, ranges), plan.about, shape, longest)

    def _statement(
        self, way: _Way, compared: tuple[Piece, ...], gate: Gate | None, after: bool, is_count: bool
    ) -> Prepared:
        asked = replace(gate, is_about=True) if gate and way.about else gate
        shape = Shape((*way.pieces, *compared), asked, way.driver or "", facets=way.facets)
        if is_count:
            counted = replace(shape, what="count", is_single=way.ranges == 1)
            return self._prepared(counting_own(counted, of_facets="facets" in way.values))
        return self._prepared(replace(shape, what="packed", after=after, ranges=way.ranges))


def _nothing(query: Query) -> Bodies:
    """The answer where nothing matches."""
    return replace(empty(query.type), total=0) if query.total else empty(query.type)
