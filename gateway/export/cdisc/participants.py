"""The participants that a reader may take along: what every dataset says of them."""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.access import Door
from gateway.core.codec import loads_stored
from gateway.study import Study

_PATIENT = "Patient/"


@dataclass(frozen=True, slots=True)
class Participant:
    """An enrolment: `patient` is the Patient's id, `subject` the USUBJID, `start` and `end` FHIR dates.

    `zone` is the IANA zone of the participant's clock, by which instants told in UTC are written.
    """

    patient: str
    subject: str
    id: str
    site: str
    country: str
    arm: str
    start: str
    end: str
    status: str
    zone: str


def participants_of(door: Door, study: Study) -> tuple[Participant, ...]:
    """The participants whose enrolment the reader may take along, in the order of their USUBJID.

    A USUBJID is study, site and subject number, joined by hyphens; the site is not said again where the subject's
    number begins with it.
    """
    found = {}
    for stored in door.stream("ResearchSubject"):
        one = _participant(loads_stored(stored.body), study)
        if one is not None:
            found[one.patient] = one
    return tuple(sorted(found.values(), key=lambda one: one.subject))


def _participant(resource: Mapping[str, object], study: Study) -> Participant | None:
    individual = _at(resource, "individual", "reference")
    if not individual.startswith(_PATIENT):
        return None
    patient = individual.removeprefix(_PATIENT)
    known = study.by_patient.get(patient)
    identifiers = resource.get("identifier")
    numbers = (
        [_at(one, "value") for one in identifiers if isinstance(one, dict)] if isinstance(identifiers, list) else []
    )
    number = numbers[0] if numbers else known.id if known else patient
    site = study.sites.get(known.site) if known else None
    code = site.id if site else ""
    parts = [study.id.upper(), *([code] if code and not number.startswith(f"{code}-") else []), number]
    return Participant(
        patient,
        "-".join(parts),
        number,
        code,
        site.country if site else "",
        _at(resource, "assignedArm"),
        _at(resource, "period", "start"),
        _at(resource, "period", "end"),
        _at(resource, "status"),
        known.zone if known else "",
    )


def _at(tree: object, *names: str) -> str:
    """The text below some names, "" when there is none."""
    for name in names:
        tree = tree.get(name) if isinstance(tree, dict) else None
    return tree if isinstance(tree, str) else ""
