"""From a resource to its index rows, by the search parameters of its type.

What one source sends differs little from resource to resource: the rows of what hardly changes, such as codes, are
kept for the last contents seen, and of contents that only some parameters look at; with references that come again,
such as those of a device's samples, for the whole of both. Identifiers and times, which always change, are read anew,
along ways that are known beforehand.
"""

from collections.abc import Hashable, Iterable, Sequence, Sized
from itertools import count
from typing import Final

import msgspec

from gateway.core import Resource
from gateway.core.instants import parse_interval
from gateway.search import Parameters
from gateway.search.extract import entries_of
from gateway.search.parameters import Indexed
from gateway.search.query import IndexEntry, PresentEntry
from gateway.store.sql.index.consents import CONSENT, consent_subject, consent_term
from gateway.store.sql.index.indexed import TypeIndex, type_index
from gateway.store.sql.index.plan import Part, Plan, plan_of
from gateway.store.sql.index.recent import Recent
from gateway.store.sql.index.references import ReferenceRows
from gateway.store.sql.index.rows import (
    NO_ROWS,
    Facet,
    Fragment,
    Rows,
    complete,
    facet_of,
    fragment,
    no_rows,
    together,
)

MAX_SHAPES: Final = 4_096
"""For how many types with their top-level elements it is kept which parameters they may have."""

FRAGMENT_BYTES: Final = 4_000_000
"""How much memory the rows of the last contents of elements may take; as much again those of common ones, and of
common ones with references."""

COMMON_BYTES: Final = 3_000_000
"""How much memory facets may take, and as much again what they are made of, and references."""

MAX_MET: Final = 8_192
"""How many contents with their references are known to have been met once."""

MAX_CONTENT: Final = 2_000
"""Larger contents, in bytes, hardly come again."""

FRAGMENT_SIZE: Final = 2_500
"""About how many bytes a fragment takes with its place, besides those of its content and its rows."""

ENTRY_SIZE: Final = 300
"""About how many bytes an index entry, a row or a term takes."""

TERM_SIZE: Final = 40
"""About how many bytes a term takes in a facet."""

_encode = msgspec.json.Encoder(decimal_format="number").encode


