"""Events as FHIR AuditEvents, in the shapes of IHE BALP: made when an auditor asks, never stored.

An event names the BALP profile that it meets: of a search, or of a read, create or update of one resource, that
succeeded and came over the network. The query of a search is the cleaned one (`gateway.audit.queries`), since the one
that came may hold a participant's data. See https://profiles.ihe.net/ITI/BALP/ and
https://hl7.org/fhir/R4/auditevent.html.
"""

import base64
from typing import Any, Final

from gateway.core.event import BREAK_GLASS, Event
from gateway.core.instants import format_instant
from gateway.core.principal import SUBJECT
from gateway.core.types import Resource

DICOM: Final = "http://dicom.nema.org/resources/ontology/DCM"
EVENT_TYPE: Final = "http://terminology.hl7.org/CodeSystem/audit-event-type"
INTERACTION: Final = "http://hl7.org/fhir/restful-interaction"
LIFECYCLE: Final = "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle"
ENTITY_TYPE: Final = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
RESOURCE_TYPE: Final = "http://hl7.org/fhir/resource-types"
OBJECT_ROLE: Final = "http://terminology.hl7.org/CodeSystem/object-role"
REASON: Final = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
OPERATION: Final = "urn:trial-fhir-gateway:operation"
DETAIL: Final = "urn:trial-fhir-gateway:audit:"

LOGINS: Final = frozenset({"introspect", "login", "revoke", "token"})
DISCLOSURES: Final = frozenset({"disclose", "everything"})
_INTERACTIONS: Final = {
    "read": "read",
    "vread": "vread",
    "history": "history",
    "search": "search",
    "delete": "delete",
}
_OUTCOMES: Final = {"success": "0", "denied": "4", "failure": "8"}


PROFILE: Final = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
_PROFILED: Final = {
    "read": "Read",
    "vread": "Read",
    "create": "Create",
    "update": "Update",
    "patch": "Update",
}


def resource(event: Event, id: str, server: str = "") -> Resource:
    """The AuditEvent of an event, under an id, or without one for ""; `server` is the gateway's own address."""
    profile = _profile(event, server)
    made: Resource = {
        "resourceType": "AuditEvent",
        **({"id": id} if id else {}),
        "meta": {"versionId": "1", "lastUpdated": format_instant(event.at)}
        | ({"profile": profile} if profile else {}),
        "type": _type(event),
        "subtype": _subtypes(event),
        "action": _action(event),
        "recorded": format_instant(event.at),
        "outcome": _OUTCOMES[event.outcome],
    }
    if event.reason:
        made["outcomeDesc"] = event.reason
    if event.purpose:
        said = {"text": event.why} if event.why and event.purpose == BREAK_GLASS else {}
        made["purposeOfEvent"] = [{"coding": [{"system": REASON, "code": event.purpose}]} | said]
    made["agent"] = _agents(event, server)
    made["source"] = {
        "site": event.study,
        "observer": _gateway(),
        "type": [_coding("http://terminology.hl7.org/CodeSystem/security-source-type", "4", "Application Server")],
    }
    entities = [
        *_query(event),
        *_data(event),
        *_all(event),
        *_patients(event),
        *_consents(event),
        *_transaction(event),
    ]
    if entities:
        made["entity"] = entities
    return made


def _profile(event: Event, server: str) -> list[str]:
    """The BALP profile that the event meets; with `Patient` before its name when it is about a single one."""
    if event.outcome != "success" or not event.network or not server:
        return []
    of_one = len(event.targets) == 1 and "/" in event.targets[0]
    name = "Query" if event.query and event.operation == "search" else _PROFILED.get(event.operation, "")
    if not name or (name != "Query" and not of_one):
        return []
    return [f"{PROFILE}{'Patient' if len(event.patients) == 1 else ''}{name}"]


def _type(event: Event) -> Resource:
    if event.operation in LOGINS:
        return _coding(DICOM, "110114", "User Authentication")
    if event.operation in DISCLOSURES:
        return _coding(DICOM, "110106", "Export")
    if event.outcome == "denied":
        return _coding(DICOM, "110113", "Security Alert")
    return _coding(EVENT_TYPE, "rest", "Restful Operation")


def _subtypes(event: Event) -> list[Resource]:
    found = [{"system": OPERATION, "code": event.operation}]
    if event.operation in LOGINS:
        code, display = ("110123", "Logout") if event.operation == "revoke" else ("110122", "Login")
        return [_coding(DICOM, code, display), *found]
    if event.operation in DISCLOSURES:
        return [_coding(LIFECYCLE, "disclose", "Disclose Record Lifecycle Event"), *found]
    if event.outcome == "denied" and event.targets:
        return [_coding("https://profiles.ihe.net/ITI/BALP/CodeSystem/AuthZsubType", "AuthZ-Consent"), *found]
    interaction = _INTERACTIONS.get(event.operation) or {"C": "create", "U": "update"}.get(event.action)
    return [_coding(INTERACTION, interaction or "operation"), *found]


def _action(event: Event) -> str:
    return "R" if event.operation in DISCLOSURES else event.action


