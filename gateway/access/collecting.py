"""Whether participants' Consents permit to collect what a writer brings, by the same boxes that SQL joins."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeGuard

from gateway.access.placing.subjects import relative
from gateway.consent import ConsentPolicy, ConsentRequest, applicable, compile_grants, covers, needs_link
from gateway.core.codec import loads
from gateway.core.errors import Forbidden
from gateway.core.issues import issue
from gateway.core.principal import Principal
from gateway.core.resources import Change, Grant, Placement, Stored
from gateway.core.types import Resource
from gateway.search import Query
from gateway.search.query import ReferenceClause
from gateway.store.port import Page, ResourceStore

MAX_CONSENTS: Final = 1000
_KEPT_SUBJECTS: Final = 2048


class Collecting:
    """The boxes of participants, compiled again when one of their Consents has changed."""

    def __init__(self, store: ResourceStore, policies: Mapping[str, ConsentPolicy]) -> None:
        self._store = store
        self.policies = policies
        self._known: dict[tuple[str, str], tuple[int, tuple[Grant, ...]]] = {}

    def require(
        self, principal: Principal, now: int, placements: Iterable[Placement], beside: Sequence[Change] = ()
    ) -> None:
        """Raises `Forbidden` unless the Consents permit to collect at every placement: as they are stored now, and
        as those `beside`, which are written in the same transaction, change them."""
        asked = ConsentRequest(principal.organisation, "collect", principal.purpose, now)
        boxes: dict[str, list[Grant]] = {}
        together: dict[tuple[str, ...], list[Grant]] = {}  # what a unit writes is about few participants
        for placement in placements:
            subjects = placement.subjects
            if subjects not in together:
                for subject in subjects:
                    if subject not in boxes:
                        boxes[subject] = applicable(self._grants(principal.study, subject, beside), asked)
                together[subjects] = [grant for subject in subjects for grant in boxes[subject]]
            if not covers(together[subjects], placement):
                raise Forbidden(issue("consent.collection-not-permitted"))

    def consents(self, study: str, subject: str) -> list[Resource]:
        """The current Consents of a participant as they are stored; raises `Forbidden` for too many."""
        return [loads(row.body) for row in self._found(study, "Consent", "patient", subject)]

    def evidence(self, study: str, subjects: Iterable[str]) -> list[Resource]:
        """All that decides about the data of these participants: their Consents and ResearchSubjects."""
        kinds = (("Consent", "patient"), ("ResearchSubject", "individual"))
        return [
            loads(row.body)
            for subject in subjects
            for kind, parameter in kinds
            for row in self._found(study, kind, parameter, subject)
        ]

    def _grants(self, study: str, subject: str, beside: Sequence[Change]) -> tuple[Grant, ...]:
        if beside:
            return self._compiled(study, subject, beside)
        epoch = self._store.consent_epoch(study, subject)  # read first: what is read later is no older
        known = self._known.get((study, subject))
        if known is not None and known[0] == epoch:
            return known[1]
        grants = self._compiled(study, subject, ())
        while len(self._known) >= _KEPT_SUBJECTS:
            self._known.pop(next(iter(self._known)), None)
        self._known[study, subject] = (epoch, grants)
        return grants

    def evidence_after(self, study: str, subject: str, changes: Sequence[Change]) -> list[Resource]:
        """All that decides about the data of a participant, once `changes` are written."""
        written = {(change.key.type, change.key.id): change.resource for change in changes}
        stored = self.evidence(study, (subject,))
        kept = [one for one in stored if (one["resourceType"], one["id"]) not in written]
        return kept + [found for found in written.values() if _is_about(found, subject)]

    def _compiled(self, study: str, subject: str, beside: Sequence[Change]) -> tuple[Grant, ...]:
        resources = self.evidence_after(study, subject, beside) if beside else self.consents(study, subject)
        if not beside and needs_link(resources):
            resources = self.evidence(study, (subject,))
        return tuple(compile_grants(subject, resources, self.policies[study]))

    def _found(self, study: str, kind: str, parameter: str, subject: str) -> tuple[Stored, ...]:
        query = Query(kind, (ReferenceClause(parameter, (f"Patient/{subject}",)),))
        found = self._store.search(query, study, None, Page(MAX_CONSENTS))
        if found.next is not None:
            raise Forbidden(issue("consent.collection-not-permitted"))
        return found.rows


def _is_about(resource: Resource | None, subject: str) -> TypeGuard[Resource]:
    patient = (resource.get("patient") or resource.get("individual")) if resource else None
    return isinstance(patient, dict) and relative(patient.get("reference")) == ("Patient", subject)
