"""From a resource to its index rows, by the search parameters of its type.

What one source sends differs little from resource to resource: the rows of each top-level element, or of those that a
parameter looks at together, are kept for the last contents seen, so that most of a resource is not looked at again.
"""

from collections.abc import Sized
from dataclasses import dataclass, replace
from itertools import count
from typing import Final

import msgspec

from gateway.core import Resource
from gateway.search import Parameters
from gateway.search.extract import entries_of
from gateway.search.parameters import Indexed
from gateway.search.query import IndexEntry
from gateway.store.sql.grants import CONSENT, consent_subject, consent_term
from gateway.store.sql.indexed import TypeIndex, type_index
from gateway.store.sql.recent import Recent
from gateway.store.sql.rows import Facet, Fragment, Rows, facet_of, fragment, index_rows

MAX_SHAPES: Final = 4_096
"""For how many types with their top-level elements it is kept which parameters they may have."""

FRAGMENT_BYTES: Final = 6_000_000
"""How much memory the rows of the last contents of elements may take."""

COMMON_BYTES: Final = 3_000_000
"""How much memory facets may take, and as much again what they are made of."""

MAX_CONTENT: Final = 1_000
"""Larger contents, in bytes, hardly come again."""

FRAGMENT_SIZE: Final = 2_500
"""About how many bytes a fragment takes with its place, besides those of its content and its rows."""

ENTRY_SIZE: Final = 300
"""About how many bytes an index entry, a row or a term takes."""

_encode = msgspec.json.Encoder(decimal_format="number").encode


@dataclass(frozen=True, slots=True)
class _Part:
    """Parameters that look at the same elements and at no others; without elements they may look anywhere."""

    elements: tuple[str, ...]
    parameters: tuple[Indexed, ...]


class Indexes:
    """How each type is indexed, made at first use."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self._types: dict[str, TypeIndex] = {}
        self._shapes: dict[tuple[str, ...], tuple[_Part, ...]] = {}
        self._numbers: Recent[tuple[IndexEntry, ...], int] = Recent(COMMON_BYTES)
        self._number = count(1)
        self._facets: Recent[tuple[str | int, ...], Facet] = Recent(COMMON_BYTES)
        self._fragments: Recent[tuple[str, tuple[str, ...], bytes], Fragment] = Recent(FRAGMENT_BYTES)

    def of(self, type: str) -> TypeIndex:
        """How the type is indexed."""
        found = self._types.get(type)
        if found is None:
            found = self._types[type] = type_index(type, self.parameters)
        return found

    def rows(self, type: str, resource: Resource) -> Rows:
        """The index rows of a resource; a Consent is found by its patient whatever else is indexed."""
        fragments = [self._fragment(type, part, resource) for part in self._parts(type, resource)]
        rows = index_rows(type, fragments, self._facet(type, fragments))
        subject = consent_subject(resource) if type == CONSENT else ""
        if subject:
            rows.terms.add(consent_term(subject))
        return rows

    def _facet(self, type: str, fragments: list[Fragment]) -> Facet:
        """The facet of common entries; facets come again and again."""
        key: tuple[str | int, ...] = (type, *[one.number for one in fragments])
        found = self._facets.get(key)
        if found is None:
            found = facet_of(type, [one.common for one in fragments])
            self._facets.keep(key, found, ENTRY_SIZE * (2 + len(found.terms) + len(found.texts)))
        return found

    def _made(self, type: str, part: _Part, resource: Resource) -> Fragment:
        """A new fragment; numbers are never given twice, so that a facet is never taken for another."""
        made = fragment(type, self.of(type), entries_of(resource, part.parameters))
        if not made.common:
            return made
        number = self._numbers.get(made.common)
        if number is None:
            number = next(self._number)
            self._numbers.keep(made.common, number, ENTRY_SIZE * (1 + len(made.common)))
        return replace(made, number=number)

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

    def _parts(self, type: str, resource: Resource) -> tuple[_Part, ...]:
        key = (type, *resource)
        found = self._shapes.get(key)
        if found is None:
            found = self._made_parts(type, resource)
            if len(self._shapes) < MAX_SHAPES:
                self._shapes[key] = found
        return found

    def _made_parts(self, type: str, resource: Resource) -> tuple[_Part, ...]:
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


def _size(content: bytes, made: Fragment) -> int:
    rows = made.rows
    kinds: tuple[Sized, ...] = (
        rows.terms, rows.references, rows.dates, rows.numbers, rows.strings, rows.words, made.common,
    )  # fmt: skip
    return FRAGMENT_SIZE + 2 * len(content) + ENTRY_SIZE * sum(map(len, kinds))
