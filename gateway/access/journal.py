"""The audit events of one principal's calls."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Final, Literal, TypeAlias

from msgspec import Struct, structs

from gateway.audit import AuditTrail, Ticket
from gateway.core.errors import FhirError, Forbidden, NotFound
from gateway.core.event import MAX_TARGETS, Event, Seen, Told, digest_of, versions_of
from gateway.core.instants import EPOCH
from gateway.core.principal import Principal
from gateway.core.resources import Committed, Stored

Action: TypeAlias = Literal["C", "R", "U", "D", "E"]

Target: TypeAlias = str | Stored | Committed
"""A reference; or a version that was served; or what became of a change."""

Pairs: TypeAlias = tuple[tuple[str, str], ...] | None
"""The (participant, domain) pairs of what was served; None where the store is to look."""


MakeEvent: TypeAlias = Callable[[Action, str, Iterable[Target], int], Event]
"""(action, operation, targets, count) -> the event."""

_Named: TypeAlias = tuple[tuple[str, ...], tuple[int, ...], tuple[str, ...], tuple[str, ...]]
_NOTHING: Final[_Named] = ((), (), (), ())
"""References, versions, and digests before and after, of no targets."""

_ENROLMENT: Final = ("Consent", "ResearchSubject")


def act_of(who: Principal) -> Event:
    """What all events of a principal tell alike; the rest is told by each."""
    return Event(
        at=EPOCH,
        study=who.study,
        action="E",
        operation="",
        outcome="success",
        client=who.client,
        organisation=who.organisation,
        role=who.role,
        purpose=who.purpose,
        token=who.token,
        user=who.user,
    )


class Journal(Struct, frozen=True):
    """Writes what a principal did; `request` is the id of the HTTP request or "", `why` the reason that was given for
    a change, or for breaking the glass, or ""; `network` the address that it came from, or "". `act` is the
    principal's `act_of` where it was made before."""

    trail: AuditTrail
    principal: Principal
    request: str
    why: str = ""
    network: str = ""
    act: Event | None = None

    def event(
        self,
        at: datetime,
        action: Action,
        operation: str,
        targets: Iterable[Target] = (),
        count: int = 0,
        patients: Iterable[str] = (),
        query: str = "",
    ) -> Event:
        """An event of success; versions and digests are told when every target has them."""
        named = [_named(target) for target in targets]
        references, versions, before, after = zip(*named, strict=True) if named else _NOTHING
        changed = any(before) or any(after)
        return structs.replace(
            self.act or act_of(self.principal),
            at=at,
            action=action,
            operation=operation,
            targets=references,
            count=count,
            request=self.request,
            versions=versions if all(versions) else (),
            before=before if changed else (),
            after=after if changed else (),
            patients=tuple(patients),
            why=self.why if action in "CUD" or changed or self.principal.broken else "",
            network=self.network,
            query=query,
        )

    def served(
        self, at: datetime, operation: str, references: Sequence[str], versions: Sequence[int], query: str = ""
    ) -> Event:
        """The event of a read or search that served these versions; `query` tells what a search asked."""
        return structs.replace(
            self.act or act_of(self.principal),
            at=at,
            action="E" if operation == "search" else "R",
            operation=operation,
            targets=tuple(references),
            count=len(references),
            request=self.request,
            versions=tuple(versions),
            why=self.why if self.principal.broken else "",
            network=self.network,
            query=query,
        )

    def submit(self, event: Told) -> Ticket:
        """A ticket that is done when the event is durable."""
        return self.trail.submit(event)

    def hold(
        self,
        at: datetime,
        operation: str,
        references: Sequence[str],
        versions: Sequence[int],
        pairs: Pairs = None,
        query: str = "",
    ) -> Ticket:
        """Like `submit` of what `served` makes, but the event may wait until the trail is woken. `pairs` tell whose
        data it is about, where the statement that read it told."""
        event = self.served(at, operation, references, versions, query)
        return self.trail.submit(event if pairs is None else Seen(event, pairs), wake=False)

    def record(self, event: Told) -> None:
        """Returns when the event is durable; raises `Unavailable`."""
        self.trail.record(event)


def refused(event: Event, error: FhirError) -> Event:
    """The event of the same call, refused for `error`."""
    outcome: Literal["denied", "failure"] = "denied" if isinstance(error, Forbidden | NotFound) else "failure"
    reason = error.issues[0].rule if error.issues else ""
    return structs.replace(event, outcome=outcome, reason=reason, count=0)


def beside(event: MakeEvent, committed: Sequence[Committed]) -> tuple[Event, ...]:
    """The event, made by `event`, of Consents and enrolments that changed because others did; none for what a source
    delivers with its data."""
    changed = [one for one in committed if one.outcome == "updated" and one.stored.key.type in _ENROLMENT]
    return (event("U", "update", changed[:MAX_TARGETS], len(changed)),) if changed else ()


def digest_of_many(targets: Sequence[Target]) -> str:
    """What an event tells of all of them where they are more than it names, else ""."""
    if len(targets) <= MAX_TARGETS:
        return ""
    named = [_version(target) for target in targets]
    return digest_of(versions_of([reference for reference, _ in named], [version for _, version in named]))


def _version(target: Target) -> tuple[str, int]:
    """Reference and version, 0 for none."""
    if isinstance(target, str):
        return target, 0
    stored = target if isinstance(target, Stored) else target.stored
    return stored.key.reference, stored.version


def _named(target: Target) -> tuple[str, int, str, str]:
    """Reference, version (0 for none), and the digests of the bytes that were there before and after a change."""
    reference, version = _version(target)
    if isinstance(target, Committed) and target.outcome not in ("unchanged", "superseded"):
        return reference, version, _digest(target.before), _digest(target.stored.body)
    return reference, version, "", ""


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest() if body else ""
