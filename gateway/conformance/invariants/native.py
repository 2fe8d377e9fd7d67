"""Invariants that nearly every element or observation has, as plain Python of the same meaning as their FHIRPath.

A function answers None where it cannot tell and the expression itself must be asked.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

_encode = msgspec.json.Encoder(decimal_format="number").encode

Native = Callable[[Any], bool | None]
"""Whether the value satisfies an invariant; None when plain Python cannot tell and FHIRPath must be asked."""


def _has_content(value: Any) -> bool | None:
    if isinstance(value, dict):
        for name, inner in value.items():  # noqa: SIM110 - asked of every element; a generator costs twice as much
            if name != "id" and inner is not None and inner != []:
                return True
        return False
    return True


def _extension_or_value(value: Any) -> bool | None:
    if not isinstance(value, dict):
        return None
    return bool(value.get("extension")) != any(name.startswith(("value", "_value")) for name in value)


def _nothing_contained(value: Any) -> bool | None:
    """What is contained contains nothing and has no meta: then nothing can be wrong with either."""
    if not isinstance(value, dict) or "_contained" in value:
        return None
    contained = value.get("contained")
    if contained is None:
        return True
    if not isinstance(contained, list):
        return None
    plain = all(isinstance(part, dict) and _MORE.isdisjoint(part) for part in contained)
    return True if plain else None


def _contained_is_used(value: Any) -> bool | None:
    """Every contained resource is referred to from the resource, or refers to it.

    The published expression asks `as()` of many items, which FHIRPath does not allow.
    """
    contained = value.get("contained") if isinstance(value, dict) else None
    if not isinstance(contained, list):
        return True
    parts = [part for part in contained if isinstance(part, dict)]
    try:
        whole = _encode(value)
        return all(_names(whole, f"#{part.get('id')}") or _names(_encode(part), "#") for part in parts)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return False  # what is no JSON has findings anyhow


def _names(text: bytes, reference: str) -> bool:
    """Whether the text of a tree has exactly this string: a quote inside a string is escaped there."""
    return _encode(reference) in text


def _blank_narrative(value: Any) -> bool | None:
    """A narrative without any content is let pass, as examples of the specification have it; others are asked."""
    return True if isinstance(value, str) and _BLANK.match(value) else None


def _no_local_reference(value: Any) -> bool | None:
    if isinstance(value, dict) and isinstance(value.get("reference"), str):
        return None if value["reference"].startswith("#") else True
    return True


def _unit_has_system(value: Any) -> bool | None:
    return True if isinstance(value, dict) and ("code" not in value or value.get("system")) else None


def _in_order(value: Any) -> bool | None:
    """Two instants as most Periods have them, to the second and of one zone, are in order as their texts are."""
    start, end = (value.get("start"), value.get("end")) if isinstance(value, dict) else (None, None)
    if not isinstance(start, str) or not isinstance(end, str) or start[19:] != end[19:]:
        return None
    return True if start <= end and _SECOND.match(start) and _SECOND.match(end) else None


def _without(name: str) -> Native:
    """True for an object without an element; its `_name` twin counts as the element."""
    twin = f"_{name}"
    return lambda value: True if isinstance(value, dict) and name not in value and twin not in value else None


def _day_is_known(value: Any) -> bool | None:
    return True if isinstance(value, str) and len(value) >= 8 else None


def _has_quantity(value: Any) -> bool | None:
    return True if isinstance(value, dict) and isinstance(value.get("valueQuantity"), dict) else None


_MORE = frozenset({"contained", "_contained", "meta", "_meta"})
_BLANK = re.compile(r"<div xmlns=[\"']http://www.w3.org/1999/xhtml[\"']\s*>(?:\s|</?pre>)*</div>\s*\Z")

_SECOND = re.compile(
    r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])T(?:[01][0-9]|2[0-3])(?::[0-5][0-9]){2}"
    r"(?:Z|[+-](?:0[0-9]|1[0-3]):[0-5][0-9])\Z"
)

NATIVE: Mapping[str, Native] = {
    "hasValue() or (children().count() > id.count())": _has_content,
    "hasValue() or (children().count() > id.count()) or $this is Parameters": _has_content,
    "extension.exists() != value.exists()": _extension_or_value,
    "contained.contained.empty()": _nothing_contained,
    "contained.where((('#'+id in (%resource.descendants().reference | %resource.descendants().as(canonical) | "
    "%resource.descendants().as(uri) | %resource.descendants().as(url))) or descendants().where(reference = '#')"
    ".exists() or descendants().where(as(canonical) = '#').exists() or descendants().where(as(canonical) = '#')"
    ".exists()).not()).trace('unmatched', id).empty()": _contained_is_used,
    "htmlChecks()": _blank_narrative,
    "contained.meta.versionId.empty() and contained.meta.lastUpdated.empty()": _nothing_contained,
    "contained.meta.security.empty()": _nothing_contained,
    "code.empty() or system.exists()": _unit_has_system,
    "start.hasValue().not() or end.hasValue().not() or (start <= end)": _in_order,
    "dataAbsentReason.empty() or value.empty()": _without("dataAbsentReason"),
    "value.empty() or component.code.where(coding.intersect(%resource.code.coding).exists()).empty()": _without(
        "component"
    ),
    "($this as dateTime).toString().length() >= 8": _day_is_known,
    "(component.empty() and hasMember.empty()) implies (dataAbsentReason.exists() or value.exists())": _has_quantity,
    "reference.startsWith('#').not() or (reference.substring(1).trace('url') in "
    "%rootResource.contained.id.trace('ids'))": _no_local_reference,
}
"""Expression -> the same in Python, for the invariants that nearly every element has."""

COMPLETE = frozenset({_contained_is_used, _has_content})
"""Those that always know: their FHIRPath is not compiled at all."""

ABSENT: Mapping[str, str] = {
    **{text: "contained" for text, told in NATIVE.items() if told in (_nothing_contained, _contained_is_used)},
    "dataAbsentReason.empty() or value.empty()": "dataAbsentReason",
    "value.empty() or component.code.where(coding.intersect(%resource.code.coding).exists()).empty()": "component",
}
"""Expression -> the element without which it holds."""
