"""Finds the participant behind a vendor's identifier."""

from dataclasses import asdict

from gateway.access import Door
from gateway.mapping import Subject
from gateway.study import Study


class Subjects:
    """Resolves identifiers for one payload; each is looked up once.

    Time zone and site come from the study file; a participant who was enrolled in another way has the study's zone
    and no site.
    """

    def __init__(self, study: Study, door: Door) -> None:
        self._study = study
        self._door = door
        self._found: dict[tuple[str, str], Subject | None] = {}

    def __call__(self, system: str, value: str) -> Subject | None:
        """The participant of this study with the identifier; None when there is none."""
        key = (system, value)
        if key not in self._found:
            self._found[key] = self._look_up(system, value)
        return self._found[key]

    @property
    def unknown(self) -> frozenset[tuple[str, str]]:
        """The identifiers (system, value) that were asked for and are nobody's."""
        return frozenset(key for key, found in self._found.items() if found is None)

    def _look_up(self, system: str, value: str) -> Subject | None:
        found = self._door.resolve(system, value)
        if found is None:
            return None
        person = self._study.by_patient.get(found.id)
        if person is None:
            return Subject(found.id, self._study.zone)
        site = asdict(self._study.sites[person.site])
        return Subject(found.id, person.zone, site, person.birth_date, person.research_subject)
