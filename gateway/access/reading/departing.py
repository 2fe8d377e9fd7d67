"""What a reader could take along since an instant and cannot any more: deleted since, or hidden by Consents since.

An id is told to nobody to whom the resource never was disclosable at that instant or after it: each version is judged
by the Consents as they stood while it was the current one.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from gateway.access.collecting import Collecting
from gateway.access.journal import Journal
from gateway.access.placing.places import Placer, following
from gateway.access.reading.limits import Limits
from gateway.access.scopes import require_scope
from gateway.consent import ConsentRequest, decide
from gateway.core.clock import Clock
from gateway.core.codec import loads
from gateway.core.instants import micros
from gateway.core.principal import Principal
from gateway.core.resources import Key, Placement, Stored, Visibility
from gateway.core.types import Resource
from gateway.search import Query
from gateway.search.query import IdClause
from gateway.store.port import ResourceStore

IDS_AT_ONCE = 500

Meant = Callable[[Resource, Placement], bool]
"""A resource as it was, and where it stood -> whether it was asked for."""


@dataclass(frozen=True, slots=True)
class Departing:
    """What left one reader's sight between `since` and `until`, microseconds."""

    principal: Principal
    store: ResourceStore
    placer: Placer
    collecting: Collecting
    limits: Limits
    journal: Journal
    clock: Clock
    since: int
    until: int
    _evidence: dict[str, list[list[Stored]]] = field(default_factory=dict)

    def of(self, kind: str, candidates: Iterator[str], meant: Meant) -> Iterator[str]:
        """The ids among `candidates`, resources of a type, that this reader has to remove from what was taken along.

        An event is durable before the first one. Raises `Forbidden` for a type beyond the reader's scopes.
        """
        require_scope(self.principal, kind, "r", "s")
        self.journal.record(self.journal.event(self.clock(), "E", "export-deleted", (kind,)))
        batch: list[str] = []
        for id in candidates:
            batch.append(id)
            if len(batch) == IDS_AT_ONCE:
                yield from self._of(kind, batch, meant)
                batch = []
        yield from self._of(kind, batch, meant)

    def of_patients(self, query: Query) -> Iterator[str]:
        """The ids of all current resources that a query finds, whoever may see them: candidates, not to be told."""
        return (row.key.id for row in self.store.stream(query, self.principal.study, None))

    def _of(self, kind: str, ids: Sequence[str], meant: Meant) -> Iterator[str]:
        if not ids:
            return
        who = self.principal
        eyes = Visibility(
            who.study, who.organisation, "disclose", who.purpose, micros(self.clock()), self.limits.of(who, "rs")
        )
        there = {one.key.id for one in self.store.stream(Query(kind, (IdClause(tuple(ids)),)), who.study, eyes)}
        for id in ids:
            if id not in there and self._was_seen(Key(who.study, kind, id), eyes, meant):
                yield id

    def _was_seen(self, key: Key, eyes: Visibility, meant: Meant) -> bool:
        """Whether any version of it was disclosable at the instant or later; nothing is kept of what was erased."""
        now, versions = self.store.read(key, None), self.store.history(key, None)
        if now is None or (now.deleted and micros(now.updated) >= self.until):
            return False
        later = {micros(one.updated) for one in versions if micros(one.updated) >= self.since}
        placed = {one.version: self._placed(one, eyes, meant) for one in versions if not one.deleted}
        subjects = {subject for placement in placed.values() if placement for subject in placement.subjects}
        moments = {self.since, *later, *(at for subject in subjects for at in self._changes_of(subject))}
        for moment in moments:
            version = _at(versions, moment)
            placement = placed.get(version.version) if version else None
            if placement and self._is_permitted(placement, eyes, moment):
                return True
        return False

    def _placed(self, version: Stored, eyes: Visibility, meant: Meant) -> Placement | None:
        """Where a version stood; None when it was not asked for, or is beyond the reader's scopes."""
        resource = loads(version.body)
        placement = self.placer.place(resource, following(self.placer, self._last))
        return (
            placement
            if self.limits.permits(eyes.limits, resource, placement) and meant(resource, placement)
            else None
        )

    def _is_permitted(self, placement: Placement, eyes: Visibility, moment: int) -> bool:
        evidence = [
            loads(one.body)
            for subject in placement.subjects
            for versions in self._evidence_of(subject)
            if (one := _at(versions, moment)) is not None and not one.deleted
        ]
        asked = ConsentRequest(eyes.organisation, eyes.action, eyes.purpose, moment)
        return decide(evidence, asked, placement, self.collecting.policies[eyes.study]).permit

    def _last(self, kind: str, identity: str) -> Resource | None:
        """A resource as it is, or was at last."""
        versions = self.store.history(Key(self.principal.study, kind, identity), None)
        alive = next((one for one in versions if not one.deleted), None)
        return loads(alive.body) if alive else None

    def _evidence_of(self, subject: str) -> list[list[Stored]]:
        """The versions of each Consent and enrolment of the participant, newest first."""
        study = self.principal.study
        if subject not in self._evidence:
            found = self.collecting.evidence(study, (subject,))
            keys = [Key(study, one["resourceType"], one["id"]) for one in found]
            self._evidence[subject] = [self.store.history(key, None) for key in keys]
        return self._evidence[subject]

    def _changes_of(self, subject: str) -> Iterator[int]:
        """When what decides about the participant changed since the instant."""
        for versions in self._evidence_of(subject):
            yield from (at for one in versions if (at := micros(one.updated)) >= self.since)


def _at(versions: Sequence[Stored], moment: int) -> Stored | None:
    """The version that was current, of versions that come newest first."""
    return next((one for one in versions if micros(one.updated) <= moment), None)
