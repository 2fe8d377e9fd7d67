"""Patient/$break-glass: a ticket to read one participant's data past the Consents, for a reason, for a short time."""

from datetime import UTC, datetime
from typing import Final

from gateway.core.errors import BadRequest, Forbidden
from gateway.core.instants import format_instant
from gateway.core.issues import issue
from gateway.core.types import Resource
from gateway.rest.clients.breaking import RULE, new_ticket, open_door, refusal, sealed, told_of
from gateway.rest.operation.declaration import Call, Operation, Parameter

MAX_CHARACTERS: Final = 200


def _answer(call: Call) -> Resource:
    """Parameters with `ticket`, its `id` and `until`; raises `Forbidden`, on record, for a role that may not,
    `BadRequest` for a reason that is none, `NotFound` for a participant who is not there or was deleted."""
    who, parts = call.door.principal, call.parts
    if not call.study.roles[who.role].break_glass:
        parts.record(refusal(parts, who))
        raise Forbidden(issue(RULE))
    reason = str(call.inputs.one("reason") or "").strip()
    if not reason or len(reason) > MAX_CHARACTERS or not reason.isprintable():
        raise BadRequest(issue("consent.break-glass-reason", limit=MAX_CHARACTERS))
    ticket = new_ticket(parts, call.id, reason)
    door = open_door(parts, who, ticket)
    door.permit("break-glass", "Patient")
    door.read("Patient", call.id)
    parts.record(told_of(parts, who, "break-glass", ticket))
    ends = format_instant(datetime.fromtimestamp(ticket.until, UTC))
    told = [
        {"name": "ticket", "valueString": sealed(parts, who, ticket)},
        {"name": "until", "valueInstant": ends},
        {"name": "id", "valueString": ticket.id},
    ]
    return {"resourceType": "Parameters", "parameter": told}


OPERATIONS = (
    Operation(
        name="break-glass",
        url="urn:trial-fhir-gateway:operation:patient-break-glass",
        levels=frozenset({"instance"}),
        types=("Patient",),
        parameters=(Parameter("reason", "string", min=1),),
        answer=_answer,
        affects=True,
    ),
)
