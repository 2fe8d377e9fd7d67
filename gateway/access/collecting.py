"""Whether participants' Consents permit to collect what a writer brings, by the same boxes that SQL joins."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeGuard

from gateway.access.subjects import relative
from gateway.consent import ConsentPolicy, ConsentRequest, applicable, compile_grants, covers
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
    """The boxes of participants, compiled again when one of their Consents has another version."""

    def __init__(self, store: ResourceStore, policies: Mapping[str, ConsentPolicy]) -> None:
        self._store = store
        self._policies = policies
        self._known: dict[tuple[str, str], tuple[object, tuple[Grant, ...]]] = {}

    def require(
        self, principal: Principal, now: int, placements: Iterable[Placement], beside: Sequence[Change] = ()
    ) -> None:
        """Raises `Forbidden` unless the Consents permit to collect at every placement: as they are stored now, and
        as those `beside`, which are written in the same transaction, change them."""
        asked = ConsentRequest(principal.organisation, "collect", principal.purpose, now)
        boxes: dict[str, list[Grant]] = {}
        for placement in placements:
            for subject in placement.subjects:
                if subject not in boxes:
                    boxes[subject] = applicable(self._grants(principal.study, subject, beside), asked)
            live = [grant for subject in placement.subjects for grant in boxes[subject]]
            if not covers(live, placement):
                raise Forbidden(issue("consent.collection-not-permitted"))

    def _grants(self, study: str, subject: str, beside: Sequence[Change]) -> tuple[Grant, ...]:
        rows = self._consents(study, subject)
        if beside:
            written = {change.key.id: change.resource for change in beside}
            kept = [loads(row.body) for row in rows if row.key.id not in written]
            consents = [*kept, *(found for found in written.values() if _is_about(found, subject))]
            return tuple(compile_grants(subject, consents, self._policies[study]))
        versions = tuple((row.key.id, row.version) for row in rows)
        known = self._known.get((study, subject))
        if known is not None and known[0] == versions:
            return known[1]
        grants = compile_grants(subject, [loads(row.body) for row in rows], self._policies[study])
        while len(self._known) >= _KEPT_SUBJECTS:
            self._known.pop(next(iter(self._known)), None)
        self._known[study, subject] = (versions, grants)
        return grants

    def _consents(self, study: str, subject: str) -> tuple[Stored, ...]:
        query = Query("Consent", (ReferenceClause("patient", (f"Patient/{subject}",)),))
        found = self._store.search(query, study, None, Page(MAX_CONSENTS))
        if found.next is not None:
            raise Forbidden(issue("consent.collection-not-permitted"))
        return found.rows


def _is_about(consent: Resource | None, subject: str) -> TypeGuard[Resource]:
    patient = consent.get("patient") if consent else None
    return isinstance(patient, dict) and relative(patient.get("reference")) == ("Patient", subject)
