"""Codes of a policy in `provision.code`: what a study says that they mean, put in the place of the code.

A provision whose codes all have a meaning for its type is read as the criteria that they stand for, one alternative
each. Any other stays as it is, a code that nobody understands: a permit grants nothing, a deny matches everything.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, Final, TypeAlias

from gateway.consent.content import DOMAIN_SYSTEM, RESOURCE_TYPES
from gateway.consent.periods import read_period
from gateway.core.instants import FOREVER_BEFORE, Interval
from gateway.core.types import Resource
from gateway.study.parts import CodeMeaning, PolicyCode

ACTION_SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/consentaction"
PURPOSE_SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
ROLE_SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"

Codes: TypeAlias = Mapping[str, PolicyCode]
"""What codes mean, by `system|code`."""

_NOTHING: Final = {"action": [{"coding": [{"system": ACTION_SYSTEM, "code": "none"}]}], "policyCode": True}
"""Elements that nothing matches; the second, which no provision has, keeps a permit from counting as one."""

_PLAIN: Final = frozenset({"id", "type", "period", "code"})
"""What a permit may hold whose period tells which data others are about."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One provision as it is to be read: its elements, and the clinical interval where a code tells it."""

    tree: Resource
    data: Interval | None = None


def readings(tree: Resource, siblings: Sequence[Resource], codes: Codes, zone: tzinfo) -> list[Reading]:
    """The alternatives that a provision stands for; itself alone when it has no code that has a meaning, none for a
    deny of nothing that the gateway does.

    `siblings` are all provisions beside it, itself among them.
    """
    meanings = _meanings(tree, codes)
    if not meanings:
        return [Reading(tree)]
    bare = {name: value for name, value in tree.items() if name != "code"}
    if any(not _elements(meaning).keys().isdisjoint(bare) for meaning in meanings):
        return [Reading(tree)]
    return [one for meaning in meanings for one in _read(bare, meaning, siblings, codes, zone)]


def _meanings(tree: Resource, codes: Codes) -> list[CodeMeaning]:
    """What all codes of a provision mean for its type; none when one of them has no meaning."""
    entries = tree.get("code")
    found = [_meaning(entry, tree.get("type"), codes) for entry in entries] if isinstance(entries, list) else []
    known = [one for one in found if one is not None]
    return known if len(known) == len(found) else []


def _meaning(concept: Any, kind: Any, codes: Codes) -> CodeMeaning | None:
    codings = concept.get("coding") if isinstance(concept, dict) and "modifierExtension" not in concept else None
    if not isinstance(codings, list) or len(codings) != 1 or not isinstance(codings[0], dict):
        return None
    code = codes.get(f"{codings[0].get('system')}|{codings[0].get('code')}")
    return None if code is None else {"permit": code.permit, "deny": code.deny}.get(str(kind))


def _elements(meaning: CodeMeaning) -> Resource:
    """The elements that say what a code means, the clinical interval as an empty `dataPeriod`."""
    found: Resource = {}
    if meaning.actions is not None:
        found["action"] = [{"coding": [{"system": ACTION_SYSTEM, "code": code}]} for code in meaning.actions]
    if meaning.purposes:
        found["purpose"] = [{"system": PURPOSE_SYSTEM, "code": code} for code in meaning.purposes]
    if meaning.organisations is not None:
        role = {"coding": [{"system": ROLE_SYSTEM, "code": "IRCP"}]}
        references = [{"reference": f"Organization/{key}"} for key in meaning.organisations]
        found["actor"] = [{"role": role, "reference": reference} for reference in references]
    if meaning.domains:
        found["code"] = [{"coding": [{"system": DOMAIN_SYSTEM, "code": code}]} for code in meaning.domains]
    if meaning.types:
        found["class"] = [{"system": RESOURCE_TYPES, "code": code} for code in meaning.types]
    if meaning.data or meaning.data_of:
        found["dataPeriod"] = {}
    return found


def _read(
    bare: Resource, meaning: CodeMeaning, siblings: Sequence[Resource], codes: Codes, zone: tzinfo
) -> list[Reading]:
    elements = _elements(meaning)
    is_timed = elements.pop("dataPeriod", None) is not None
    if () in (meaning.actions, meaning.organisations):
        return _nothing(bare)
    if not is_timed:
        return [Reading(bare | elements)]
    permits = bare["type"] == "permit"
    if meaning.data:
        windows = [_window(bare, meaning, zone)]
    else:
        windows = list(_others(siblings, meaning, codes, zone)) if permits else []
    known = [window for window in windows if window is not None]
    if known:
        return [Reading(bare | elements, window) for window in known]
    return _nothing(bare) if permits else [Reading(bare | elements)]


def _nothing(bare: Resource) -> list[Reading]:
    """A deny of nothing is none; a permit of nothing tells still that its parent is the ground for permits below."""
    kept = {name: bare[name] for name in ("type", "extension") if name in bare}
    return [Reading(kept | _NOTHING)] if bare["type"] == "permit" else []


def _window(tree: Resource, meaning: CodeMeaning, zone: tzinfo) -> Interval | None:
    """The clinical interval that a provision's own period tells; None when it tells none."""
    period, _ = read_period(tree.get("period"), zone)
    if period is None or meaning.data == "in-period":
        return period
    return Interval(FOREVER_BEFORE, period.low) if period.low > FOREVER_BEFORE else None


def _others(
    siblings: Iterable[Resource], meaning: CodeMeaning, codes: Codes, zone: tzinfo
) -> Iterable[Interval | None]:
    """The clinical intervals of the permits beside it that have one of the codes which a meaning names."""
    for code in meaning.data_of:
        own = codes[code].permit if code in codes else None
        for tree in siblings:
            is_plain = tree.get("type") == "permit" and _PLAIN.issuperset(tree)
            if own is not None and own.data and is_plain and _meanings(tree, {code: PolicyCode(permit=own)}):
                yield _window(tree, own, zone)
