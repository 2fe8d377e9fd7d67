"""What a principal may write, decided before and inside the transaction."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from msgspec import structs

from gateway.access.collecting import Collecting
from gateway.access.placing.followers import moved
from gateway.access.placing.places import HIDDEN, Known, PlacementOf, Placer, following
from gateway.access.placing.subjects import FOLLOWED, STUDY_LEVEL
from gateway.access.reading.limits import Limits
from gateway.access.scopes import NAMES, require_scope
from gateway.access.writing.own import CONSENT, own_withdrawal
from gateway.access.writing.withdrawing import ended_enrolments
from gateway.access.writing.writes import Delete, Write, key_of
from gateway.auth import scope_reaches
from gateway.consent import (
    ConsentRequest,
    Decision,
    check_consent,
    decide,
    is_deletion,
    is_same_or_withdrawn,
    replaced,
)
from gateway.core.codec import loads
from gateway.core.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    MethodNotAllowed,
    NotFound,
    PreconditionFailed,
    Unprocessable,
)
from gateway.core.issues import issue
from gateway.core.principal import Principal
from gateway.core.resources import Change, Committed, Key, Placement, Visibility
from gateway.core.types import Resource
from gateway.store.port import ResourceStore
from gateway.study.parts import Role

ENROLMENT: Final = frozenset({"Patient", "ResearchSubject", "Consent"})
"""Types that make a participant; roles that enrol write them without a Consent to collect."""


EXPORTING: Final = frozenset(("bulk-export", "bulk-download"))
"""What a role that is given de-identified data alone may ask for."""

AUDITED: Final = "AuditEvent"
"""The type that the audit trail is shown as: nobody writes one."""


@dataclass(frozen=True, slots=True)
class Gate:
    """The rules of writing for one principal in one study; `lacks_reason` says that the study wants one for changes
    of participants' data, and none was given."""

    principal: Principal
    role: Role
    store: ResourceStore
    placer: Placer
    collecting: Collecting
    limits: Limits
    lacks_reason: bool

    def plan(self, writes: Sequence[Write | Delete]) -> tuple[Change, ...]:
        """The changes with their placements; raises `Forbidden`, `NotFound`, `Unprocessable` before anything is
        written."""
        if self.principal.broken:
            raise Forbidden(issue("consent.break-glass"))
        if self.role.sees_retained:
            raise Forbidden(issue("consent.retention-reads"))
        keys = [key_of(self.principal.study, write) for write in writes]
        writes = [self._check(key, write) for key, write in zip(keys, writes, strict=True)]
        placements = self._placements([write for write in writes if isinstance(write, Write)])
        return tuple(
            Change(key, None, if_match=write.if_match)
            if isinstance(write, Delete)
            else Change(key, write.resource, placements[key.type, key.id], write.if_match, write.order, write.is_new)
            for key, write in zip(keys, writes, strict=True)
        )

    def accompany(
        self, planned: Sequence[Change], committed: Sequence[Committed], resources: Sequence[Resource], now: int
    ) -> tuple[Change, ...]:
        """The changes of resources that go with those `planned`, such as their Provenance; Consents that newer ones
        among them replace become inactive, and enrolments that end with a withdrawal withdrawn."""
        if not resources and _stand_alone(committed):
            return ()
        known = {(change.key.type, change.key.id): change.placement for change in planned}
        changes = [one for one, done in zip(planned, committed, strict=True) if done.outcome != "superseded"]
        placement_of = self._following(known, {(one.key.type, one.key.id): one.resource for one in planned})
        beside = tuple(
            Change(key_of(self.principal.study, Write(found)), found, self.placer.place(found, placement_of))
            for found in resources
        )
        ended = ended_enrolments(self.principal.study, changes, self.collecting, self.placer, now)
        following = moved(planned, committed, self.placer, self.store, placement_of)
        return (*beside, *self._retired(changes, now), *ended, *following)

    def require_operation(self, operation: str) -> None:
        """Raises `Forbidden` for a role that is given de-identified data alone, but for its exports, and for exports
        of what is retained."""
        if self.role.sees_retained and operation in EXPORTING:
            raise Forbidden(issue("consent.retention-reads"))
        if self.role.deidentify and operation not in EXPORTING:
            raise Forbidden(issue("export.deidentified-only"))

    def require_operator(self) -> None:
        """Raises `Forbidden` for a role that does not operate the database, or is concerned with some participants
        alone."""
        if not self.role.operates or self.principal.site or self.principal.patient or self.principal.broken:
            raise Forbidden(issue("search.explain-role"))

    def explain(self, key: Key, asked: ConsentRequest) -> Decision:
        """What the Consents say about a resource to somebody; raises `Forbidden` for who does not manage Consents,
        `NotFound` for what is not there."""
        if not self.role.enrols:
            raise Forbidden(issue("consent.explain-role"))
        placement = self._stored_placement(key.type, key.id)
        if placement is None or not self._is_reached(key, placement):
            raise NotFound(issue("auth.not-found"))
        evidence = self.collecting.evidence(key.study, placement.subjects)
        return decide(evidence, asked, placement, self.collecting.policies[key.study])

    def _is_reached(self, key: Key, placement: Placement) -> bool:
        """Whether the limits of reading leave a resource in, Consents aside."""
        limits = self.limits.of(self.principal, "r")
        current = self.store.read(key, None)
        return current is not None and self.limits.permits(limits, loads(current.body), placement)

    def purged(self, changes: Sequence[Change]) -> tuple[str, ...]:
        """The participants whose data is deleted by these changes."""
        consents = [change for change in changes if change.key.type == "Consent" and change.resource]
        if not consents:
            return ()
        return tuple(
            sorted(
                {
                    one
                    for change in consents
                    if is_deletion(change.resource or {})
                    for one in change.placement.subjects
                }
            )
        )

    def _retired(self, changes: Sequence[Change], now: int) -> Iterator[Change]:
        study = self.principal.study
        held = {change.key.id for change in changes if change.key.type == "Consent"}
        for change in changes:
            if change.key.type != "Consent" or change.resource is None or change.resource.get("status") != "active":
                continue
            for subject in change.placement.subjects:
                for old in replaced(
                    change.resource, self.collecting.consents(study, subject), self.collecting.policies[study], now
                ):
                    if old["id"] not in held:
                        held.add(old["id"])
                        inactive = {**old, "status": "inactive"}
                        version = int(old["meta"]["versionId"])
                        yield Change(Key(study, "Consent", old["id"]), inactive, change.placement, if_match=version)

    def confirm(
        self,
        changes: Sequence[Change],
        committed: Sequence[Committed],
        visibility: Visibility,
        now: int,
        letters: Sequence[str] = (),
    ) -> None:
        """Called inside the transaction, so that a Consent withdrawn a moment ago counts; `letters` are those of the
        interactions, if any, one for each change.

        Raises `Forbidden` when a Consent does not permit to collect, `Conflict` when a resource would pass from one
        participant to another, `NotFound` when the writer may not know of the version that it replaces, `BadRequest`
        when a change lacks its reason: last, so that it tells nothing of what the writer may not know of.
        """
        collected = [change.placement for change in changes if not self._needs_no_consent(change)]
        if collected:
            consents = [change for change in changes if change.key.type in ("Consent", "ResearchSubject")]
            self.collecting.require(self.principal, now, collected, consents)
        for change, done, letter in zip(changes, committed, letters or [""] * len(changes), strict=True):
            if self._own_withdrawal(change.key, change.resource) is not None:
                continue
            self._check_limits(change, done, visibility, letter)
            if done.outcome != "created":
                self._check_seen(change.key, visibility)
            if done.outcome == "updated" or (done.outcome == "created" and done.stored.version > 1):
                self._check_participants(change)
        if self.lacks_reason and any(map(self._wants_reason, changes, committed)):
            raise BadRequest(issue("rest.change-reason-missing"))

    def _wants_reason(self, change: Change, done: Committed) -> bool:
        """Whether this changes or deletes what was stored of a participant: a deletion undone is a change, too. Who
        withdraws a Consent, for whomever, need not say why."""
        if done.outcome not in ("updated", "deleted") and (done.outcome != "created" or done.stored.version == 1):
            return False
        if self._participants_before(change.key) == set():
            return False
        current = self.store.read(change.key, None) if change.key.type == "Consent" else None
        return not (current and change.resource and is_same_or_withdrawn(loads(current.body), change.resource))

    def _check_limits(self, change: Change, done: Committed, visibility: Visibility, letter: str) -> None:
        """What is replaced and what is written must both be within the scopes that allow it."""
        letter = letter or {"created": "c", "deleted": "d"}.get(done.outcome, "u")
        limits = self.limits.of(self.principal, letter)
        if limits is None:
            return
        narrowed = structs.replace(visibility, limits=limits)
        if done.outcome != "created" and self.store.read(change.key, narrowed) is None:
            raise NotFound(issue("auth.not-found"))
        if change.resource is not None and not self.limits.permits(limits, change.resource, change.placement):
            raise Forbidden(issue("auth.scope", interaction=NAMES[letter], type=change.key.type))

    def _check(self, key: Key, write: Write | Delete) -> Write | Delete:
        """The write, bound to the version that a participant withdraws; raises when it may not be."""
        if key.type == AUDITED:
            raise MethodNotAllowed(issue("audit.read-only"))
        if isinstance(write, Delete):
            self._require(key.type, "d")
            if key.type == "Consent":
                raise MethodNotAllowed(issue("consent.no-deletion"))
        else:
            self._require_write_scope(key, write.letter)
        withdrawn = self._own_withdrawal(key, write.resource) if isinstance(write, Write) else None
        if withdrawn is not None and isinstance(write, Write) and write.if_match in (None, withdrawn):
            write = structs.replace(write, if_match=withdrawn)
        elif not self.role.enrols and (key.type in ENROLMENT or (self.role.collects and key.type in STUDY_LEVEL)):
            raise Forbidden(issue("consent.role"))
        if key.type == "Consent" and isinstance(write, Write):
            issues = check_consent(write.resource)
            if issues:
                raise Unprocessable(*issues)
            return self._over_what_was_seen(key, write)
        return write

    def _over_what_was_seen(self, key: Key, write: Write) -> Write:
        """The write of a Consent, bound to the version that is there: an older one must not come back unseen.

        Raises `PreconditionFailed` without a version, unless the Consent is new, stays as it is or is withdrawn as it
        stands. Ordered messages of a source tell by themselves which is newer.
        """
        if write.if_match is not None or write.order is not None:
            return write
        current, placement = self.store.read(key, None), self._stored_placement(key.type, key.id)
        if current is None or placement is None:
            return structs.replace(write, if_match=0)
        if not self._is_reached(key, placement):
            return write  # what becomes of it must not tell that there is one
        if not is_same_or_withdrawn(loads(current.body), write.resource):
            raise PreconditionFailed(issue("consent.version-needed", expression=key.type))
        return structs.replace(write, if_match=current.version)

    def _own_withdrawal(self, key: Key, resource: Resource | None) -> int | None:
        if self.role.enrols or resource is None or key.type != CONSENT:
            return None
        return own_withdrawal(self.store, self.principal, key, resource)

    def _require_write_scope(self, key: Key, letter: Literal["", "c", "u"]) -> None:
        """The letter of the interaction; without any, both where it is not known yet whether this creates or updates,
        else the one that counts."""
        scopes = self.principal.scopes
        if letter:
            if not scope_reaches(scopes, key.type, letter):
                self._require(key.type, letter)
            return
        create, update = scope_reaches(scopes, key.type, "c"), scope_reaches(scopes, key.type, "u")
        if not create and not update:
            self._require(key.type, "c")
        if create != update:
            current = self.store.read(key, None)
            self._require(key.type, "c" if current is None or current.deleted else "u")

    def _require(self, kind: str, letter: str) -> None:
        require_scope(self.principal, kind, letter)

    def _placements(self, writes: Sequence[Write]) -> dict[tuple[str, str], Placement]:
        """Placements by type and id; resources about others come after those."""
        placed: dict[tuple[str, str], Placement] = {}
        written = {(one.resource["resourceType"], one.resource["id"]): one.resource for one in writes}
        placement_of = self._following(placed, written)
        for write in sorted(writes, key=lambda found: found.resource["resourceType"] in FOLLOWED):
            resource = write.resource
            placement = self.placer.place(resource, placement_of, write.outline)
            if not placement.study_level and not placement.subjects:
                raise Forbidden(issue("consent.no-subject", expression=resource["resourceType"]))
            placed[resource["resourceType"], resource["id"]] = placement
        return placed

    def _following(self, placed: Known, written: Mapping[tuple[str, str], Resource | None]) -> PlacementOf:
        """Where what is `written` in a unit stands, as far as it is `placed`, and what is stored."""

        def there(kind: str, identity: str) -> Resource | None:
            if (kind, identity) in written:
                return written[kind, identity]
            current = self.store.read(Key(self.principal.study, kind, identity), None)
            return None if current is None or current.deleted else loads(current.body)

        return following(self.placer, there, placed)

    def _stored_placement(self, kind: str, identity: str) -> Placement | None:
        return self._following({}, {})(kind, identity)

    def _needs_no_consent(self, change: Change) -> bool:
        if change.resource is None or change.placement.study_level:
            return True
        if self._own_withdrawal(change.key, change.resource) is not None:
            return True
        return self.role.enrols and change.key.type in ENROLMENT

    def _check_seen(self, key: Key, visibility: Visibility) -> None:
        """Looks at the version before; reads of the store see the state before this transaction."""
        if not self.role.enrols and not self.role.collects and self.store.read(key, visibility) is None:
            raise NotFound(issue("auth.not-found"))

    def _check_participants(self, change: Change) -> None:
        """Raises `Conflict` when a resource would be about other participants than before, in a version that was
        deleted too.

        What is about it, such as a List, stands with the participants that it had then, and is not placed anew.
        """
        before = self._participants_before(change.key)
        if before is not None and before != set(change.placement.subjects):
            raise Conflict(issue("consent.subject-changed"))

    def _participants_before(self, key: Key) -> set[str] | None:
        """The participants with whom a resource stands, or stood before its deletion: none for one of the study. None
        for what is hidden, and what the study had deleted."""
        current = self.store.read(key, None)
        if current is None:
            return None
        if current.pairs:
            return {subject for subject, _ in current.pairs}
        if current.pairs is None:
            return self.store.patients_of(key.study, [key.reference])
        placement = self._stored_placement(key.type, key.id)
        return None if placement is None or placement == HIDDEN else set(placement.subjects)


def _stand_alone(committed: Sequence[Committed]) -> bool:
    """Whether nothing goes with these: they are new, so that nothing stands where they do, and no Consents."""
    return all(one.stored.version == 1 and one.stored.key.type != CONSENT for one in committed)
