"""The index rows of a resource: its facet, its terms and its values, made from its index entries."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, product
from typing import Any, Final, TypeAlias

import msgspec

from gateway.search.query import (
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
from gateway.store.sql.index.indexed import TypeIndex
from gateway.store.sql.tables import UNDATED
from gateway.store.sql.terms import digest, mixed, of_parameter, of_reference, of_target, of_token, term

ABOUT: Final = frozenset({"subject", "patient"})
"""References that are also kept together with the facet: what one participant has of one code is one range."""

FORMS: Final = {TokenEntry: "token", UriEntry: "uri", ReferenceEntry: "reference"}

TEXT_LENGTH: Final = 500
"""How many characters of a code or URI are kept to sort and to compare starts by."""

NumberValues: TypeAlias = tuple[int, float, float, int, int, float, float]
"""The columns of a `NumberRow` after study and key: hash, low, high, unit, part, and both ends in the base unit."""

_RELATIVE = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64}\Z")
_packer = msgspec.msgpack.Encoder()


@dataclass(frozen=True, slots=True)
class Facet:
    """A set of common values: its hashes, and its texts with the hash of what they are the text of."""

    type: str
    id: int
    terms: tuple[int, ...]
    texts: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of quantities, by its hash."""

    id: int
    system: str
    code: str
    name: str
    canonical: str


class Rows(msgspec.Struct):
    """The index rows of one resource version, without study and key; the tuples are in the order of the columns."""

    at: int
    until: int
    facet: Facet | None
    terms: set[int]
    references: set[tuple[int, str, str]]
    dates: set[tuple[int, int, int, int]]
    numbers: set[NumberValues]
    strings: set[tuple[int, str, int, int]]
    words: set[int]
    units: set[Unit]

    def pack(self) -> bytes:
        """What an update must know to take these rows away again."""
        kinds = (self.terms, self.references, self.dates, self.numbers, self.strings, self.words)
        return _packer.encode((self.at, *kinds))

    @classmethod
    def unpack(cls, data: bytes) -> "Rows":
        """The rows that `pack` wrote, without facet and units."""
        at, terms, references, dates, numbers, strings, words = _unpacker.decode(data)
        return cls(
            at, UNDATED, None, set(terms), set(references), set(dates), set(numbers), set(strings), set(words), set()
        )


_unpacker = msgspec.msgpack.Decoder(
    tuple[
        int,
        list[int],
        list[tuple[int, str, str]],
        list[tuple[int, int, int, int]],
        list[NumberValues],
        list[tuple[int, str, int, int]],
        list[int],
    ]
)


def no_rows() -> Rows:
    """What a deleted resource is found by: nothing."""
    return Rows(UNDATED, UNDATED, None, set(), set(), set(), set(), set(), set(), set())


NO_ROWS: Final = no_rows()
"""Rows that nobody adds to."""


class Fragment(msgspec.Struct, eq=False):
    """The rows of a part of a resource: without facet, of which it has the entries `common`.

    `is_wordy` says that it has dates, strings or words; `number` stands for `common`: the same, the same entries.
    `about` are the hashes that make, with a facet, what a participant has of it.
    """

    rows: Rows
    common: tuple[IndexEntry, ...]
    is_wordy: bool = False
    number: int = 0
    about: tuple[int, ...] = ()


def fragment(type: str, how: TypeIndex, entries: Iterable[IndexEntry]) -> Fragment:
    """The rows that some entries of a resource become."""
    rows, common, parts = no_rows(), [], 0
    for entry in entries:
        kind = entry.__class__
        if kind in _TOLD or (kind in _COMMON and entry.parameter not in how.own):
            common.append(entry)
        elif kind is CompositeEntry:
            parts += 1
            _add_composite(rows, type, entry, parts)  # type: ignore[arg-type]
        elif kind is DateEntry and entry.parameter == how.in_time:
            rows.at, rows.until = entry[1:]  # type: ignore[assignment, misc]
        elif kind is ReferenceEntry:
            _add_reference(rows, type, how, entry)  # type: ignore[arg-type]
        else:
            _ADDERS[kind](rows, type, entry, 0)
    if len(rows.numbers) > 1:
        rows.numbers = _apart(rows.numbers)
    wordy = bool(rows.dates or rows.strings or rows.words)
    return Fragment(rows, tuple(dict.fromkeys(common)), wordy, about=_about(type, rows))