class Indexes:
    """How each type is indexed, made at first use; safe between threads."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self._studies: dict[str, Indexes] = {}
        self._types: dict[str, TypeIndex] = {}
        self._plans: dict[tuple[str, ...], Plan] = {}
        self._number = count(1)
        self._numbers: Recent[tuple[IndexEntry, ...], int] = Recent(COMMON_BYTES)
        self._facets: Recent[tuple[str | int, ...], Facet] = Recent(COMMON_BYTES)
        self._fragments: Recent[tuple[str, str, bytes], Fragment] = Recent(FRAGMENT_BYTES)
        self._commons: Recent[tuple[str, bytes], Fragment] = Recent(FRAGMENT_BYTES)
        self._steadies: Recent[Hashable, Fragment] = Recent(FRAGMENT_BYTES)
        self._references: Recent[tuple[str, tuple[str, ...]], Fragment] = Recent(COMMON_BYTES)
        self._present: dict[str, Fragment] = {}
        self._met: set[int] = set()

    def of_study(self, study: str) -> "Indexes":
        """How a study's resources are indexed: the same object where it has no parameters of its own."""
        parameters = self.parameters.of_study(study)
        if parameters is self.parameters:
            return self
        return self._studies.get(study) or self._studies.setdefault(study, Indexes(parameters))

    def of(self, type: str) -> TypeIndex:
        """How the type is indexed."""
        found = self._types.get(type)
        if found is None:
            found = self._types[type] = type_index(type, self.parameters)
        return found

    def rows(self, type: str, resource: Resource) -> Rows:
        """The index rows of a resource; a Consent is found by its patient whatever else is indexed."""
        plan = self._plan(type, resource)
        rows, own, left = no_rows(), plan.own, list[Indexed]()
        fragments = [*self._steady(type, plan, resource, left)]
        fragments += [self._fragment(type, part, resource) for part in plan.others]
        if plan.time is not None:
            value = resource[plan.time.elements[0]]
            interval = parse_interval(value) if isinstance(value, str) else None
            if interval is None:
                own += plan.timed
            else:
                rows.at, rows.until = interval.low, interval.high
                fragments.append(self._presence(plan.time.parameters[0].code))
        for one in own:
            has_value = one.add(rows, resource)
            if has_value is None:
                left.append(one.parameter)
            elif has_value:
                fragments.append(self._presence(one.parameter.code))
        if left:
            fragments.append(self._made(type, left, resource))
        complete(rows, fragments, self._facet(type, fragments))
        subject = consent_subject(resource) if type == CONSENT else ""
        if subject:
            rows.terms.add(consent_term(subject))
        return rows

    def _steady(self, type: str, plan: Plan, resource: Resource, left: list[Indexed]) -> Sequence[Fragment]:
        """The rows of what resources have in common, and of references. To `left` are added the parameters of those
        that are of another form than relative."""
        content, texts = plan.content(resource), tuple([one.texts(resource) for one in plan.references])
        if content is None or None in texts:
            return self._apart(type, plan, resource, content, texts, left)
        key = (plan.steady, content, texts)
        found = self._steadies.get(key)
        if found is None:
            several = self._apart(type, plan, resource, content, texts, left)
            if left or len(content) > MAX_CONTENT or self._is_first(key):
                return several
            found = self._numbered(together(several))
            self._steadies.keep(key, found, _size(content, found))
        return (found,)

    def _is_first(self, key: Hashable) -> bool:
        """Whether a key is met for the first time lately: most references of a record never come again."""
        mark = hash(key)
        if mark in self._met:
            return False
        if len(self._met) >= MAX_MET:
            self._met = set()
        self._met.add(mark)
        return True

    def _apart(
        self,
        type: str,
        plan: Plan,
        resource: Resource,
        content: bytes | None,
        texts: Iterable[tuple[str, ...] | None],
        left: list[Indexed],
    ) -> Sequence[Fragment]:
        """The same, as the common part and the references."""
        made = [self._common(type, plan, resource, content)] if plan.common else []
        for references, several in zip(plan.references, texts, strict=True):
            if several == ():
                continue
            found = None if several is None else self._led(references, several)
            if found is None:
                left += references.parameters
            else:
                made.append(found)
        return made

    def _led(self, references: ReferenceRows, texts: tuple[str, ...]) -> Fragment | None:
        """The fragment of relative references; of a record many resources lead to one participant and visit."""
        key = (references.name, texts)
        found = self._references.get(key)
        if found is None:
            found = references.fragment(texts)
            if found is not None:
                self._references.keep(key, self._numbered(found), _size(b"", found))
        return found

    def _presence(self, parameter: str) -> Fragment:
        """The fragment that says of a parameter alone that it has a value."""
        found = self._present.get(parameter)
        if found is None:
            found = self._numbered(Fragment(NO_ROWS, (PresentEntry(parameter),)))
            self._present[parameter] = found
        return found

    def _plan(self, type: str, resource: Resource) -> Plan:
        key = (type, *resource)
        found = self._plans.get(key)
        if found is None:
            found = plan_of(type, self.of(type), self.parameters, resource)
            if len(self._plans) < MAX_SHAPES:
                self._plans[key] = found
        return found

    def _facet(self, type: str, fragments: Sequence[Fragment]) -> Facet:
        """The facet of common entries; facets come again and again."""
        key: tuple[str | int, ...] = (type, *[one.number for one in fragments])
        found = self._facets.get(key)
        if found is None:
            found = facet_of(type, [one.common for one in fragments])
            size = ENTRY_SIZE * (2 + len(found.texts)) + TERM_SIZE * len(found.terms)
            self._facets.keep(key, found, size)
        return found

    def _made(self, type: str, parameters: Iterable[Indexed], resource: Resource) -> Fragment:
        return self._numbered(fragment(type, self.of(type), entries_of(resource, parameters)))

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

    def _fragment(self, type: str, part: Part, resource: Resource) -> Fragment:
        if not part.elements:
            return self._made(type, part.parameters, resource)
        content = _encode([resource[name] for name in part.elements])
        key = (type, part.name, content)
        found = self._fragments.get(key)
        if found is None:
            found = self._made(type, part.parameters, resource)
            if len(content) <= MAX_CONTENT:
                self._fragments.keep(key, found, _size(content, found))
        return found

    def _common(self, type: str, plan: Plan, resource: Resource, content: bytes | None) -> Fragment:
        if content is None:
            return self._made(type, plan.common, resource)
        key = (plan.name, content)
        found = self._commons.get(key)
        if found is None:
            found = self._made(type, plan.common, resource)
            if len(content) <= MAX_CONTENT:
                self._commons.keep(key, found, _size(content, found))
        return found


def _size(content: bytes, made: Fragment) -> int:
    rows = made.rows
    kinds: tuple[Sized, ...] = (
        rows.terms, rows.references, rows.dates, rows.numbers, rows.strings, rows.words, made.common,
    )  # fmt: skip
    return FRAGMENT_SIZE + 2 * len(content) + ENTRY_SIZE * sum(map(len, kinds))
