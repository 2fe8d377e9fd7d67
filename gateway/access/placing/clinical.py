"""From when to when a resource's content is, for the data windows of Consents.

One table: the elements of each type that tell it, the first that is present counts. A type that is not here, and a
value that is not a date, has the full line, which only an unlimited permit holds.
"""

from collections.abc import Mapping
from datetime import tzinfo
from types import MappingProxyType
from typing import Any, Final

from gateway.core.instants import FOREVER_AFTER, FOREVER_BEFORE, Interval, parse_interval
from gateway.core.types import Resource

ALWAYS: Final = Interval(FOREVER_BEFORE, FOREVER_AFTER)

_ELEMENTS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "AdverseEvent": ("date",),
        "AllergyIntolerance": ("onsetDateTime", "onsetPeriod", "recordedDate"),
        "Appointment": ("start",),
        "CarePlan": ("period",),
        "ClinicalImpression": ("effectiveDateTime", "effectivePeriod"),
        "Communication": ("sent", "received"),
        "Condition": ("onsetDateTime", "onsetPeriod", "recordedDate"),
        "DetectedIssue": ("identifiedDateTime", "identifiedPeriod"),
        "DeviceUseStatement": ("timingDateTime", "timingPeriod"),
        "DiagnosticReport": ("effectiveDateTime", "effectivePeriod"),
        "DocumentReference": ("date",),
        "Encounter": ("period",),
        "FamilyMemberHistory": ("date",),
        "Flag": ("period",),
        "ImagingStudy": ("started",),
        "Immunization": ("occurrenceDateTime",),
        "MedicationAdministration": ("effectiveDateTime", "effectivePeriod"),
        "MedicationDispense": ("whenHandedOver", "whenPrepared"),
        "MedicationRequest": ("authoredOn",),
        "MedicationStatement": ("effectiveDateTime", "effectivePeriod"),
        "Observation": ("effectiveDateTime", "effectivePeriod", "effectiveInstant"),
        "Procedure": ("performedDateTime", "performedPeriod"),
        "QuestionnaireResponse": ("authored",),
        "RiskAssessment": ("occurrenceDateTime", "occurrencePeriod"),
        "ServiceRequest": ("occurrenceDateTime", "occurrencePeriod", "authoredOn"),
        "Specimen": ("collection.collectedDateTime", "collection.collectedPeriod", "receivedTime"),
        "Task": ("authoredOn",),
    }
)


def clinical_interval(resource: Resource, zone: tzinfo) -> Interval:
    """The interval in microseconds; `zone` applies to dates without an offset."""
    for path in _ELEMENTS.get(resource["resourceType"], ()):
        value: Any = resource
        for name in path.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        if value is not None:
            return _interval(value, zone)
    return ALWAYS


def _interval(value: Any, zone: tzinfo) -> Interval:
    if isinstance(value, str):
        return parse_interval(value, zone) or ALWAYS
    if not isinstance(value, dict):
        return ALWAYS
    start, end = (_bound(value.get(name), zone) for name in ("start", "end"))
    low = start.low if start else FOREVER_BEFORE
    high = end.high if end else FOREVER_AFTER
    return Interval(low, high) if low < high else ALWAYS


def _bound(value: Any, zone: tzinfo) -> Interval | None:
    return parse_interval(value, zone) if isinstance(value, str) else None
