"""The clauses of a query and the values that they ask for.

A clause is an OR of values. Clauses nest: `NotClause` and `AnyClause` hold clauses of the same resource,
`ChainClause` and `HasClause` one of another. `gateway.search.match` is what each of them means.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

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
class Range:
    """A number asked for, and how to compare with it.

    `eq` and `ne`: what the number's digits stand for, `low` included and `high` not: `100` is 99.5 to 100.5. `ap`: a
    tenth around it, both ends included. Otherwise both ends are the number itself.
    """

    prefix: Prefix
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class QuantityValue:
    """A quantity asked for.

    With `canonical`, an entry matches that has this base unit and compares with `canonical_range`. Without it, an
    entry matches that compares with `range` and whose `code` or `unit` is `code` (None: any) and whose `system` is
    `system` (None: any). A code that is given with a system is compared with codes only.
    """

    range: Range
    system: str | None = None
    code: str | None = None
    canonical: str = ""
    canonical_range: Range | None = None


@dataclass(frozen=True, slots=True)
class OfType:
    """An identifier asked for by its type and value; `system` is the type's, "" when the type has none."""

    system: str
    code: str
    value: str


@dataclass(frozen=True, slots=True)
class IdClause:
    """True when the resource's logical id is one of `ids`."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TokenClause:
    """True when one of the resource's tokens of `parameter` is one of `values`.

    No value at all (an empty value set) matches nothing.
    """

    parameter: str
    values: tuple[Token, ...]


@dataclass(frozen=True, slots=True)
class TokenTextClause:
    """True when a text beside a token of `parameter` starts with one of `values`, which are folded (`:text`)."""

    parameter: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OfTypeClause:
    """True when an identifier of `parameter` has the type and value of one of `values` (`:of-type`)."""

    parameter: str
    values: tuple[OfType, ...]


@dataclass(frozen=True, slots=True)
class ReferenceClause:
    """True when one of the resource's references of `parameter` is one of `targets`: `Type/id`, or a whole URL."""

    parameter: str
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReferenceIdentifierClause:
    """True when the `identifier` of a reference of `parameter` is one of `values` (`:identifier`)."""

    parameter: str
    values: tuple[Token, ...]


@dataclass(frozen=True, slots=True)
class DateClause:
    """True when one of the resource's intervals of `parameter` compares with one of `values`.

    The parameter `_lastUpdated` is the resource's own `meta.lastUpdated`.
    """

    parameter: str
    values: tuple[Moment, ...]


@dataclass(frozen=True, slots=True)
class NumberClause:
    """True when one of the resource's numbers of `parameter` compares with one of `values`."""

    parameter: str
    values: tuple[Range, ...]


@dataclass(frozen=True, slots=True)
class QuantityClause:
    """True when one of the resource's quantities of `parameter` is one of `values`."""

    parameter: str
    values: tuple[QuantityValue, ...]


@dataclass(frozen=True, slots=True)
class StringClause:
    """True when a text of `parameter` starts with, contains, or exactly is one of `values`.

    The values are folded as the entries' `normal` is; with `exact` they are as they came.
    """

    parameter: str
    values: tuple[str, ...]
    how: Literal["starts", "contains", "exact"] = "starts"


@dataclass(frozen=True, slots=True)
class UriClause:
    """True when a URI of `parameter` is one of `values`.

    `below`: or starts with it, whole path segments; `above`: or is a start of it, whole path segments.
    """

    parameter: str
    values: tuple[str, ...]
    how: Literal["exact", "below", "above"] = "exact"


@dataclass(frozen=True, slots=True)
class CompositeClause:
    """True when one `CompositeEntry` of `parameter` satisfies every component of one of `values`, by position."""

    parameter: str
    values: "tuple[tuple[ComponentClause, ...], ...]"


@dataclass(frozen=True, slots=True)
class TextClause:
    """True when the narrative or the whole resource has every word of one of `values`; words are folded."""

    where: Literal["_text", "_content"]
    values: tuple[tuple[str, ...], ...]

    @property
    def parameter(self) -> str:
        """The parameter's name, as other clauses have it."""
        return self.where


@dataclass(frozen=True, slots=True)
class MissingClause:
    """True when the resource has no value of `parameter`, or has one when `missing` is False."""

    parameter: str
    missing: bool


@dataclass(frozen=True, slots=True)
class NotClause:
    """True when the clause is not: also for a resource that has no value of its parameter (`:not`, `:not-in`)."""

    clause: "Clause"


@dataclass(frozen=True, slots=True)
class AnyClause:
    """True when one of the clauses is; none makes it false. Compartments, and chains to types that differ."""

    clauses: "tuple[Clause, ...]"


@dataclass(frozen=True, slots=True)
class ChainClause:
    """True when a reference of `parameter` leads to a resource, of a type in `targets`, with `clause` true of it.

    References by `Type/id` lead somewhere, URLs do not.
    """

    parameter: str
    targets: tuple[str, ...]
    clause: "Clause"


@dataclass(frozen=True, slots=True)
class HasClause:
    """True when a resource of `type`, of which `clause` holds, refers to this one by its `parameter` (`_has`)."""

    type: str
    parameter: str
    clause: "Clause"


ComponentClause: TypeAlias = (
    TokenClause | ReferenceClause | DateClause | NumberClause | QuantityClause | StringClause | UriClause
)
"""A component of a composite: a clause with one value; a reference may have several targets."""

Clause: TypeAlias = (
    ComponentClause
    | IdClause
    | TokenTextClause
    | OfTypeClause
    | ReferenceIdentifierClause
    | CompositeClause
    | TextClause
    | MissingClause
    | NotClause
    | AnyClause
    | ChainClause
    | HasClause
)
