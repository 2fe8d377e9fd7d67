"""What leads from one resource to another in searches for an event loop: chains and plain includes.

A chain is followed from its far end, by the brief search of what is there, which asks its reader as any search does.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

from msgspec import structs
from sqlalchemy import BigInteger, Executable, Integer, LargeBinary, bindparam, case, cast, func, select

from gateway.core.resources import Key, Stored
from gateway.search import Query
from gateway.search.query import AnyClause, ChainClause, Clause, Include, ReferenceClause
from gateway.store.port import Bodies
from gateway.store.sql.among import among, as_list
from gateway.store.sql.database import Database, Values
from gateway.store.sql.index.indexing import Indexes
from gateway.store.sql.index.tables import ReferenceRow
from gateway.store.sql.reading.brief import STRIDES, BriefRead
from gateway.store.sql.reading.conditions import Conditions
from gateway.store.sql.reading.limiting import Gate
from gateway.store.sql.reading.packing import PACKED
from gateway.store.sql.reading.planning import MERGED
from gateway.store.sql.reading.reader import pairs_of, stored
from gateway.store.sql.tables import ResourceRow, VersionRow, columns_of
from gateway.store.sql.terms import of_parameter
from gateway.store.sql.visible import study_is

MOST: Final = 8
"""How many statements a search may need beside its page: one for each type that a chain goes through, and one for
each parameter that is included by."""

INCLUDED: Final = 50
"""How many resources may come along; more are for a thread."""

_KEPT: Final = 1024
_GATES: Final = 128
"""For how many queries, and gates, what was made of them is kept."""


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """A chain among the clauses of a query, by its number, and what is searched for at its end: a query a type."""

    number: int
    parameter: str
    ends: tuple[Query, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Onward:
    """A parameter that leads to what is included: its number in the index, and to which types it may."""

    parameter: int
    types: Any


@dataclass(frozen=True, slots=True, eq=False)
class Links:
    """What a query needs beside its page."""

    chains: tuple[Chain, ...]
    onward: tuple[Onward, ...]


class BriefLinks:
    """Finds and follows the links of queries; safe between threads."""

    def __init__(self, database: Database, indexes: Indexes) -> None:
        self._database = database
        self._indexes = indexes
        self.of = lru_cache(maxsize=_KEPT)(self._of)
        self.bare = lru_cache(maxsize=_KEPT)(_bare)
        self._included = lru_cache(maxsize=_GATES)(lambda gate: database.prepare(_included(database, gate)))

    def _of(self, query: Query, study: str) -> Links | None:
        """The links of a query of one type; None where there are too many, or others than chains and plain
        includes."""
        chains = tuple(
            _chain(number, one) for number, one in enumerate(query.clauses) if isinstance(one, ChainClause)
        )
        onward = self._onward(query.includes, study)
        if onward is None or len(onward) + sum(len(one.ends) for one in chains) > MOST:
            return None
        return Links(chains, onward)

    def _onward(self, includes: Sequence[Include], study: str) -> tuple[Onward, ...] | None:
        types: dict[int, dict[str, None]] = {}
        indexes = self._indexes.of_study(study)
        for include in includes:
            if include.reverse or include.iterate:
                return None
            how, known = indexes.of(include.source), indexes.parameters.of(include.source)[include.parameter]
            own = of_parameter(include.source, how.same.get(include.parameter, include.parameter), "reference")
            meant = known.targets if include.target is None else known.targets & {include.target}
            types.setdefault(own, {}).update(dict.fromkeys(sorted(meant)))
        return tuple(Onward(own, as_list(self._database, list(leading))) for own, leading in types.items() if leading)

    def included(
        self, read: BriefRead, onward: Sequence[Onward], page: Bodies, keys: str, values: Values, gate: Gate | None
    ) -> Bodies | None:
        """The page, whose rows have the `keys`, with what it includes; None where that is much."""
        statement, known = self._included(gate), set(page.ids)
        brought: dict[Key, Stored] = {}
        for one in onward:
            asked = {**values, "keys": f"[{keys}]", "parameter": one.parameter, "types": one.types}
            rows = read(statement, {**asked, "page_count": INCLUDED + 1}, STRIDES)
            if rows is None or len(rows) > INCLUDED:
                return None
            for type, id, *version, level, subject, domain in rows:
                if version[-1] is None:
                    return None
                if type != page.type or id not in known:
                    key = Key(values["study"], type, id)
                    brought[key] = structs.replace(
                        stored(key, tuple(version)), pairs=pairs_of(level, subject, domain)
                    )
        if len(brought) > INCLUDED:
            return None
        return replace(page, included=tuple(brought.values()), pairs=_pairs(page, brought.values()))


def followed(chain: Chain, search: Callable[[Query], Bodies | None]) -> Clause | None:
    """The clause that a chain comes to, once it is known what is at its end; None where there is much."""
    targets: list[str] = []
    for end in chain.ends:
        found = search(end)
        if found is None or found.next is not None:
            return None
        targets += [f"{end.type}/{id}" for id in found.ids]
    if len(targets) > MERGED:
        return None
    return ReferenceClause(chain.parameter, tuple(targets)) if targets else AnyClause(())


def _chain(number: int, clause: ChainClause) -> Chain:
    return Chain(number, clause.parameter, tuple(Query(type, (clause.clause,)) for type in clause.targets))


def _bare(query: Query, clauses: tuple[Clause, ...]) -> Query:
    """The query with other clauses, and without includes."""
    return replace(query, clauses=clauses, includes=())


def _pairs(page: Bodies, brought: Any) -> tuple[tuple[str, str], ...] | None:
    """Whose data is served, None where that is not known of some."""
    told = [page.pairs, *(one.pairs for one in brought)]
    if None in told:
        return None
    return tuple({pair: None for pairs in told for pair in pairs})


def _included(database: Database, gate: Gate | None) -> Executable:
    """What the rows with the keys `keys` refer to by `parameter`, of the types `types`, each once: type, id, version,
    updated, deleted, body, and whose it is. A body too large for an event loop is left out."""
    head, version, leads = columns_of(ResourceRow), columns_of(VersionRow), columns_of(ReferenceRow)
    asked = (among(database, leads.pk, "keys"), leads.hash == bindparam("parameter", type_=BigInteger))
    found = select(leads.type, leads.id).where(
        leads.study == study_is(), *asked, among(database, leads.type, "types")
    )
    end = found.distinct().subquery().c
    current = Conditions(database, gate=gate).current(head, end.type)
    joined = (version.study == study_is(), version.pk == head.pk, version.version == head.version)
    short = cast(case((func.length(version.body) <= PACKED, version.body)), LargeBinary)
    told = (version.version, version.updated, version.deleted, short, head.level, head.subject, head.domain)
    rows = select(end.type, head.id, *told).where(*current, head.id == end.id, *joined)
    return rows.order_by(head.type, head.pk).limit(bindparam("page_count", type_=Integer))
