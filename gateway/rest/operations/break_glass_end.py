"""Patient/$break-glass-end: a ticket opens nothing any more, before its time is over.

Its holder ends it by the `ticket`; who manages Consents, and auditors, by its `id`, which the audit trail tells.
"""

import re
from typing import Final

from msgspec import structs

from gateway.core.errors import Forbidden
from gateway.core.issues import issue, operation_outcome
from gateway.core.principal import Principal
from gateway.core.types import Resource
from gateway.rest.clients.breaking import RULE, SECONDS, Ticket, end, opened, refusal, told_of
from gateway.rest.operation.declaration import Call, Operation, Parameter

_ID: Final = re.compile(r"[0-9a-f]{32}\Z")


def _answer(call: Call) -> Resource:
    """An OperationOutcome, the same whether there was such a ticket or not; raises `Forbidden`, on record, for who is
    neither its holder nor may end those of others."""
    who, parts = call.door.principal, call.parts
    ticket = _ticket(call)
    if ticket is None or ticket.patient != call.id:
        parts.record(refusal(parts, who))
        raise Forbidden(issue(RULE))
    end(parts, call.study.id, ticket.id)
    ended = told_of(parts, who, "break-glass-end", ticket)
    # Without the ticket the address may name anything, which is not written down.
    parts.record(ended if ticket.reason else structs.replace(ended, patients=()))
    return operation_outcome([issue("consent.break-glass-ended")])


def _ticket(call: Call) -> Ticket | None:
    """The ticket to end; None when the caller may not."""
    text, id = (str(call.inputs.one(name) or "") for name in ("ticket", "id"))
    if text and not id:
        return opened(call.parts, call.door.principal, text)
    may_end = call.study.roles[call.door.principal.role].enrols or _audits(call.door.principal)
    if text or not may_end or not _ID.match(id):
        return None
    return Ticket(id, call.id, "", SECONDS)


def _audits(who: Principal) -> bool:
    return not who.site and any(scope.partition("/")[2].startswith("AuditEvent.") for scope in who.scopes)


OPERATIONS = (
    Operation(
        name="break-glass-end",
        url="urn:trial-fhir-gateway:operation:patient-break-glass-end",
        levels=frozenset({"instance"}),
        types=("Patient",),
        parameters=(Parameter("ticket", "string"), Parameter("id", "string")),
        answer=_answer,
        scopes="",
        affects=True,
    ),
)
