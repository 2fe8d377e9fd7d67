"""A query told without its values: what it asks, in the words of the clauses, for who looks after the database."""

from collections.abc import Iterator
from typing import Any

from gateway.search.clauses import AnyClause, ChainClause, Clause, HasClause, MissingClause, NotClause
from gateway.search.query import Include, Query


def outline(query: Query) -> tuple[str, ...]:
    """One line for each thing that is asked, such as `token code: 2 values`; parameters, types and prefixes are
    named, values are counted."""
    types = (query.type,) if query.type else query.types
    return (
        f"types {', '.join(types) or 'all'}",
        *map(_clause, query.clauses),
        *(f"in {type}: {_clause(clause)}" for type, clause in query.within),
        *(f"sort {'-' if key.descending else ''}{key.parameter}" for key in query.sort),
        *map(_include, query.includes),
        *([f"total {query.total}"] if query.total else []),
    )


def _clause(clause: Clause) -> str:
    match clause:
        case NotClause(inner):
            return f"not ({_clause(inner)})"
        case AnyClause(several):
            return f"any of ({'; '.join(map(_clause, several))})"
        case ChainClause(parameter, targets, inner):
            return f"chain {parameter} to {', '.join(targets)} ({_clause(inner)})"
        case HasClause(type, parameter, inner):
            return f"has {type} by {parameter} ({_clause(inner)})"
        case MissingClause(parameter, missing):
            return f"missing {parameter}: {missing}"
    return _plain(clause)


def _plain(clause: Any) -> str:
    values = next(getattr(clause, name) for name in ("values", "targets", "ids") if hasattr(clause, name))
    said = [type(clause).__name__.removesuffix("Clause").lower(), getattr(clause, "parameter", "_id")]
    said += [clause.how] if hasattr(clause, "how") else []
    said += sorted(set(_prefixes(values)))
    return f"{' '.join(said)}: {len(values)} {'value' if len(values) == 1 else 'values'}"


def _prefixes(values: Any) -> Iterator[str]:
    for value in values:
        compared = getattr(value, "range", value)
        if hasattr(compared, "prefix"):
            yield compared.prefix


def _include(include: Include) -> str:
    name = ("_revinclude" if include.reverse else "_include") + (":iterate" if include.iterate else "")
    return f"{name} {include.source}:{include.parameter}" + (f":{include.target}" if include.target else "")
