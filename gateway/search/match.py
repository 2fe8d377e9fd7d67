"""The query answered in memory, from the resource alone: the oracle of every store's search."""

from collections.abc import Sequence

from gateway.core import Resource
from gateway.core.instants import parse_interval
from gateway.search.extract import extract
from gateway.search.parameters import Parameters
from gateway.search.query import (
    Clause,
    DateClause,
    DateEntry,
    IdClause,
    IndexEntry,
    Moment,
    Query,
    ReferenceClause,
    ReferenceEntry,
    Token,
    TokenClause,
    TokenEntry,
)


def matches(query: Query, resource: Resource, parameters: Parameters) -> bool:
    """True when the resource is of the query's type and every clause holds; count and total play no part."""
    if resource["resourceType"] != query.type:
        return False
    entries = extract(resource, parameters)
    return all(_holds(clause, resource, entries) for clause in query.clauses)


def _holds(clause: Clause, resource: Resource, entries: Sequence[IndexEntry]) -> bool:
    if isinstance(clause, IdClause):
        return resource["id"] in clause.ids
    own = [entry for entry in _entries(clause, resource, entries) if entry.parameter == clause.parameter]
    if isinstance(clause, TokenClause):
        tokens = [entry for entry in own if isinstance(entry, TokenEntry)]
        return any(_same_token(value, entry) for value in clause.values for entry in tokens)
    if isinstance(clause, ReferenceClause):
        return any(isinstance(entry, ReferenceEntry) and entry.target in clause.targets for entry in own)
    dates = [entry for entry in own if isinstance(entry, DateEntry)]
    return any(compares(value, entry.low, entry.high) for value in clause.values for entry in dates)


def _entries(clause: Clause, resource: Resource, entries: Sequence[IndexEntry]) -> Sequence[IndexEntry]:
    if not isinstance(clause, DateClause) or clause.parameter != "_lastUpdated":
        return entries
    interval = parse_interval(resource.get("meta", {}).get("lastUpdated", ""))
    return [DateEntry("_lastUpdated", interval.low, interval.high)] if interval else []


def _same_token(value: Token, entry: TokenEntry) -> bool:
    return value.system in (None, entry.system) and value.code in (None, entry.code)


def compares(value: Moment, low: int, high: int) -> bool:
    """Whether the interval [low, high) of a resource compares with the value by its prefix.

    See https://hl7.org/fhir/R4/search.html#prefix. `ap` widens the value by a tenth of its length on both sides.
    """
    inside = value.low <= low and high <= value.high
    margin = (value.high - value.low) // 10
    answers = {
        "eq": inside,
        "ne": not inside,
        "gt": high > value.high,
        "lt": low < value.low,
        "ge": high > value.high or inside,
        "le": low < value.low or inside,
        "sa": low >= value.high,
        "eb": high <= value.low,
        "ap": low < value.high + margin and high > value.low - margin,
    }
    return answers[value.prefix]
