"""Tickets of who broke the glass: for one participant, one client and its user, for a quarter of an hour.

`Patient/[id]/$break-glass` gives a ticket out for a reason; reads and searches that carry it in `X-Break-Glass` are
asked past the Consents, under the purpose BTG, and each is on record with the reason. Nothing of it is stored: a
ticket is sealed, and bound to study, client and user. `Patient/[id]/$break-glass-end` ends one early; its id is kept
then until it would have ended anyway.
"""

import re
import secrets
from dataclasses import dataclass, replace
from typing import Final

from msgspec import structs
from starlette.requests import Request

from gateway.access import Door
from gateway.auth.tokens import token_digest
from gateway.core.errors import BadRequest, Forbidden
from gateway.core.event import BREAK_GLASS, Event
from gateway.core.issues import issue
from gateway.core.principal import Principal
from gateway.rest.clients.pacing import address_of
from gateway.rest.layers.edge import request_id
from gateway.rest.parts import Parts

TICKET: Final = "x-break-glass"
SECONDS: Final = 900
RULE: Final = "consent.break-glass"

_OPENED: Final = re.compile(r"/fhir/(Patient/[A-Za-z0-9.-]{1,64}/\$everything|Observation/\$lastn)\Z")
"""What a ticket opens beside reads and searches: operations that only read, by the same limits."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a ticket says; `until` is the Unix second at which it ends."""

    id: str
    patient: str
    reason: str
    until: int


def new_ticket(parts: Parts, patient: str, reason: str) -> Ticket:
    """A ticket from now on."""
    return Ticket(secrets.token_hex(16), patient, reason, int(parts.clock().timestamp()) + SECONDS)


def sealed(parts: Parts, who: Principal, ticket: Ticket) -> str:
    """The ticket as its holder sends it."""
    return parts.cursors.write(_bound_to(who), (ticket.id, ticket.patient, ticket.reason, ticket.until))


def opened(parts: Parts, who: Principal, text: str) -> Ticket | None:
    """The ticket that was sealed for this client and user; None for anything else, and for one whose time is over."""
    try:
        id, patient, reason, until = parts.cursors.read(_bound_to(who), text)
    except (BadRequest, ValueError):
        return None
    is_good = isinstance(until, int) and parts.clock().timestamp() < until
    return Ticket(str(id), str(patient), str(reason), int(until)) if is_good else None


def end(parts: Parts, study: str, id: str) -> None:
    """The ticket of this id opens nothing any more."""
    until = int(parts.clock().timestamp()) + SECONDS
    parts.backend_services.store.revoke(study, token_digest(name_of(id)), until)


def name_of(id: str) -> str:
    """What stands for a ticket in audit events."""
    return f"break-glass:{id}"


def broken_door(parts: Parts, request: Request, who: Principal) -> Door:
    """The door of a request with a ticket; raises `Forbidden`, on record, for one that is not good for it."""
    given = request.headers.getlist(TICKET)
    ticket = opened(parts, who, given[0]) if len(given) == 1 else None
    try:
        if ticket is None or not _is_reading(request) or _is_ended(parts, who.study, ticket.id):
            raise Forbidden(issue(RULE))
        return open_door(parts, who, ticket, request_id(request.scope), address_of(request))
    except Forbidden:
        refused = structs.replace(
            refusal(parts, who, why=ticket.reason if ticket else ""), network=address_of(request)
        )
        parts.note_failure(structs.replace(refused, request=request_id(request.scope)))
        raise


def open_door(parts: Parts, who: Principal, ticket: Ticket, request: str = "", network: str = "") -> Door:
    """The door past the Consents of one participant; raises `Forbidden` for a role that may not."""
    broken = replace(who, purpose=BREAK_GLASS, broken=ticket.patient)
    return parts.access.door(broken, request, ticket.reason, network)


def refusal(parts: Parts, who: Principal, why: str = "") -> Event:
    """The event of an attempt that was refused."""
    return structs.replace(told_of(parts, who, "break-glass"), outcome="denied", reason=RULE, why=why)


def told_of(parts: Parts, who: Principal, operation: str, ticket: Ticket | None = None) -> Event:
    """The event of what was done with a ticket."""
    return Event(
        at=parts.clock(),
        study=who.study,
        action="E",
        operation=operation,
        outcome="success",
        client=who.client,
        organisation=who.organisation,
        role=who.role,
        purpose=BREAK_GLASS,
        token=who.token,
        targets=(name_of(ticket.id),) if ticket else (),
        patients=(ticket.patient,) if ticket else (),
        why=ticket.reason if ticket else "",
        user=who.user,
    )


def _is_reading(request: Request) -> bool:
    path = request.scope["path"]  # as it is routed: a URL ends its path at what was an escaped `#`
    return request.method in ("GET", "HEAD") and ("$" not in path or _OPENED.search(path) is not None)


def _is_ended(parts: Parts, study: str, id: str) -> bool:
    return parts.backend_services.store.is_revoked(study, token_digest(name_of(id)))


def _bound_to(who: Principal) -> tuple[str, ...]:
    """No study, which a page's cursor is bound to first, is called like this."""
    return ("$break-glass", who.study, who.client, who.user)
