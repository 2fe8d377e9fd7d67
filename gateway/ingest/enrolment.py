"""Brings a study's first resources into the store: organisations, the study, participants and their Consents."""

from gateway.access import Door
from gateway.core.resources import Committed
from gateway.study import Study


def enrol(door: Door, study: Study) -> tuple[Committed, ...]:
    """Commits `study.enrolment()`: what belongs to nobody first, then each participant as one unit.

    The door's principal must have a role that enrols. Doing it twice changes nothing; a Consent that was changed
    since (a withdrawal) is set back to what the study file says.
    """
    units: list[list[dict[str, object]]] = [[]]
    for resource in study.enrolment():
        if resource["resourceType"] == "Patient":
            units.append([])
        units[-1].append(resource)
    return tuple(entry for unit in units for entry in door.commit(unit))