def together(fragments: Sequence[Fragment]) -> Fragment:
    """One fragment for several."""
    rows = no_rows()
    for part in fragments:
        _join(rows, part)
    common = dict.fromkeys(chain.from_iterable(part.common for part in fragments))
    about = tuple(chain.from_iterable(part.about for part in fragments))
    return Fragment(rows, tuple(common), any(part.is_wordy for part in fragments), about=about)


def complete(rows: Rows, fragments: Iterable[Fragment], facet: Facet) -> None:
    """Adds the rows of fragments, the facet of what is common in them, and the terms that are made with it."""
    for part in fragments:
        if part.rows is not NO_ROWS:
            _join(rows, part)
            for half in part.about:
                rows.terms.add(half ^ facet.id)
    rows.facet = facet


def _join(rows: Rows, part: Fragment) -> None:
    own = part.rows
    if own.at != UNDATED:
        rows.at, rows.until = own.at, own.until
    if own.terms:
        rows.terms |= own.terms
        rows.references |= own.references
    if own.numbers:
        rows.numbers |= own.numbers
        rows.units |= own.units
    if part.is_wordy:
        rows.dates |= own.dates
        rows.strings |= own.strings
        rows.words |= own.words


def _add_reference(rows: Rows, type: str, how: TypeIndex, entry: ReferenceEntry) -> None:
    if entry.parameter in how.same:
        return
    rows.terms.add(of_reference(type, entry.parameter, entry.target))
    kind, id = entry.target.split("/") if _RELATIVE.match(entry.target) else ("", entry.target[:TEXT_LENGTH])
    rows.references.add((of_parameter(type, entry.parameter, "reference"), kind, id))


def _about(type: str, rows: Rows) -> tuple[int, ...]:
    if not rows.references:
        return ()
    own = {of_parameter(type, parameter, "reference"): parameter for parameter in ABOUT}
    return tuple(
        _about_half(type, own[number], of_target(f"{kind}/{id}"))
        for number, kind, id in rows.references
        if kind and number in own
    )


def _about_half(type: str, parameter: str, target: int) -> int:
    return mixed(of_parameter(type, parameter, "about"), target)


def about_hash(type: str, parameter: str, target: int, facet: int) -> int:
    """The hash of what a participant has of one facet."""
    return mixed(_about_half(type, parameter, target), facet)


def facet_of(type: str, parts: Iterable[tuple[IndexEntry, ...]]) -> Facet:
    """The facet of a set of common entries."""
    terms: set[int] = set()
    texts: set[tuple[int, str]] = set()
    for entry in chain.from_iterable(parts):
        if isinstance(entry, TokenEntry):
            terms.update(of_token(type, *entry))
            texts.add((of_parameter(type, entry.parameter, "sort"), entry.code[:TEXT_LENGTH]))
        elif isinstance(entry, TokenTextEntry):
            texts.add((of_parameter(type, entry.parameter, "text"), entry.normal))
        elif isinstance(entry, UriEntry):
            terms.add(term(type, entry.parameter, "uri", entry.uri))
            texts.add((of_parameter(type, entry.parameter, "sort"), entry.uri[:TEXT_LENGTH]))
        else:
            terms.add(of_parameter(type, entry.parameter, "present"))
    ordered, told = tuple(sorted(terms)), tuple(sorted(texts))
    return Facet(type, digest(repr((type, ordered, told)).encode()), ordered, told)


def _add_tokens(rows: Rows, type: str, entry: Any, part: int) -> None:
    rows.terms.update(of_token(type, *entry))
    rows.strings.add((of_parameter(type, entry.parameter, "sort"), entry.code[:TEXT_LENGTH], 0, part))


def _add_of_type(rows: Rows, type: str, entry: Any, _part: int) -> None:
    rows.terms.add(of_type_hash(type, *entry))


def of_type_hash(type: str, parameter: str, system: str, code: str, value: str) -> int:
    """The hash of an identifier of a type."""
    return term(type, parameter, "of-type", system, code, value)


def _add_reference_identifier(rows: Rows, type: str, entry: Any, _part: int) -> None:
    rows.terms.update(of_token(type, f"{entry.parameter}:identifier", entry.system, entry.value))


def _add_uri(rows: Rows, type: str, entry: Any, part: int) -> None:
    rows.terms.add(term(type, entry.parameter, "uri", entry.uri))
    rows.strings.add((of_parameter(type, entry.parameter, "sort"), entry.uri[:TEXT_LENGTH], 0, part))


