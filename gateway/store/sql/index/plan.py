"""How the resources of a type are looked at, by the top-level elements that they have.

What many resources say alike, such as codes, is told apart from what is each one's own, so that it is looked at once.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from gateway.core import Resource
from gateway.search import Parameters
from gateway.search.parameters import Indexed
from gateway.search.paths import Walk, walked
from gateway.store.sql.index.indexed import TypeIndex
from gateway.store.sql.index.own import OwnRows
from gateway.store.sql.index.references import ReferenceRows

_COMMON: Final = frozenset({"token", "uri"})
"""The kinds of parameters whose values many resources have in common, if they are not `TypeIndex.own`."""

_encode = msgspec.json.Encoder(decimal_format="number").encode


@dataclass(frozen=True, slots=True)
class Part:
    """Parameters that look at the same elements and at no others; without elements they may look anywhere.

    The same elements with other parameters are another part: `name` tells them apart.
    """

    elements: tuple[str, ...]
    parameters: tuple[Indexed, ...]
    name: str


@dataclass(frozen=True, slots=True)
class Below:
    """An element of which what stands at the ends of `walks` is looked at; all of it, where it has no other members
    than `members`."""

    name: str
    walks: tuple[Walk, ...]
    members: frozenset[str]

    def of(self, resource: Resource) -> Any:
        """What tells the values; None where extensions may."""
        value = resource.get(self.name)
        if value.__class__ is dict and self.members.issuperset(value):
            return value
        found = [walked(resource, (walk,)) for walk in self.walks]
        return None if None in found else found


@dataclass(frozen=True, slots=True)
class Plan:
    """How resources with the same top-level elements are looked at.

    `common` are the parameters whose values resources have in common: the members `elements` and what is `below`
    others tell all of them, and `name` stands for them. `references` lead along the same ways, group by group;
    `steady` stands for both. `time` is the date by which the resource stands in time, if that is all that is asked
    of its element, and `timed` the same for what is no text; `own` are the parameters whose values hardly come again,
    `others` the parts beside.
    """

    name: str
    steady: str
    common: tuple[Indexed, ...]
    elements: tuple[str, ...]
    below: tuple[Below, ...]
    references: tuple[ReferenceRows, ...]
    time: Part | None
    timed: tuple[OwnRows, ...]
    own: tuple[OwnRows, ...]
    others: tuple[Part, ...]

    def content(self, resource: Resource) -> bytes | None:
        """What tells the values of the common parameters, as a text; None where extensions may."""
        told = [resource[name] for name in self.elements]
        told += [one.of(resource) for one in self.below]
        return None if None in told else _encode(told)


@dataclass(slots=True)
class _Sorted:
    """Parameters by how they are looked at."""

    common: list[Indexed] = field(default_factory=list)
    references: dict[tuple[Walk, ...], list[Indexed]] = field(default_factory=dict)
    own: list[Indexed] = field(default_factory=list)
    others: list[Part] = field(default_factory=list)

    def add(self, how: TypeIndex, part: Part) -> None:
        left = []
        for one in part.parameters:
            is_own = one.code in how.own and one.code != "_source"
            if one.kind == "reference" and one.walks and part.elements:
                self.references.setdefault(one.walks, []).append(one)
            elif part.elements and one.kind in _COMMON and not is_own:
                self.common.append(one)
            elif part.elements and one.walks and (is_own or one.kind == "date"):
                self.own.append(one)
            else:
                left.append(one)
        if left:
            self.others.append(_part(part.elements, left))


def plan_of(type: str, how: TypeIndex, parameters: Parameters, resource: Resource) -> Plan:
    """The plan for resources with the elements of this one.

    What stands beside an element as `_element` may be looked at too: then nothing is taken for common.
    """
    told = tuple(
        one
        for one in parameters.told_by(resource)
        if not how.without_rows(one.code) and (one.code != "_text" or "text" in resource)
    )
    is_plain = not any(name.startswith("_") for name in resource)
    parts = _parts(told, resource) if is_plain else [_part((), told)]
    time = next((part for part in parts if _is_time(type, how, part)), None)
    found = _Sorted()
    for part in parts:
        if part is not time:
            found.add(how, part)
    elements, below = _told_by(found.common, resource)
    name = " ".join((type, *(one.code for one in found.common), *elements))
    steady = " ".join((name, "|", *(one.code for group in found.references.values() for one in group)))
    references = tuple(ReferenceRows(type, how, several) for several in found.references.values())
    timed = [OwnRows(type, how, one) for one in (time.parameters if time else ())]
    own = [OwnRows(type, how, one) for one in found.own]
    common, others = tuple(found.common), tuple(found.others)
    return Plan(name, steady, common, elements, below, references, time, tuple(timed), tuple(own), others)


def _told_by(common: Iterable[Indexed], resource: Resource) -> tuple[tuple[str, ...], tuple[Below, ...]]:
    """The elements, and what below others, that tell the values of parameters."""
    elements: set[str] = set()
    ways: dict[str, list[Walk]] = {}
    for one in common:
        if one.walks and all(len(walk) > 1 for walk in one.walks):
            for walk in one.walks:
                ways.setdefault(walk[0][0], []).append(walk)
        else:
            elements.update(_elements(one, resource))
    return tuple(sorted(elements)), tuple(_below(name, walks) for name, walks in sorted(ways.items()))


def _below(name: str, walks: Sequence[Walk]) -> Below:
    members = {walk[1][0] for walk in walks} if all(len(walk) == 2 for walk in walks) else ()
    return Below(name, tuple(dict.fromkeys(walks)), frozenset(members))


def _parts(told: Iterable[Indexed], resource: Resource) -> list[Part]:
    together: dict[tuple[str, ...], list[Indexed]] = {}
    for one in told:
        kept = one.roots and one.kind not in ("composite", "text")
        together.setdefault(_elements(one, resource) if kept else (), []).append(one)
    return [_part(elements, several) for elements, several in together.items()]


def _part(elements: tuple[str, ...], parameters: Sequence[Indexed]) -> Part:
    return Part(elements, tuple(parameters), " ".join((*elements, *(one.code for one in parameters))))


def _elements(parameter: Indexed, resource: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(sorted((parameter.roots or frozenset()) & resource.keys()))


def _is_time(type: str, how: TypeIndex, part: Part) -> bool:
    """Whether the part is the date in `TypeIndex.in_time` and nothing else, read from one element by its name."""
    if len(part.parameters) > 1 or len(part.elements) != 1:
        return False
    (one,) = part.parameters
    text = one.expression.text if one.expression else ""
    kind, dot, name = text.partition(".")
    named = kind == type and name.isidentifier() and part.elements[0].startswith(name)
    return one.code == how.in_time and one.kind == "date" and bool(dot) and named
