"""Observation/$lastn: the newest observations of each code, among those that the client may see.

https://hl7.org/fhir/R4/observation-operation-lastn.html
"""

from typing import Final

from gateway.core.errors import BadRequest
from gateway.core.instants import micros
from gateway.core.issues import issue
from gateway.rest.messages.bundles import searchset
from gateway.rest.operation.declaration import Call, Operation, Parameter
from gateway.search import parse

MAX_EACH: Final = 100
SEARCHED: Final = ("patient", "subject", "category", "code", "date", "status", "encounter", "device", "performer")

PARAMETERS: Final = (
    Parameter("max", "integer"),
    *(Parameter(name, "string", max=None) for name in SEARCHED),
)


def _answer(call: Call) -> bytes:
    """The searchset, by code and then newest first; raises `BadRequest` unless a participant is named."""
    inputs = call.inputs
    count = 1 if inputs.one("max") is None else inputs.one("max")
    if not 1 <= count <= MAX_EACH:
        raise BadRequest(issue("rest.parameter-value", parameter="max", expected=f"From 1 to {MAX_EACH}"))
    if not inputs.all("patient") and not inputs.all("subject"):
        raise BadRequest(issue("rest.parameter-missing", parameter="patient"))
    pairs = [(name, text) for name in SEARCHED for text in inputs.all(name)]
    base = call.parts.fhir_base(call.study.id)
    query = parse("Observation", pairs, call.parts.parameters, base, now=micros(call.parts.clock()))
    rows = call.door.newest(query, count)
    return searchset(base, rows, {"self": f"{base}/Observation/$lastn"}, len(rows))


OPERATIONS = (
    Operation(
        name="lastn",
        url="http://hl7.org/fhir/OperationDefinition/Observation-lastn",
        levels=frozenset({"type"}),
        types=("Observation",),
        parameters=PARAMETERS,
        answer=_answer,
        scopes="rs",
    ),
)
