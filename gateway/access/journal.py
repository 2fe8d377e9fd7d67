"""The audit events of one principal's calls."""

from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Final, Literal, TypeAlias

from gateway.audit import AuditTrail
from gateway.core.errors import FhirError, Forbidden, NotFound
from gateway.core.event import Event
from gateway.core.principal import Principal

MAX_TARGETS: Final = 100
Action: TypeAlias = Literal["C", "R", "U", "D", "E"]


@dataclass(frozen=True, slots=True)
class Journal:
    """Writes what a principal did; `request` is the id of the HTTP request or ""."""

    trail: AuditTrail
    principal: Principal
    request: str

    def event(
        self, at: datetime, action: Action, operation: str, targets: Iterable[str] = (), count: int = 0
    ) -> Event:
        """An event of success."""
        who = self.principal
        return Event(
            at=at,
            study=who.study,
            action=action,
            operation=operation,
            outcome="success",
            client=who.client,
            organisation=who.organisation,
            role=who.role,
            purpose=who.purpose,
            token=who.token,
            targets=tuple(islice(targets, MAX_TARGETS)),
            count=count,
            request=self.request,
        )

    def submit(self, event: Event) -> Future[None]:
        """A future that is done when the event is durable."""
        return self.trail.submit(event)

    def submit_held(self, event: Event) -> Future[None]:
        """Like `submit`, but the event may wait until the trail is woken."""
        return self.trail.submit(event, wake=False)

    def record(self, event: Event) -> None:
        """Returns when the event is durable; raises `Unavailable`."""
        self.trail.record(event)


def refused(event: Event, error: FhirError) -> Event:
    """The event of the same call, refused for `error`."""
    outcome: Literal["denied", "failure"] = "denied" if isinstance(error, Forbidden | NotFound) else "failure"
    reason = error.issues[0].rule if error.issues else ""
    return replace(event, outcome=outcome, reason=reason, count=0)
