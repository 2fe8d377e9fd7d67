"""How a search is read: its clauses as pieces with their values, and the index that drives it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.core.instants import FOREVER_BEFORE
from gateway.search.query import AnyClause, Clause, ReferenceClause, StringClause
from gateway.store.sql.among import as_list
from gateway.store.sql.database import Database
from gateway.store.sql.index.indexing import Indexes
from gateway.store.sql.index.rows import ABOUT, about_hash
from gateway.store.sql.reading.asking import Asking, Piece, apart, of_facets_only
from gateway.store.sql.terms import of_target

MERGED: Final = 8
"""How many ranges of an index are read side by side, and merged, to give one order."""

GATHERED: Final = 2_000
"""Up to how many rows of many terms are gathered and sorted; with more, the type is walked in its order."""

_SINCE: Final = frozenset({"eq", "gt", "ge", "sa", "ap"})
"""Prefixes of a time that nothing meets which ends before it."""

_TELLING: Final = {"identifier": 0, "patient": 1, "subject": 1}
"""Which term drives a search when several could: the lower, the fewer rows it has."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A clause with its piece and values."""

    clause: Clause
    piece: Piece
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Drive:
    """The driver of a search (see `selecting.Shape`), its values, and the clauses that still must be probed.

    `is_apart`: no row is in two of several ranges. `facets` are those whose rows about participants the ranges are.
    """

    driver: str
    ranges: tuple[Any, ...]
    probed: tuple[Asked, ...]
    is_apart: bool = False
    facets: tuple[int, ...] = ()


def asked(indexes: Indexes, type: str, clauses: Sequence[Clause]) -> tuple[Asked, ...]:
    """The clauses of a type, each as pieces; composites as those of their components, where they can be."""
    how = indexes.of(type)
    return tuple(_asked(indexes, type, one) for clause in clauses for one in apart(how, clause))


def _asked(indexes: Indexes, type: str, clause: Clause) -> Asked:
    values: list[Any] = []
    piece = Asking(indexes, type, values).ask(clause)
    return Asked(clause, piece, tuple(values))


def split(clauses: Sequence[Asked]) -> tuple[tuple[Asked, ...], tuple[Asked, ...]]:
    """The clauses that the facet alone answers, and the others."""
    common: list[Asked] = []
    own: list[Asked] = []
    for one in clauses:
        (common if of_facets_only(one.piece) else own).append(one)
    return tuple(common), tuple(own)


def drive(
    indexes: Indexes,
    type: str,
    own: tuple[Asked, ...],
    common: tuple[Asked, ...],
    facets: Sequence[int] | None,
    count: Callable[[Sequence[int]], int],
) -> Drive:
    """What drives the search of clauses `own`, answered by the resource, and `common`, by its facet.

    `facets` are those of which `common` is true, None when they are too many or nothing is asked of them. `count`
    tells how many rows have one of some terms.
    """
    held = common if facets is None else (among_facets(facets),)
    about = _about(indexes, type, own, facets or ())
    single = [one for one in own if one.piece == ("term",) and len(one.values[0]) == 1]
    best = min(single, key=lambda one: _TELLING.get(getattr(one.clause, "parameter", ""), 9), default=None)
    if about and (best is None or _telling(best) > 0):
        one, hashes = about
        told = tuple(facets or ())
        return Drive("term", hashes, _others(own, one), is_apart=len(hashes) == len(told), facets=told)
    if best is not None:
        return Drive("term", tuple(best.values[0]), (*_others(own, best), *held))
    if facets is not None and len(facets) <= MERGED:
        return Drive("facet", tuple(facets), own, is_apart=True)
    return _without_hash(indexes, type, own, held, count)


def _telling(one: Asked) -> int:
    return _TELLING.get(getattr(one.clause, "parameter", ""), 9)


def _without_hash(
    indexes: Indexes,
    type: str,
    own: tuple[Asked, ...],
    held: tuple[Asked, ...],
    count: Callable[[Sequence[int]], int],
) -> Drive:
    for one in own:
        if one.piece == ("term",) and len(one.values[0]) <= MERGED:
            return Drive("term", tuple(one.values[0]), (*_others(own, one), *held))
    for one in own:
        if isinstance(one.clause, StringClause) and one.piece[1:] in (("starts", 1), ("exact", 1)):
            return _by_string(own, one, held)
    for one in own:
        if one.piece == ("term",) and count(one.values[0]) <= GATHERED:
            return Drive("gather", (list(one.values[0]),), (*_others(own, one), *held))
    return Drive("type", (), (*own, *held))


