"""Tickets of who broke the glass: for one participant, one client and its user, for a quarter of an hour.

`Patient/[id]/$break-glass` gives a ticket out for a reason; reads and searches that carry it in `X-Break-Glass` are
asked past the Consents, under the purpose BTG, and each is on record with the reason. Nothing of it is stored: a
ticket is sealed, and bound to study, client and user.
"""

from dataclasses import replace
from typing import Final

from starlette.requests import Request

from gateway.access import Door
from gateway.core.errors import BadRequest, Forbidden
from gateway.core.event import BREAK_GLASS, Event
from gateway.core.issues import issue
from gateway.core.principal import Principal
from gateway.rest.edge import request_id
from gateway.rest.parts import Parts

TICKET: Final = "x-break-glass"
SECONDS: Final = 900
RULE: Final = "consent.break-glass"


def ticket(parts: Parts, who: Principal, patient: str, reason: str) -> tuple[str, int]:
    """A ticket and the Unix second at which it ends."""
    until = int(parts.clock().timestamp()) + SECONDS
    return parts.cursors.write(_bound_to(who), (patient, reason, until)), until


def broken_door(parts: Parts, request: Request, who: Principal) -> Door:
    """The door of a request with a ticket; raises `Forbidden`, on record, for one that is not good for it."""
    patient, reason = _read(parts, who, request.headers.getlist(TICKET))
    is_reading = request.method in ("GET", "HEAD") and "$" not in request.url.path
    try:
        if not patient or not is_reading:
            raise Forbidden(issue(RULE))
        return open_door(parts, who, patient, reason, request_id(request.scope))
    except Forbidden:
        parts.note_failure(refusal(parts, who, request_id(request.scope), reason))
        raise


def open_door(parts: Parts, who: Principal, patient: str, reason: str, request: str = "") -> Door:
    """The door past the Consents of one participant; raises `Forbidden` for a role that may not."""
    return parts.access.door(replace(who, purpose=BREAK_GLASS, broken=patient), request=request, why=reason)


def refusal(parts: Parts, who: Principal, request: str = "", reason: str = "") -> Event:
    """The event of an attempt that was refused."""
    return Event(
        at=parts.clock(),
        study=who.study,
        action="E",
        operation="break-glass",
        outcome="denied",
        client=who.client,
        organisation=who.organisation,
        role=who.role,
        purpose=BREAK_GLASS,
        token=who.token,
        reason=RULE,
        request=request,
        why=reason,
    )


def _read(parts: Parts, who: Principal, given: list[str]) -> tuple[str, str]:
    """Participant and reason of a ticket; "" for a ticket that is no good, or is too old."""
    try:
        [text] = given
        patient, reason, until = parts.cursors.read(_bound_to(who), text)
    except (BadRequest, ValueError):
        return "", ""
    is_good = isinstance(until, int) and parts.clock().timestamp() < until
    return (str(patient), str(reason)) if is_good else ("", str(reason))


def _bound_to(who: Principal) -> tuple[str, ...]:
    """No study, which a page's cursor is bound to first, is called like this."""
    return ("$break-glass", who.study, who.client, who.user)
