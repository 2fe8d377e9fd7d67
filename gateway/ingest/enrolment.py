"""Brings a study's first resources into the store: organisations, the study, participants and their Consents."""

from gateway.access import Door, Write
from gateway.core.errors import PreconditionFailed
from gateway.core.types import Resource
from gateway.definitions import Definitions
from gateway.study import Study


def enrol(door: Door, study: Study, definitions: Definitions | None = None) -> int:
    """Commits `study.enrolment()`: what belongs to nobody, then each participant as one unit; how many were new.

    `definitions` hold the study's questionnaires; without them none are brought in. The door's principal must have a
    role that enrols. Participants who are there already stay as they are, so that loading a study again never takes
    back a withdrawal.
    """
    canonical = definitions.canonical if definitions else lambda _url: None
    instruments = [dict(found) for url in study.questionnaires if (found := canonical(url))]
    shared = [*instruments, *(found for found in study.enrolment() if found["resourceType"] not in _PERSONAL)]
    written = sum(entry.outcome != "unchanged" for entry in door.commit(shared))
    own: dict[str, list[Resource]] = {}
    for resource in study.enrolment():
        if resource["resourceType"] in _PERSONAL:
            own.setdefault(_patient_of(resource), []).append(resource)
    return written + sum(_enrol_one(door, resources) for resources in own.values())


_PERSONAL = frozenset({"Patient", "Consent", "ResearchSubject"})


def _patient_of(resource: Resource) -> str:
    reference = resource.get("patient") or resource.get("individual")
    return reference["reference"] if reference else f"Patient/{resource['id']}"


def _enrol_one(door: Door, resources: list[Resource]) -> int:
    """One participant's resources, all of them or, when one is there already, none."""
    try:
        return len(door.commit([Write(resource, if_match=0) for resource in resources]))
    except PreconditionFailed:
        return 0
