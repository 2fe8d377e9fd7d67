"""From a resource to its index rows, by the search parameters of its type.

What one source sends differs little from resource to resource: the rows of each top-level element, or of those that a
parameter looks at together, are kept for the last contents seen, so that most of a resource is not looked at again.
What hardly changes, such as codes and the subject, is kept as one; the date by which a resource stands in time, which
always changes, is read without looking further.
"""

from collections.abc import Iterable, Sequence, Sized
from dataclasses import dataclass
from itertools import count
from typing import Final

import msgspec

from gateway.core import Resource
from gateway.core.instants import parse_interval
from gateway.search import Parameters
from gateway.search.extract import entries_of
from gateway.search.parameters import Indexed
from gateway.search.query import IndexEntry, PresentEntry
from gateway.store.sql.grants import CONSENT, consent_subject, consent_term
from gateway.store.sql.indexed import TypeIndex, type_index
from gateway.store.sql.recent import Recent
from gateway.store.sql.rows import Facet, Fragment, Rows, facet_of, fragment, index_rows, no_rows, together

MAX_SHAPES: Final = 4_096
"""For how many types with their top-level elements it is kept which parameters they may have."""

FRAGMENT_BYTES: Final = 4_000_000
"""How much memory the rows of the last contents of elements may take, and as much again those of steady ones."""

COMMON_BYTES: Final = 1_500_000
"""How much memory facets may take, and as much again what they are made of."""

MAX_CONTENT: Final = 2_000
"""Larger contents, in bytes, hardly come again."""

FRAGMENT_SIZE: Final = 2_500
"""About how many bytes a fragment takes with its place, besides those of its content and its rows."""

ENTRY_SIZE: Final = 300
"""About how many bytes an index entry, a row or a term takes."""

_STEADY: Final = frozenset({"token", "uri", "reference"})
"""The kinds of parameters whose values many resources of a source have in common, if they are not `TypeIndex.own`."""

_encode = msgspec.json.Encoder(decimal_format="number").encode


@dataclass(frozen=True, slots=True)
class _Part:
    """Parameters that look at the same elements and at no others; without elements they may look anywhere."""

    elements: tuple[str, ...]
    parameters: tuple[Indexed, ...]


@dataclass(frozen=True, slots=True)
class _Shape:
    """How resources with the same top-level elements are looked at.

    `steady` are the parts that hardly change, `elements` all of theirs; `timed` is the element with the date by
    which the resource stands in time, if that is all that is asked of it, else "", and `dated` what a date there is
    found by beside the time; `others` are the parts beside.
    """

    steady: tuple[_Part, ...]
    elements: tuple[str, ...]
    timed: str
    time: _Part | None
    dated: Fragment | None
    others: tuple[_Part, ...]


