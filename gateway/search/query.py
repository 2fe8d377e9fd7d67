"""The parts of a query and the entries of an index, as values.

A query is an AND of clauses; a clause is an OR of values. An entry is one value that a resource is found by;
entries are tuples, since an ingest makes a dozen of them for each resource.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

Prefix: TypeAlias = Literal["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"]


@dataclass(frozen=True, slots=True)
class Token:
    """A token asked for; `system` None is any system, "" no system; `code` None is any code of the system."""

    system: str | None
    code: str | None


@dataclass(frozen=True, slots=True)
class Moment:
    """A date asked for: the interval that the text names, in microseconds, and how to compare with it."""

    prefix: Prefix
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class TokenClause:
    """True when one of the resource's tokens of `parameter` is one of `values`."""

    parameter: str
    values: tuple[Token, ...]


@dataclass(frozen=True, slots=True)
class ReferenceClause:
    """True when one of the resource's references of `parameter` is one of `targets`: `Type/id`, or a whole URL."""

    parameter: str
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DateClause:
    """True when one of the resource's intervals of `parameter` compares with one of `values`.

    The parameter `_lastUpdated` is the resource's own `meta.lastUpdated`.
    """

    parameter: str
    values: tuple[Moment, ...]


@dataclass(frozen=True, slots=True)
class IdClause:
    """True when the resource's logical id is one of `ids`."""

    ids: tuple[str, ...]


Clause: TypeAlias = TokenClause | ReferenceClause | DateClause | IdClause


@dataclass(frozen=True, slots=True)
class Query:
    """A search of one resource type; no clause means every resource of the type.

    `count` is the page size asked for, None when the client left it out; 0 asks for the total only. `total` says
    that the client wants the number of matches (`_total=accurate` or `estimate`, `_summary=count`, `_count=0`).
    """

    type: str
    clauses: tuple[Clause, ...] = ()
    count: int | None = None
    total: bool = False


class TokenEntry(NamedTuple):
    """A token of a resource; `system` is "" when it has none."""

    parameter: str
    system: str
    code: str


class ReferenceEntry(NamedTuple):
    """A reference of a resource: `Type/id` without version, or the whole URL."""

    parameter: str
    target: str


class DateEntry(NamedTuple):
    """An interval of a resource in microseconds; open ends are `FOREVER_BEFORE` and `FOREVER_AFTER`."""

    parameter: str
    low: int
    high: int


IndexEntry: TypeAlias = TokenEntry | ReferenceEntry | DateEntry
