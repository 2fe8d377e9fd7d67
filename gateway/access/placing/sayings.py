"""What a resource says of whose data and what content it is, found by one walk over it.

What one source sends again and again, the same participant, device and codes with another time and value, is walked
over once.
"""

from collections.abc import Iterable
from typing import Any, Final, TypeAlias

import msgspec

from gateway.access.placing.contents import PLAIN, kind_said, principal_of
from gateway.access.placing.outline import Outline
from gateway.access.placing.subjects import WHOSE, participants_said, patients_among
from gateway.core.kinds import Kind
from gateway.core.types import Resource

Said: TypeAlias = tuple[tuple[str, ...] | None, Kind]
"""What `participants` and `kind_of` say of a resource."""

MOST_PARTS: Final = 6
"""A resource with more elements that hold others hardly says the same as another."""

LONGEST: Final = 1_000
MOST_KNOWN: Final = 1_024
"""How long contents are that are remembered, in bytes, and how many."""

_encode = msgspec.json.Encoder(decimal_format="number").encode


class Sayings:
    """Like `whose_and_what`, with the answers for the last contents kept; safe between threads."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, bytes], Said] = {}

    def __len__(self) -> int:
        return len(self._known)

    def of(self, resource: Resource, outline: Outline | None = None) -> Said:
        """What `whose_and_what` says of a resource; `outline` is that of its tree, if there is one."""
        if outline is not None and outline.is_of(resource):
            return outlined(resource, outline)
        kind = resource["resourceType"]
        principal = principal_of(kind)
        if kind == "Patient" or "reference" in resource:
            return whose_and_what(resource)
        telling: dict[str, Any] = {}
        for name, value in resource.items():
            if value.__class__ not in PLAIN and not _says_nothing(name, value, principal):
                if len(telling) == MOST_PARTS:
                    return whose_and_what(resource)
                telling[name] = value
        key = (kind, _encode(telling))
        found = self._known.get(key)
        if found is None:
            found = whose_and_what(resource)
            if len(key[1]) <= LONGEST:
                if len(self._known) >= MOST_KNOWN:
                    self._known.clear()
                self._known[key] = found
        return found


def _says_nothing(name: str, value: Any, principal: str) -> bool:
    """Whether an element that is no plain text holds neither codes nor references, whatever its values: a Quantity,
    a Period."""
    if value.__class__ is not dict or name == principal or name in WHOSE:
        return False
    if "reference" in value or ("code" in value and "value" not in value):
        return False
    for member in value.values():  # noqa: SIM110 - a generator costs twice as much
        if member.__class__ not in PLAIN:
            return False
    return True


def whose_and_what(resource: Resource) -> Said:
    """What `participants` and `kind_of` say of a resource."""
    principal = principal_of(resource["resourceType"])
    references = [resource.get("reference")]
    codes: set[str] = set()
    elsewhere: set[str] = set()
    beside = []
    for name, value in resource.items():
        if value.__class__ in PLAIN:
            continue
        if name == principal:
            _gather(value, codes, references)
        elif name == "meta":
            _gather(value, set(), references)
        else:
            beside.append(value)
    _gather(beside, elsewhere, references)
    patients = patients_among(text for text in references if isinstance(text, str))
    return participants_said(resource, patients), kind_said(resource, codes, elsewhere)


def outlined(resource: Resource, outline: Outline) -> Said:
    """The same, given the outline of the resource."""
    texts = [resource.get("reference"), *outline.references()]
    patients = patients_among([text for text in texts if isinstance(text, str)])
    return participants_said(resource, patients), kind_said(resource, *outline.codes())


def _gather(value: Any, codes: set[str], references: list[Any]) -> None:
    """Adds the codes of a tree, as `system|code`, and what is said to be a reference."""
    pending = [value]
    for node in pending:  # what is appended while it runs is come to later
        children: Iterable[Any] = ()
        if isinstance(node, dict):
            if "code" in node and node["code"].__class__ is str and "value" not in node:
                # a Quantity has a value, and its code is a unit
                codes.add(f"{node.get('system', '')}|{node['code']}")
            if "reference" in node:
                references.append(node["reference"])
            children = node.values()
        elif isinstance(node, list):
            children = node
        for child in children:  # most are texts; a comprehension costs twice as much
            if child.__class__ is not str and child.__class__ not in PLAIN:
                pending.append(child)  # noqa: PERF401