class Indexes:
    """How each type is indexed, made at first use; safe between threads."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self._types: dict[str, TypeIndex] = {}
        self._shapes: dict[tuple[str, ...], _Shape] = {}
        self._number = count(1)
        self._numbers: Recent[tuple[IndexEntry, ...], int] = Recent(COMMON_BYTES)
        self._facets: Recent[tuple[str | int, ...], Facet] = Recent(COMMON_BYTES)
        self._fragments: Recent[tuple[str, tuple[str, ...], bytes], Fragment] = Recent(FRAGMENT_BYTES)
        self._together: Recent[tuple[str, tuple[str, ...], bytes], Fragment] = Recent(FRAGMENT_BYTES)

    def of(self, type: str) -> TypeIndex:
        """How the type is indexed."""
        found = self._types.get(type)
        if found is None:
            found = self._types[type] = type_index(type, self.parameters)
        return found

    def rows(self, type: str, resource: Resource) -> Rows:
        """The index rows of a resource; a Consent is found by its patient whatever else is indexed."""
        shape = self._shape(type, resource)
        fragments = [self._fragment(type, part, resource) for part in shape.others]
        if shape.steady:
            fragments.append(self._steady(type, shape, resource))
        interval = None
        if shape.time is not None and shape.dated is not None:
            value = resource[shape.timed]
            interval = parse_interval(value) if isinstance(value, str) else None
            fragments.append(self._made(type, shape.time, resource) if interval is None else shape.dated)
        rows = index_rows(fragments, self._facet(type, fragments))
        if interval is not None:
            rows.at, rows.until = interval.low, interval.high
        subject = consent_subject(resource) if type == CONSENT else ""
        if subject:
            rows.terms.add(consent_term(subject))
        return rows

    def _facet(self, type: str, fragments: Sequence[Fragment]) -> Facet:
        """The facet of common entries; facets come again and again."""
        key: tuple[str | int, ...] = (type, *[one.number for one in fragments])
        found = self._facets.get(key)
        if found is None:
            found = facet_of(type, [one.common for one in fragments])
            self._facets.keep(key, found, ENTRY_SIZE * (2 + len(found.terms) + len(found.texts)))
        return found

    def _made(self, type: str, part: _Part, resource: Resource) -> Fragment:
        return self._numbered(fragment(type, self.of(type), entries_of(resource, part.parameters)))

    def _numbered(self, made: Fragment) -> Fragment:
        made.number = self._number_of(made.common)
        return made

    def _number_of(self, common: tuple[IndexEntry, ...]) -> int:
        """The number of some entries; it is never given twice, so that a facet is never taken for another."""
        if not common:
            return 0
        number = self._numbers.get(common)
        if number is None:
            number = next(self._number)
            self._numbers.keep(common, number, ENTRY_SIZE * (1 + len(common)))
        return number

    def _fragment(self, type: str, part: _Part, resource: Resource) -> Fragment:
        if not part.elements:
            return self._made(type, part, resource)
        content = _encode([resource[name] for name in part.elements])
        key = (type, part.elements, content)
        found = self._fragments.get(key)
        if found is None:
            found = self._made(type, part, resource)
            if len(content) <= MAX_CONTENT:
                self._fragments.keep(key, found, _size(content, found))
        return found

    def _steady(self, type: str, shape: _Shape, resource: Resource) -> Fragment:
        content = _encode([resource[name] for name in shape.elements])
        key = (type, shape.elements, content)
        found = self._together.get(key)
        if found is None:
            found = self._numbered(together([self._fragment(type, part, resource) for part in shape.steady]))
            if len(content) <= MAX_CONTENT:
                self._together.keep(key, found, _size(content, found))
        return found

    def _dated(self, part: _Part) -> Fragment:
        """The same as `_made` gives for a text that is a date, the time apart."""
        return self._numbered(Fragment(no_rows(), (PresentEntry(part.parameters[0].code),)))

    def _shape(self, type: str, resource: Resource) -> _Shape:
        key = (type, *resource)
        found = self._shapes.get(key)
        if found is None:
            found = self._made_shape(type, self._parts(type, resource))
            if len(self._shapes) < MAX_SHAPES:
                self._shapes[key] = found
        return found

    def _made_shape(self, type: str, parts: Iterable[_Part]) -> _Shape:
        how = self.of(type)
        steady: list[_Part] = []
        others: list[_Part] = []
        time: _Part | None = None
        for part in parts:
            if time is None and _is_time(type, how, part):
                time = part
            else:
                (steady if _is_steady(how, part) else others).append(part)
        elements = tuple(dict.fromkeys(name for part in steady for name in part.elements))
        timed, dated = (time.elements[0], self._dated(time)) if time else ("", None)
        return _Shape(tuple(steady), elements, timed, time, dated, tuple(others))

    def _parts(self, type: str, resource: Resource) -> tuple[_Part, ...]:
        """What stands beside an element as `_element` may be looked at too: then nothing is kept."""
        how = self.of(type)
        together: dict[tuple[str, ...], list[Indexed]] = {}
        alone = any(name.startswith("_") for name in resource)
        for one in self.parameters.told_by(resource):
            if how.without_rows(one.code) or (one.code == "_text" and "text" not in resource):
                continue
            kept = one.roots and one.kind not in ("composite", "text") and not alone
            elements = tuple(sorted(one.roots & resource.keys())) if one.roots and kept else ()
            together.setdefault(elements, []).append(one)
        return tuple(_Part(elements, tuple(several)) for elements, several in together.items())


def _is_steady(how: TypeIndex, part: _Part) -> bool:
    kinds = {one.kind for one in part.parameters}
    own = {one.code for one in part.parameters} & how.own - {"_source"}
    return bool(part.elements) and kinds <= _STEADY and not own


def _is_time(type: str, how: TypeIndex, part: _Part) -> bool:
    """Whether the part is the date in `TypeIndex.in_time` and nothing else, read from one element by its name."""
    if len(part.parameters) > 1 or len(part.elements) != 1:
        return False
    (one,) = part.parameters
    text = one.expression.text if one.expression else ""
    kind, dot, name = text.partition(".")
    named = kind == type and name.isidentifier() and part.elements[0].startswith(name)
    return one.code == how.in_time and one.kind == "date" and bool(dot) and named


def _size(content: bytes, made: Fragment) -> int:
    rows = made.rows
    kinds: tuple[Sized, ...] = (
        rows.terms, rows.references, rows.dates, rows.numbers, rows.strings, rows.words, made.common,
    )  # fmt: skip
    return FRAGMENT_SIZE + 2 * len(content) + ENTRY_SIZE * sum(map(len, kinds))
