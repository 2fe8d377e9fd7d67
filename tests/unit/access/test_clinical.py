"""From when to when a resource's content is: the element that counts, of each type, and what is no date."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.access.placing.clinical import ALWAYS, clinical_interval
from gateway.core.instants import FOREVER_AFTER, FOREVER_BEFORE, Interval, parse_interval

ZONE = ZoneInfo("Europe/Madrid")

ELEMENTS = {
    "AdverseEvent": "date",
    "AllergyIntolerance": "onsetDateTime onsetPeriod recordedDate",
    "Appointment": "start",
    "CarePlan": "period",
    "ClinicalImpression": "effectiveDateTime effectivePeriod",
    "Communication": "sent received",
    "Condition": "onsetDateTime onsetPeriod recordedDate",
    "DetectedIssue": "identifiedDateTime identifiedPeriod",
    "DeviceUseStatement": "timingDateTime timingPeriod",
    "DiagnosticReport": "effectiveDateTime effectivePeriod",
    "DocumentReference": "date",
    "Encounter": "period",
    "FamilyMemberHistory": "date",
    "Flag": "period",
    "ImagingStudy": "started",
    "Immunization": "occurrenceDateTime",
    "MedicationAdministration": "effectiveDateTime effectivePeriod",
    "MedicationDispense": "whenHandedOver whenPrepared",
    "MedicationRequest": "authoredOn",
    "MedicationStatement": "effectiveDateTime effectivePeriod",
    "Observation": "effectiveDateTime effectivePeriod effectiveInstant",
    "Procedure": "performedDateTime performedPeriod",
    "QuestionnaireResponse": "authored",
    "RiskAssessment": "occurrenceDateTime occurrencePeriod",
    "ServiceRequest": "occurrenceDateTime occurrencePeriod authoredOn",
    "Specimen": "collection.collectedDateTime collection.collectedPeriod receivedTime",
    "Task": "authoredOn",
}
"""By type, the elements of R4 that tell when its content was, the first that is there counts."""


def of(text: str) -> Interval:
    found = parse_interval(text, ZONE)
    assert found
    return found


def value(path: str, day: int) -> Any:
    """A day of March as the element has it."""
    text = f"2026-03-{day:02}"
    return {"start": text, "end": text} if path.lower().endswith("period") else text


def resource(kind: str, elements: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"resourceType": kind, "id": "x"}
    for path, held in elements.items():
        outer, _, inner = path.rpartition(".")
        target = found.setdefault(outer, {}) if outer else found
        target[inner] = held
    return found


@pytest.mark.parametrize(("kind", "paths"), ELEMENTS.items())
def test_the_first_element_that_is_there_counts(kind: str, paths: str) -> None:
    named = paths.split()
    for number in range(len(named)):
        elements = {path: value(path, day) for day, path in enumerate(named[number:], number + 1)}
        assert clinical_interval(resource(kind, elements), ZONE) == of(f"2026-03-{number + 1:02}")
    assert clinical_interval(resource(kind, {}), ZONE) == ALWAYS


MARCH = of("2026-03-01")


@pytest.mark.parametrize(
    ("held", "interval"),
    [
        ({"effectiveDateTime": "2026-03-01T10:00:00+02:00"}, of("2026-03-01T08:00:00Z")),
        ({"effectiveDateTime": "soon"}, ALWAYS),
        ({"effectiveDateTime": 7}, ALWAYS),
        ({"effectiveDateTime": ["2026-03-01"]}, ALWAYS),
        ({"effectiveDateTime": "soon", "effectiveInstant": "2026-03-01"}, ALWAYS),
        ({"effectivePeriod": {"start": "2026-03-01"}}, Interval(MARCH.low, FOREVER_AFTER)),
        ({"effectivePeriod": {"end": "2026-03-01"}}, Interval(FOREVER_BEFORE, MARCH.high)),
        ({"effectivePeriod": {"start": 1, "end": "2026-03-01"}}, Interval(FOREVER_BEFORE, MARCH.high)),
        ({"effectivePeriod": {"start": "2026-03-02", "end": "2026-03-01"}}, ALWAYS),
        ({"effectivePeriod": {"start": "2026-03-02T00:00:00+01:00", "end": "2026-03-01"}}, ALWAYS),
        ({"effectivePeriod": {}}, ALWAYS),
        ({"effectiveTiming": {"event": ["2026-03-01"]}}, ALWAYS),
        ({"resourceType": "Specimen", "collection": "2026-03-01"}, ALWAYS),
        ({"resourceType": "Basic", "created": "2026-03-01"}, ALWAYS),
    ],
    ids=str,
)
def test_what_is_no_date_is_of_all_time(held: dict[str, Any], interval: Interval) -> None:
    assert clinical_interval({"resourceType": "Observation", "id": "x", **held}, ZONE) == interval


def test_all_of_time_has_two_ends() -> None:
    assert Interval(FOREVER_BEFORE, FOREVER_AFTER) == ALWAYS
