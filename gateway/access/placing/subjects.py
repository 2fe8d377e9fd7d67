"""Whose data a resource is: every participant that it refers to, wherever in it.

That is at least the patient compartment; a resource about two participants needs the Consent of both.
"""

import re
from collections.abc import Iterable, Iterator, Set
from functools import lru_cache
from typing import Any, Final

import msgspec

from gateway.core.types import Resource

STUDY_LEVEL: Final = frozenset(
    {
        "ActivityDefinition",
        "CodeSystem",
        "ConceptMap",
        "DeviceDefinition",
        "Endpoint",
        "EventDefinition",
        "HealthcareService",
        "Library",
        "Location",
        "Measure",
        "Medication",
        "NamingSystem",
        "OperationDefinition",
        "Organization",
        "PlanDefinition",
        "Practitioner",
        "PractitionerRole",
        "Questionnaire",
        "ResearchStudy",
        "SearchParameter",
        "StructureDefinition",
        "Substance",
        "ValueSet",
    }
)
"""Types that hold no participant's data, as long as they refer to no participant."""

FOLLOWED: Final = {"Provenance": "target", "List": "entry"}
"""Types that are about other resources, and the element that refers to them; they stand where those stand."""

_RELATIVE = re.compile(r"([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/[A-Za-z0-9\-.]{1,64})?\Z")
_encode = msgspec.json.Encoder(decimal_format="number").encode
WHOSE: Final = ("subject", "patient", "individual")
"""Elements that say whose a resource is."""


def participants(resource: Resource) -> tuple[str, ...] | None:
    """Patient ids in a stable order; None when it cannot be told whose data it is.

    That is so when `subject`, `patient` or `individual` is there without a relative literal reference, or a
    participant is named by an address.
    """
    return participants_said(resource, patients_among(_texts(resource)))


def participants_said(resource: Resource, patients: Set[str] | None) -> tuple[str, ...] | None:
    """The same, given the Patients among the references of the resource."""
    for name in WHOSE:
        value = resource.get(name)
        if isinstance(value, dict) and relative(value.get("reference")) is None:
            return None
    if patients is None:
        return None
    own = {resource["id"]} if resource["resourceType"] == "Patient" else set()
    return tuple(sorted(patients | own))


def patients_among(texts: Iterable[str]) -> frozenset[str] | None:
    """The ids of Patients among references; None when one of them names a participant by an address."""
    found = {_patient(text) for text in set(texts)}
    return None if _ELSEWHERE in found else frozenset(found - _NOBODY)


def relative(text: Any) -> tuple[str, str] | None:
    """Type and id of a relative literal reference, its version aside; None for any other."""
    return _relative(text) if isinstance(text, str) else None


_NOBODY: Final = frozenset({""})
_ELSEWHERE: Final = "/"
"""What stands for a participant that is named by an address; no id has a slash."""


@lru_cache(maxsize=1 << 12)
def _patient(text: str) -> str:
    """The id of the Patient that a reference names; "" for what names none, `_ELSEWHERE` where an address does."""
    target = _relative(text)
    if target is None:
        return _ELSEWHERE if "Patient/" in text else ""
    return target[1] if target[0] == "Patient" else ""


@lru_cache(maxsize=1 << 12)
def _relative(text: str) -> tuple[str, str] | None:
    found = _RELATIVE.match(text)
    return (found[1], found[2]) if found else None


def _texts(resource: Resource) -> Iterable[str]:
    """The same as `references`, found in the resource's own text: a quote inside a string is escaped there, so that
    nothing but a key looks like one."""
    _, *pieces = _encode(resource).split(b'"reference":"')
    found = [piece[: piece.index(b'"')] for piece in pieces]
    return references(resource) if any(b"\\" in text for text in found) else [text.decode() for text in found]


def references(node: Any) -> Iterator[str]:
    """Every literal reference in a tree."""
    pending = [node]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            text = node.get("reference")
            if isinstance(text, str):
                yield text
            pending += [value for value in node.values() if isinstance(value, dict | list)]
        elif isinstance(node, list):
            pending += [value for value in node if isinstance(value, dict | list)]