def _by_string(own: tuple[Asked, ...], one: Asked, held: tuple[Asked, ...]) -> Drive:
    number, low, high = one.values
    if one.piece[1] == "exact":
        return Drive("strings", ((number, low, low + " "),), (*own, *held))
    return Drive("strings", ((number, low, high),), (*_others(own, one), *held))


def _about(
    indexes: Indexes, type: str, own: Sequence[Asked], facets: Sequence[int]
) -> tuple[Asked, tuple[int, ...]] | None:
    """A reference to participants whose rows stand together with the facets asked for, and the hashes of these."""
    how = indexes.of(type)
    for one in own:
        clause = one.clause
        if not isinstance(clause, ReferenceClause) or one.piece != ("term",) or not facets:
            continue
        parameter = how.same.get(clause.parameter, clause.parameter)
        targets = [target for target in clause.targets if target.count("/") == 1 and ":" not in target]
        if parameter not in ABOUT or len(targets) != len(clause.targets) or len(targets) * len(facets) > MERGED:
            continue
        return one, tuple(
            about_hash(type, parameter, of_target(target), facet) for target in targets for facet in facets
        )
    return None


def patient_of(clauses: Sequence[Clause]) -> str:
    """The id of the one Patient to whom a clause says that resources refer, "" without."""
    for clause in clauses:
        if isinstance(clause, ReferenceClause) and len(clause.targets) == 1:
            kind, _, id = clause.targets[0].partition("/")
            if kind == "Patient":
                return id
    return ""


def reaching(clauses: Sequence[Asked], longest: int) -> tuple[Asked, ...]:
    """The same clauses; those with a time since when say from where on a resource that meets them begins, as none
    lasts as long as `longest`: an index is read from there on, not all of it for what may reach in from before.
    """
    return tuple(_reaching(one, longest) if _is_since(one.piece) else one for one in clauses)


def _is_since(piece: Piece) -> bool:
    return piece[0] == "in-time" and _SINCE.issuperset(piece[1])


def _reaching(one: Asked, longest: int) -> Asked:
    since = max(FOREVER_BEFORE, min(one.values[::2]) - longest)
    return Asked(one.clause, (*one.piece[:2], "since"), (since, *one.values))


def among_facets(facets: Sequence[int]) -> Asked:
    """That a resource has one of the facets."""
    return Asked(_NO_CLAUSE, ("facets",), (list(facets),))


def in_one(driven: Drive) -> Drive:
    """The same search by one statement, where its order is made or does not matter to who asks."""
    if driven.driver not in ("term", "facet") or len(driven.ranges) == 1:
        return driven
    if driven.driver == "facet":
        return Drive("type", (), (*driven.probed, among_facets(driven.ranges)))
    return Drive("gather", (list(driven.ranges),), driven.probed)


def bound(database: Database, clauses: Sequence[Asked], prefix: str = "p") -> dict[str, Any]:
    """The parameters of the pieces of clauses, `p0`, `p1` and so on."""
    flat = [value for one in clauses for value in one.values]
    listed = (as_list(database, value) if isinstance(value, list) else value for value in flat)
    return {f"{prefix}{number}": value for number, value in enumerate(listed)}


def _others(own: Sequence[Asked], one: Asked) -> tuple[Asked, ...]:
    return tuple(other for other in own if other is not one)


def by_time(driven: Drive) -> Drive:
    """The same search, not in the order of a text."""
    if driven.driver != "strings":
        return driven
    (number, low, high) = driven.ranges[0]
    held = Asked(NOTHING, ("strings", "starts", 1), (number, low, high))
    return Drive("type", (), (*driven.probed, held))


NOTHING: Final = AnyClause(())
"""What stands for the clause of a piece that no client asked for."""

DATED: Final = Asked(NOTHING, ("dated",), ())
UNDATED: Final = Asked(NOTHING, ("undated",), ())

_NO_CLAUSE: Final = StringClause("", ())