def _agents(event: Event, server: str) -> list[Resource]:
    """The client, the gateway, the person who logged in, and the organisation that answers for the client."""
    reads = event.action in "RE" and not event.query  # a query flows from the client to the server, to BALP
    ends = [_coding(DICOM, "110152", "Destination Role ID"), _coding(DICOM, "110153", "Source Role ID")]
    client: Resource = {
        "type": {"coding": [ends[0 if reads else 1]]},
        "who": {"identifier": {"system": f"{DETAIL}client", "value": event.client or "unknown"}},
        "requestor": not event.user,
    }
    if event.network:
        client["network"] = {"address": event.network, "type": _network_type(event.network)}
    if event.client:
        client["name"] = event.client
    if event.role:
        client["role"] = [{"text": event.role}]
    if event.token:
        client["policy"] = [f"{DETAIL}token:{event.token}"]
    if event.purpose:
        client["purposeOfUse"] = [{"coding": [{"system": REASON, "code": event.purpose}]}]
    own: Resource = {"type": {"coding": [ends[1 if reads else 0]]}, "who": _gateway(), "requestor": False}
    if server:
        own["network"] = {"address": server, "type": "5"}
    made = [client, own]
    if event.user:
        code = ("IRCP", "information recipient") if event.action in "RE" else ("AUT", "author (originator)")
        kind = _coding("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", *code)
        made.append({"type": {"coding": [kind]}, "who": _person(event.user), "requestor": True})
    if event.organisation:
        kind = _coding("http://terminology.hl7.org/CodeSystem/v3-RoleClass", "PROV", "healthcare provider")
        who = {"reference": f"Organization/{event.organisation}"}
        made.append({"type": {"coding": [kind]}, "who": who, "requestor": False})
    return made


def _person(user: str) -> Resource:
    """Who logged in: a resource, or the digest of a subject whom the token names by no resource."""
    if not user.startswith(SUBJECT):
        return {"reference": user}
    return {"identifier": {"system": f"{DETAIL}subject", "value": user.removeprefix(SUBJECT)}}


def _network_type(address: str) -> str:
    """The code of an IP address or, where a server tells another, of a machine's name."""
    return "2" if ":" in address or address.replace(".", "").isdigit() else "1"


def _query(event: Event) -> list[Resource]:
    if not event.query:
        return []
    coded = base64.b64encode(event.query.encode()).decode()
    kind, role = _coding(ENTITY_TYPE, "2", "System Object"), _coding(OBJECT_ROLE, "24", "Query")
    return [{"type": kind, "role": role, "description": event.query, "query": coded}]


def _data(event: Event) -> list[Resource]:
    """What it was done to: each resource with its version, the digests of a change, and why."""
    found: list[Resource] = []
    for index, target in enumerate(event.targets):
        kind, slash, _ = target.partition("/")
        if not slash:
            found.append({"type": _coding(ENTITY_TYPE, "2", "System Object"), "name": target})
            continue
        version = event.versions[index] if event.versions else 0
        entity: Resource = {
            "what": {"reference": f"{target}/_history/{version}" if version else target, "type": kind},
            # Beside a query BALP has no other system object: what was found has the type of a resource.
            "type": _coding(RESOURCE_TYPE, kind) if event.query else _coding(ENTITY_TYPE, "2", "System Object"),
            "role": _coding(OBJECT_ROLE, "4", "Domain Resource"),
        }
        told = [("before", event.before), ("after", event.after)]
        detail = [{"type": f"sha256-{name}", "valueString": of[index]} for name, of in told if of and of[index]]
        if event.why:
            detail.append({"type": "reason-for-change", "valueString": event.why})
        if detail:
            entity["detail"] = detail
        found.append(entity)
    return found


def _all(event: Event) -> list[Resource]:
    """What stands for all that was touched where that is more than is named."""
    if not event.digest:
        return []
    told = {"sha256-of-all": event.digest, "count": str(event.count)}
    detail = [{"type": name, "valueString": value} for name, value in told.items()]
    return [{"type": _coding(RESOURCE_TYPE, "Bundle"), "name": "all", "detail": detail}]


def _patients(event: Event) -> list[Resource]:
    kind, role = _coding(ENTITY_TYPE, "1", "Person"), _coding(OBJECT_ROLE, "1", "Patient")
    return [{"what": {"reference": f"Patient/{one}"}, "type": kind, "role": role} for one in event.patients]


def _consents(event: Event) -> list[Resource]:
    kind = _coding(RESOURCE_TYPE, "Consent", "Consent")
    return [{"what": {"reference": one}, "type": kind} for one in event.consents]


def _transaction(event: Event) -> list[Resource]:
    if not event.request:
        return []
    kind = {"system": "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType", "code": "XrequestId"}
    return [{"what": {"identifier": {"value": event.request}}, "type": kind}]


def _gateway() -> Resource:
    return {"display": "trial-fhir-gateway"}


def _coding(system: str, code: str, display: str = "") -> dict[str, Any]:
    return {"system": system, "code": code} | ({"display": display} if display else {})
