"""What kind of content a resource holds, for provisions of Consents by class, code and security label."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from gateway.core.kinds import CONFIDENTIALITY, HIGHEST, LEVELS, NORMAL, UNKNOWN, Kind, Part
from gateway.core.types import Resource

MAX_MENTIONS: Final = 64
"""With more codes than this any code may be among them."""

PLAIN: Final = frozenset({str, int, bool, Decimal, float, type(None)})
"""Classes of what holds nothing."""

_PRINCIPAL: Final[Mapping[str, str]] = MappingProxyType(
    {
        "DocumentReference": "type",
        "Encounter": "type",
        "Immunization": "vaccineCode",
        "MedicationAdministration": "medicationCodeableConcept",
        "MedicationDispense": "medicationCodeableConcept",
        "MedicationRequest": "medicationCodeableConcept",
        "MedicationStatement": "medicationCodeableConcept",
        "Specimen": "type",
    }
)
"""The element that says what a resource is, where it is not `code`."""


def kind_of(resource: Resource) -> Kind:
    """The kind of a resource that tells of itself: its codes anywhere but in `meta`, and its security labels."""
    kind = resource["resourceType"]
    principal = principal_of(kind)
    said = resource.get(principal)
    mentions = codes_in([value for name, value in resource.items() if name not in (principal, "meta")])
    return kind_said(resource, codes_in([said]), mentions)


def principal_of(kind: str) -> str:
    """The element that says what a resource of a type is."""
    return _PRINCIPAL.get(kind, "code")


def kind_said(resource: Resource, codes: Set[str], elsewhere: Set[str]) -> Kind:
    """The kind of a resource, given the codes in its principal element and those in other elements but `meta`."""
    kind = resource["resourceType"]
    is_said = isinstance(resource.get(principal_of(kind)), dict)
    labelled = "meta" in resource or "contained" in resource
    labels = frozenset(_labels(resource)) if labelled else _UNLABELLED
    make = _kind if len(codes) + len(elsewhere) <= 2 * MAX_MENTIONS else _kind.__wrapped__
    return make(kind, frozenset(codes), frozenset(elsewhere), is_said, labels)


_UNLABELLED: Final[frozenset[str]] = frozenset()


def followed(kinds: Iterable[Kind], resource: Resource) -> Kind:
    """The kind of a resource about others: theirs, each with its own labels too; unknown when one of them is."""
    found = tuple({id(kind): kind for kind in kinds}.values())  # thousands of one source are of few kinds
    if not all(kind.parts for kind in found):
        return UNKNOWN
    labels = tuple(sorted(frozenset(_labels(resource))))
    parts = {
        _labelled(part, labels) if labels or part.level < NORMAL else part for kind in found for part in kind.parts
    }
    return Kind(tuple(sorted(_mentioned_together(parts), key=_order)))


def _mentioned_together(parts: Set[Part]) -> set[Part]:
    """The parts, where those of the same type and labels mention what one of them does.

    No rule tells this apart: where one of several parts is possibly meant, the whole is possibly meant. So what is
    about many resources is of few kinds, whichever of these have a flag.
    """
    alike: dict[tuple[object, ...], list[Part]] = {}
    for part in parts:
        alike.setdefault((part.type, part.labels, part.level), []).append(part)
    found: set[Part] = set()
    for group in alike.values():
        mentions = {code for part in group for code in part.mentions}
        if len(mentions) > MAX_MENTIONS:
            found.update(group)
            continue
        uncoded = any(part.uncoded for part in group)
        found |= {
            Part(
                part.type,
                part.codes,
                tuple(sorted(mentions.difference(part.codes))),
                uncoded,
                part.labels,
                part.level,
            )
            for part in group
        }
    return found


def _labelled(part: Part, labels: tuple[str, ...]) -> Part:
    level = max(part.level, _level(labels))
    return Part(part.type, part.codes, part.mentions, part.uncoded, tuple(sorted({*part.labels, *labels})), level)


def _order(part: Part) -> tuple[object, ...]:
    return part.type, part.codes, part.mentions, part.uncoded, part.labels, part.level


@lru_cache(maxsize=1 << 12)
def _kind(kind: str, codes: frozenset[str], elsewhere: frozenset[str], is_said: bool, labels: frozenset[str]) -> Kind:
    """The kind of a resource; `is_said` tells that it has a principal element, with or without codes."""
    mentions = elsewhere - codes
    too_many = len(mentions) > MAX_MENTIONS
    uncoded = too_many or (is_said and not codes) or any(code[0] == "|" for code in codes | mentions)
    listed = () if too_many else tuple(sorted(mentions))
    named = tuple(sorted(labels))
    return Kind((Part(kind, tuple(sorted(codes)), listed, uncoded, named, _level(named)),), direct=True)


def codes_in(values: Iterable[Any]) -> set[str]:
    """Every code of a Coding in some trees, as `system|code`."""
    pending = [value for value in values if value.__class__ not in PLAIN]
    found: set[str] = set()
    for node in pending:  # what is appended while it runs is come to later
        if isinstance(node, dict):
            code = node.get("code")
            if isinstance(code, str) and "value" not in node:  # a Quantity has a value, and its code is a unit
                found.add(f"{node.get('system', '')}|{code}")
            pending += [child for child in node.values() if child.__class__ not in PLAIN]
        elif isinstance(node, list):
            pending += [child for child in node if child.__class__ not in PLAIN]
    return found


def _labels(resource: Resource) -> Iterator[str]:
    """The security labels of a resource and of those it contains."""
    for held in (resource, *_listed(resource.get("contained"))):
        meta = held.get("meta") if isinstance(held, dict) else None
        for coding in _listed(meta.get("security")) if isinstance(meta, dict) else ():
            if isinstance(coding, dict):
                yield f"{coding.get('system', '')}|{coding.get('code', '')}"


def _listed(value: Any) -> Sequence[Any]:
    """The items of a list; none of anything else, which validation tells of."""
    return value if isinstance(value, list) else ()


def _level(labels: tuple[str, ...]) -> int:
    """The highest confidentiality; normal for what has no label of it."""
    start = CONFIDENTIALITY + "|"
    marks = [LEVELS.get(label.removeprefix(start), HIGHEST) for label in labels if label.startswith(start)]
    return max(marks, default=NORMAL)
