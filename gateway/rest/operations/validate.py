"""$validate: a resource judged as a write of it would be, and nothing stored.

Asked by whoever may read the type, or create it; a resource that is stored already, by readers alone.

https://hl7.org/fhir/R4/resource-operation-validate.html
"""

from typing import Final

from gateway.core.codec import loads
from gateway.core.errors import BadRequest
from gateway.core.issues import issue, operation_outcome
from gateway.core.types import Resource
from gateway.ingest.admission import Admission
from gateway.ingest.facts import StoredFacts
from gateway.rest.operation.declaration import ANY_TYPE, Call, Operation, Parameter

MODES: Final = ("create", "update", "delete", "profile")

PARAMETERS: Final = (
    Parameter("resource", "Resource"),
    Parameter("mode", "code"),
    Parameter("profile", "uri", max=None),
)


def _answer(call: Call) -> Resource:
    """The OperationOutcome of the resource in the body, or at the address where there is none in the body.

    Mode `delete` asks whether the resource at the address is there; raises `NotFound` when it is not.
    """
    mode, resource = _mode(call), call.inputs.one("resource")
    if mode == "delete" or resource is None:
        if not call.id:
            raise BadRequest(issue("rest.parameter-missing", parameter="resource"))
        stored = loads(call.door.read(call.type, call.id).body)
        resource = stored if resource is None else resource
    if mode == "delete":
        return operation_outcome(())
    if not call.door.may(call.type, "r"):
        # Who delivers may ask what would become of it, and learns nothing but what it sent.
        call.door.permit("validate", call.type, "c")
    _check_address(call, resource, mode)
    profiles = tuple(dict.fromkeys(call.inputs.all("profile")))
    admission = Admission(call.study, call.parts.validator)
    taken = resource["resourceType"] in call.study.profiles
    judge = admission.check if taken else admission.judge
    return operation_outcome(judge(resource, profiles=profiles, stored=StoredFacts.of_reader(call.door)))


def _mode(call: Call) -> str:
    mode: str = call.inputs.one("mode") or ""
    if mode and mode not in MODES:
        raise BadRequest(issue("rest.parameter-value", parameter="mode", expected=f"One of {', '.join(MODES)}"))
    if mode == "profile" and not call.inputs.all("profile"):
        raise BadRequest(issue("rest.parameter-missing", parameter="profile"))
    if mode in ("update", "delete") and not call.id:
        expected = "update and delete are asked for at an instance"
        raise BadRequest(issue("rest.parameter-value", parameter="mode", expected=expected))
    return mode


def _check_address(call: Call, resource: Resource, mode: str) -> None:
    if resource["resourceType"] != call.type:
        raise BadRequest(issue("rest.type-differs", expression="resourceType"))
    if mode == "update" and resource.get("id") != call.id:
        raise BadRequest(issue("rest.id-differs", expression=f"{call.type}.id"))


OPERATIONS = (
    Operation(
        name="validate",
        url="http://hl7.org/fhir/OperationDefinition/Resource-validate",
        levels=frozenset({"type", "instance"}),
        types=(ANY_TYPE,),
        parameters=PARAMETERS,
        answer=_answer,
        scopes="",
        body="resource",
    ),
)
