"""Resources that the tests of access write."""

from typing import Any

from gateway.study import Participant

CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"


def observation(person: Participant, id: str = "o1", category: str = "vital-signs", **changes: Any) -> dict[str, Any]:
    """An Observation of a participant."""
    return {
        "resourceType": "Observation",
        "id": id,
        "status": "final",
        "category": [{"coding": [{"system": CATEGORY, "code": category}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
        "subject": {"reference": f"Patient/{person.patient}"},
        "effectiveDateTime": "2026-03-01T10:00:00Z",
    } | changes


def provenance(*targets: str, id: str = "p1") -> dict[str, Any]:
    """A Provenance of `targets`."""
    return {
        "resourceType": "Provenance",
        "id": id,
        "target": [{"reference": target} for target in targets],
        "recorded": "2026-06-01T12:00:00Z",
        "agent": [{"who": {"display": "the gateway"}}],
    }
