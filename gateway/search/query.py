"""A query as values: an AND of clauses, the order and what is sent along; with it, all that a query is made of."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from gateway.core import Issue
from gateway.search.clauses import (
    AnyClause,
    ChainClause,
    Clause,
    ComponentClause,
    CompositeClause,
    DateClause,
    HasClause,
    IdClause,
    MissingClause,
    Moment,
    NotClause,
    NumberClause,
    OfType,
    OfTypeClause,
    Prefix,
    QuantityClause,
    QuantityValue,
    Range,
    ReferenceClause,
    ReferenceIdentifierClause,
    StringClause,
    TextClause,
    Token,
    TokenClause,
    TokenTextClause,
    UriClause,
)
from gateway.search.entries import (
    CompositeEntry,
    DateEntry,
    IndexEntry,
    NumberEntry,
    OfTypeEntry,
    PresentEntry,
    QuantityEntry,
    ReferenceEntry,
    ReferenceIdentifierEntry,
    StringEntry,
    TextEntry,
    TokenEntry,
    TokenTextEntry,
    UriEntry,
)

Total: TypeAlias = Literal["", "estimate", "accurate"]
Summary: TypeAlias = Literal["true", "text", "data", "count", "false"]


@dataclass(frozen=True, slots=True)
class SortKey:
    """One key of the order; `_id` and `_lastUpdated` beside the parameters of the type.

    Of several values the lowest counts, the highest when descending. Resources without a value come last either way.
    """

    parameter: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Include:
    """Resources to send along: what `source` resources refer to by `parameter`, or who refers to the matches.

    Forward: `source` is the type of the referring resource, a match or, with `iterate`, something included.
    `reverse`: `source` is the type that refers to the matches, with `iterate` to what is included too. `target`
    restricts the type that is referred to, None does not. Wildcards are expanded already.
    """

    source: str
    parameter: str
    target: str | None = None
    reverse: bool = False
    iterate: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A search of one resource type; no clause means every resource of the type.

    `type` "" searches `types`, or every type when there is none: a search of the whole study or of a compartment.
    `within` is then what resources of one type must satisfy besides, as (type, clause): how each is in a compartment.
    `count` is the page size asked for, None when the client left it out; 0 asks for the total only. `total` ""
    asks for none. `summary` and
    `elements` say what of each resource to send. `left_out` are the
    parameters that a lenient search left out, as they came, and `ignored` the warnings about them.
    """

    type: str
    clauses: tuple[Clause, ...] = ()
    count: int | None = None
    total: Total = ""
    sort: tuple[SortKey, ...] = ()
    includes: tuple[Include, ...] = ()
    summary: Summary = "false"
    elements: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    ignored: tuple[Issue, ...] = ()
    within: tuple[tuple[str, Clause], ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    hashed: int = field(default=0, init=False, repr=False, compare=False)

    def __hash__(self) -> int:
        """Made once, since a query is looked up again and again; by what most queries differ in."""
        if not self.hashed:
            object.__setattr__(self, "hashed", hash((self.type, self.clauses, self.count, self.sort, self.total)))
        return self.hashed

    def clauses_of(self, type: str) -> tuple[Clause, ...]:
        """What resources of a type must satisfy; nothing can where `within` leaves the type out."""
        if not self.within:
            return self.clauses
        own = tuple(clause for of, clause in self.within if of == type)
        return (*self.clauses, *(own or (AnyClause(()),)))


__all__ = [
    "AnyClause",
    "ChainClause",
    "Clause",
    "ComponentClause",
    "CompositeClause",
    "CompositeEntry",
    "DateClause",
    "DateEntry",
    "HasClause",
    "IdClause",
    "Include",
    "IndexEntry",
    "MissingClause",
    "Moment",
    "NotClause",
    "NumberClause",
    "NumberEntry",
    "OfType",
    "OfTypeClause",
    "OfTypeEntry",
    "Prefix",
    "PresentEntry",
    "QuantityClause",
    "QuantityEntry",
    "QuantityValue",
    "Query",
    "Range",
    "ReferenceClause",
    "ReferenceEntry",
    "ReferenceIdentifierClause",
    "ReferenceIdentifierEntry",
    "SortKey",
    "StringClause",
    "StringEntry",
    "Summary",
    "TextClause",
    "TextEntry",
    "Token",
    "TokenClause",
    "TokenEntry",
    "TokenTextClause",
    "TokenTextEntry",
    "Total",
    "UriClause",
    "UriEntry",
]
