"""The order that `_sort` asks for, in memory; every store orders alike, texts by their code points.

See https://hl7.org/fhir/R4/search.html#sort.
"""

from collections.abc import Sequence
from functools import cmp_to_key
from typing import TypeAlias

from gateway.core import Resource
from gateway.search.match import Subject
from gateway.search.parameters import Parameters
from gateway.search.query import (
    DateEntry,
    IndexEntry,
    NumberEntry,
    QuantityEntry,
    ReferenceEntry,
    SortKey,
    StringEntry,
    TokenEntry,
    UriEntry,
)

SortValue: TypeAlias = str | int | float


def sort_value(key: SortKey, resource: Resource, parameters: Parameters) -> SortValue | None:
    """What the resource is ordered by: of several values the lowest, or the highest when descending.

    A date is ordered by its start, a quantity in its base unit where it has one, a token by its code. None without
    a value: such resources come last in either direction.
    """
    if key.parameter == "_id":
        return str(resource.get("id", ""))
    values = [
        value
        for entry in Subject(resource, parameters, ()).entries(key.parameter)
        if (value := value_of(entry)) is not None
    ]
    return (max(values) if key.descending else min(values)) if values else None


def value_of(entry: IndexEntry) -> SortValue | None:
    """What one entry is ordered by; None for entries that are no order."""
    match entry:
        case TokenEntry():
            return entry.code
        case ReferenceEntry():
            return entry.target
        case DateEntry() | NumberEntry():
            return entry.low
        case QuantityEntry():
            return entry.canonical_low if entry.canonical else entry.low
        case StringEntry():
            return entry.normal
        case UriEntry():
            return entry.uri
    return None


def ordered(keys: Sequence[SortKey], resources: Sequence[Resource], parameters: Parameters) -> list[Resource]:
    """The resources by the keys; those that are equal in all of them stay in their order."""
    values = {id(one): [sort_value(key, one, parameters) for key in keys] for one in resources}

    def compare(left: Resource, right: Resource) -> int:
        for key, a, b in zip(keys, values[id(left)], values[id(right)], strict=True):
            if a != b:
                return _compare(a, b, descending=key.descending)
        return 0

    return sorted(resources, key=cmp_to_key(compare))


def _compare(left: SortValue | None, right: SortValue | None, *, descending: bool) -> int:
    if left is None or right is None:
        return 1 if left is None else -1
    is_less = left < right  # type: ignore[operator]
    return -1 if is_less is not descending else 1
