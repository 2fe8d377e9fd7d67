"""`_typeFilter`s that lead to other resources (chains, `_has`): which types they ask, and how an export takes them.

Such a filter is answered by the database alone, of what the reader may see at that moment. So where a type has one,
all its filters are one clause of each search, and a file that is written again is asked it again.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from gateway.search import Query
from gateway.search.query import AnyClause, ChainClause, Clause, HasClause, NotClause

Clauses = tuple[Clause, ...]

EVERYTHING: Final[Clauses] = ()
"""The clauses of a type without filters."""


def reached(clauses: Sequence[Clause]) -> Iterator[str]:
    """The types of other resources that clauses ask, of which a chain may have several."""
    for clause in clauses:
        if isinstance(clause, ChainClause):
            yield from clause.targets
            yield from reached((clause.clause,))
        elif isinstance(clause, HasClause):
            yield clause.type
            yield from reached((clause.clause,))
        elif isinstance(clause, AnyClause):
            yield from reached(clause.clauses)
        elif isinstance(clause, NotClause):
            yield from reached((clause.clause,))


def leads_elsewhere(query: Query) -> bool:
    """Whether a filter asks other resources."""
    return next(reached(query.clauses), None) is not None


def alternatives(filters: Sequence[Query]) -> list[Clauses]:
    """What an export searches a type for that has these filters: one search for each, or one for all of them."""
    if not any(map(leads_elsewhere, filters)):
        return [one.clauses for one in filters] or [EVERYTHING]
    return [together(filters)]


def together(filters: Sequence[Query]) -> Clauses:
    """The clauses that hold where one of the filters does."""
    if len(filters) == 1 or not all(one.clauses for one in filters):
        return filters[0].clauses if len(filters) == 1 else EVERYTHING
    return (AnyClause(tuple(_all_of(one.clauses) for one in filters)),)


def _all_of(clauses: Clauses) -> Clause:
    """One clause that holds where all do: where none of them does not."""
    return clauses[0] if len(clauses) == 1 else NotClause(AnyClause(tuple(NotClause(one) for one in clauses)))


def of_itself(query: Query) -> Query:
    """The filter as far as a resource alone answers it: what is left matches more."""
    return Query(query.type, tuple(one for one in query.clauses if next(reached((one,)), None) is None))
