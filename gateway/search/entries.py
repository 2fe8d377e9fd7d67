"""What a resource is found by, as values: one entry for each value of each search parameter.

Entries are tuples, since an ingest makes dozens of them for each resource. Those of one parameter differ in length
where they differ in kind, so that two kinds of one parameter are never equal.
"""

from typing import NamedTuple, TypeAlias


class PresentEntry(NamedTuple):
    """The parameter has a value, whatever it is: what `:missing` asks. One a parameter, before its other entries."""

    parameter: str


class TokenEntry(NamedTuple):
    """A token of a resource; `system` is "" when it has none."""

    parameter: str
    system: str
    code: str


class TokenTextEntry(NamedTuple):
    """A text beside a token, folded: `CodeableConcept.text`, `Coding.display`, `Identifier.type.text`."""

    parameter: str
    normal: str


class OfTypeEntry(NamedTuple):
    """An identifier with a coding of its type: what `:of-type` asks."""

    parameter: str
    system: str
    code: str
    value: str


class ReferenceEntry(NamedTuple):
    """`Type/id` without version, or the whole URL; a canonical with and without its version."""

    parameter: str
    target: str


class ReferenceIdentifierEntry(NamedTuple):
    """The `identifier` of a reference; `system` is "" when it has none."""

    parameter: str
    system: str
    value: str


class DateEntry(NamedTuple):
    """An interval of a resource in microseconds; open ends are `FOREVER_BEFORE` and `FOREVER_AFTER`."""

    parameter: str
    low: int
    high: int


class NumberEntry(NamedTuple):
    """A number, `low` = `high`, or a range with both ends in it; open ends are infinite."""

    parameter: str
    low: float
    high: float


class QuantityEntry(NamedTuple):
    """A quantity or a range of them, as told and in UCUM's base units.

    `system`, `code` and `unit` are "" where absent, `low` and `high` as in `NumberEntry`. `canonical` is the base
    unit, "" where the unit is not UCUM's, and the last two are then 0.
    """

    parameter: str
    low: float
    high: float
    system: str
    code: str
    unit: str
    canonical: str
    canonical_low: float
    canonical_high: float


class StringEntry(NamedTuple):
    """A text: folded (see `gateway.search.folding`) and cut to its greatest length, and as it is."""

    parameter: str
    normal: str
    exact: str


class UriEntry(NamedTuple):
    """A URI as it is; a canonical with and without its version."""

    parameter: str
    uri: str


class CompositeEntry(NamedTuple):
    """Values that stand together, one entry for each component; several values of a component give several of these.

    The parameters of `components` are the codes of the component's definition. The number at the end, always 0,
    keeps it apart from the other kinds.
    """

    parameter: str
    components: "tuple[ComponentEntry, ...]"
    kind: int = 0


class TextEntry(NamedTuple):
    """The words of a narrative (`_text`) or of the whole resource (`_content`).

    Folded, made of letters and digits, each once, sorted, joined by single spaces.
    """

    parameter: str
    words: str


ComponentEntry: TypeAlias = (
    TokenEntry | ReferenceEntry | DateEntry | NumberEntry | QuantityEntry | StringEntry | UriEntry
)
"""What a component of a composite may be."""

IndexEntry: TypeAlias = (
    ComponentEntry
    | PresentEntry
    | TokenTextEntry
    | OfTypeEntry
    | ReferenceIdentifierEntry
    | CompositeEntry
    | TextEntry
)
