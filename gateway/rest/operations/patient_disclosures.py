"""Patient/$disclosures: who was served data of a participant, when, for what purpose and by which Consents.

Participants see every disclosure of their own data; auditors those to their own organisation.
"""

from itertools import islice
from typing import Final

from msgspec import structs

from gateway.access import Door
from gateway.audit import resource
from gateway.core.errors import Forbidden
from gateway.core.instants import from_micros, parse_interval
from gateway.core.issues import issue
from gateway.core.types import Resource
from gateway.rest.operation.declaration import Call, Operation, Parameter

MAX_EVENTS: Final = 1_000


def _answer(call: Call) -> Resource:
    """A collection of AuditEvents, newest first; `Forbidden` for who is neither auditor nor the participant."""
    is_own, organisation = _whose(call.door, call.id), call.door.principal.organisation
    since, until = (parse_interval(str(text)) if text else None for text in map(call.inputs.one, ("start", "end")))
    found = call.parts.audit.disclosures(
        call.study.id,
        call.id,
        from_micros(since.low) if since else None,
        from_micros(until.high) if until else None,
    )
    # Participants learn who was served what; from where, and what else was searched, is for the auditors of others.
    shown = (
        structs.replace(event, network="", user="", query="") if is_own else event
        for event in found
        if is_own or event.organisation == organisation
    )
    entries = [{"resource": resource(event, "")} for event in islice(shown, MAX_EVENTS)]
    return {"resourceType": "Bundle", "type": "collection"} | ({"entry": entries} if entries else {})


def _whose(door: Door, patient: str) -> bool:
    """Whether it is the participant who asks."""
    if door.principal.user == f"Patient/{patient}":
        return True
    who = door.principal
    if who.site or not any(scope.partition("/")[2].startswith("AuditEvent.") for scope in who.scopes):
        raise Forbidden(issue("auth.scope", interaction="search", type="AuditEvent"))
    return False


OPERATIONS = (
    Operation(
        name="disclosures",
        url="urn:trial-fhir-gateway:operation:patient-disclosures",
        levels=frozenset({"instance"}),
        types=("Patient",),
        parameters=(Parameter("start", "date"), Parameter("end", "date")),
        answer=_answer,
        scopes="",
    ),
)
