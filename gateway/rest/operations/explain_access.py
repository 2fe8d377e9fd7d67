"""$explain-access: which provision of which Consent lets a client have a resource, or keeps it from it.

For who manages Consents. A client is one of the study file; its organisation and purpose are what Consents are asked.
"""

from typing import Any

from gateway.consent import ConsentRequest, Decision
from gateway.core.errors import BadRequest
from gateway.core.instants import micros
from gateway.core.issues import issue
from gateway.core.rules import RULES
from gateway.core.types import Resource
from gateway.rest.operation.declaration import ANY_TYPE, Call, Operation, Parameter

ACTIONS = ("access", "disclose", "collect")


def _answer(call: Call) -> Resource:
    """Parameters with the decision; raises `Forbidden` before it is looked whether client or resource exist."""
    client = call.study.clients.get(call.inputs.one("client"))
    action = call.inputs.one("action") or ACTIONS[0]
    now = micros(call.parts.clock())
    asked = ConsentRequest.of(call.study, client, action, now) if client else ConsentRequest("", action, "", now)
    decision = call.door.explain(call.type, call.id, asked)
    if client is None or action not in ACTIONS:
        raise BadRequest(issue("consent.explain-question", known=", ".join(call.study.clients)))
    return explained(decision)


def explained(decision: Decision) -> Resource:
    """The decision as Parameters: `decision`, `reason`, `message`, and a `provision` for each that decided."""
    told: list[dict[str, Any]] = [
        {"name": "decision", "valueCode": "permit" if decision.permit else "deny"},
        {"name": "reason", "valueCode": decision.reason},
        {"name": "message", "valueString": RULES[decision.reason].message},
    ]
    for reason in decision.reasons:
        parts = [
            {"name": "effect", "valueCode": "permit" if reason.permits else "deny"},
            {"name": "consent", "valueReference": {"reference": reason.consent}},
            {"name": "place", "valueString": reason.provision},
            {"name": "subject", "valueReference": {"reference": f"Patient/{reason.subject}"}},
        ]
        parts += [{"name": "domain", "valueCode": reason.domain}] if reason.domain else []
        told.append({"name": "provision", "part": parts})
    return {"resourceType": "Parameters", "parameter": told}


OPERATIONS = (
    Operation(
        name="explain-access",
        url="urn:trial-fhir-gateway:operation:explain-access",
        levels=frozenset({"instance"}),
        types=(ANY_TYPE,),
        parameters=(Parameter("client", "string", min=1), Parameter("action", "code")),
        answer=_answer,
        scopes="r",
    ),
)