def _add_date(rows: Rows, type: str, entry: Any, part: int) -> None:
    rows.dates.add((of_parameter(type, entry.parameter, "date"), entry.low, entry.high, part))


def _add_number(rows: Rows, type: str, entry: Any, part: int) -> None:
    number = of_parameter(type, entry.parameter, "number")
    rows.numbers.add((number, entry.low, entry.high, 0, part, 0.0, 0.0))


def _add_quantity(rows: Rows, type: str, entry: Any, part: int) -> None:
    unit = unit_of(entry.system, entry.code, entry.unit, entry.canonical)
    number = of_parameter(type, entry.parameter, "number")
    canonical = (entry.canonical_low, entry.canonical_high)
    rows.numbers.add((number, entry.low, entry.high, unit.id, part, *canonical))
    rows.units.add(unit)


def _apart(numbers: set[NumberValues]) -> set[NumberValues]:
    """The rows with different keys: decimals that are one number as told may be two in the base unit.

    Only values outside composites can be so, and their part says nothing: they are counted down from 0.
    """
    if len({row[:5] for row in numbers}) == len(numbers):
        return numbers
    apart, counts = set(), Counter[tuple[float, ...]]()
    for row in sorted(numbers):
        apart.add((*row[:4], row[4] - counts[row[:5]], *row[5:]))
        counts[row[:5]] += 1
    return apart


@lru_cache(maxsize=1 << 10)
def unit_of(system: str, code: str, name: str, canonical: str) -> Unit:
    """The unit with its hash."""
    return Unit(term("", "", "unit", system, code, name, canonical), system, code, name, canonical)


def _add_string(rows: Rows, type: str, entry: Any, part: int) -> None:
    rows.strings.add((of_parameter(type, entry.parameter, "string"), entry.normal, exact_hash(entry.exact), part))


def exact_hash(text: str) -> int:
    """The hash of a text as it is."""
    return of_target(text)


def _add_words(rows: Rows, type: str, entry: Any, _part: int) -> None:
    rows.words.update(word_hash(type, entry.parameter, word) for word in entry.words.split())


@lru_cache(maxsize=1 << 13)
def word_hash(type: str, parameter: str, word: str) -> int:
    """The hash of a word of the narrative (`_text`) or the content (`_content`)."""
    return term(type, parameter, "word", word)


def _add_composite(rows: Rows, type: str, entry: CompositeEntry, part: int) -> None:
    """What is compared by equality goes into the hash; what is ordered is a row of its own, for each such hash."""
    discrete = [_forms(one) for one in entry.components if one.__class__ in FORMS]
    ordered = [(place, one) for place, one in enumerate(entry.components) if one.__class__ not in FORMS]
    for forms in product(*discrete):
        name = composite_name(entry.parameter, forms)
        if not ordered:
            rows.terms.add(term(type, name, "composite"))
        for place, one in ordered:
            _ADDERS[one.__class__](rows, type, one._replace(parameter=f"{name}${place}"), part)


def composite_name(parameter: str, forms: Iterable[str]) -> str:
    """The name under which the rows of a composite stand, given its components that are compared by equality."""
    return "$".join((parameter, *forms))


def _forms(entry: Any) -> tuple[str, ...]:
    """The ways to ask for a component: as `token_form` and `plain_form` write them."""
    if entry.__class__ is not TokenEntry:
        return (plain_form(entry[1]),)
    exact, alone = token_form(entry.system, entry.code), token_form(None, entry.code)
    return (exact, alone, token_form(entry.system, None)) if entry.system else (exact, alone)


def token_form(system: str | None, code: str | None) -> str:
    """A token asked for, in the hash of a composite."""
    return f"{'*' if system is None else '=' + system}\x1e{'*' if code is None else '=' + code}"


def plain_form(text: str) -> str:
    """A reference or URI, in the hash of a composite."""
    return "=" + text


_TOLD: Final = frozenset({PresentEntry, TokenTextEntry})
_COMMON: Final = frozenset({TokenEntry, UriEntry})

_ADDERS: Final[dict[Any, Callable[[Rows, str, Any, int], None]]] = {
    TokenEntry: _add_tokens,
    OfTypeEntry: _add_of_type,
    ReferenceIdentifierEntry: _add_reference_identifier,
    UriEntry: _add_uri,
    DateEntry: _add_date,
    NumberEntry: _add_number,
    QuantityEntry: _add_quantity,
    StringEntry: _add_string,
    TextEntry: _add_words,
}
