"""How far a search may reach: into types that the client may search, and no others.

A chain or `_has` tells of a resource without showing it, an include shows it and what it refers to: each needs the
scopes of its own type.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from gateway.access.scopes import may, require_scope, types_within
from gateway.core.errors import Forbidden
from gateway.core.issues import issue
from gateway.core.principal import Principal
from gateway.search import Query
from gateway.search.query import AnyClause, ChainClause, Clause, HasClause, Include, NotClause

_HOLDING: Final = frozenset({NotClause, HasClause, ChainClause, AnyClause})
"""The clauses that hold others, which may lead to other types."""


def narrowed(query: Query, principal: Principal) -> Query:
    """The same query within the principal's scopes.

    A search of every type becomes one of those that may be searched, an untyped chain goes through those, includes
    of others are left out. Raises `Forbidden` when nothing is left, or for a type that is named.
    """
    types = _types(query, principal)
    if types == query.types and not query.includes and _HOLDING.isdisjoint(map(type, query.clauses)):
        return query
    clauses = tuple(_narrow(clause, principal) for clause in query.clauses)
    includes = tuple(one for entry in query.includes for one in _allowed(entry, principal))
    if (types, clauses, includes) == (query.types, query.clauses, query.includes):
        return query
    return replace(query, types=types, clauses=clauses, includes=includes)


def _types(query: Query, principal: Principal) -> tuple[str, ...]:
    named = (query.type,) if query.type else query.types
    for kind in named:
        require_scope(principal, kind, "s")
    if named:
        return query.types
    found = types_within(principal, "s")
    if found == ():
        raise Forbidden(issue("auth.scope", interaction="search", type="any type"))
    return found or ()


def _narrow(clause: Clause, principal: Principal) -> Clause:
    if isinstance(clause, NotClause):
        return NotClause(_narrow(clause.clause, principal))
    if isinstance(clause, HasClause):
        require_scope(principal, clause.type, "s")
        return replace(clause, clause=_narrow(clause.clause, principal))
    if isinstance(clause, ChainClause):
        targets = tuple(kind for kind in clause.targets if may(principal, kind, "s"))
        for kind in clause.targets[:1] if not targets else ():
            require_scope(principal, kind, "s")
        return replace(clause, targets=targets, clause=_narrow(clause.clause, principal))
    if isinstance(clause, AnyClause) and clause.clauses:
        return AnyClause(tuple(_some(clause.clauses, principal)))
    return clause


def _some(clauses: Iterable[Clause], principal: Principal) -> Iterator[Clause]:
    """The alternatives that may be asked for; raises the last refusal when there is none."""
    refusal: Forbidden | None = None
    found = False
    for clause in clauses:
        try:
            one = _narrow(clause, principal)
        except Forbidden as error:
            refusal = error
        else:
            found = True
            yield one
    if refusal and not found:
        raise refusal


def _allowed(entry: Include, principal: Principal) -> Iterator[Include]:
    """The include itself, or one for each type that may be shown where it names no type."""
    kind = entry.source if entry.reverse else entry.target
    if kind is not None:
        if may(principal, kind, "r", "s"):
            yield entry
        return
    types = types_within(principal, "r", "s")
    if types is None:
        yield entry
    else:
        yield from (replace(entry, target=type) for type in types)
