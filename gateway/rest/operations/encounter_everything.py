"""Encounter/$everything: the encounter, its participant, and all that belongs to it.

https://hl7.org/fhir/R4/encounter-operation-everything.html
"""

from gateway.core.codec import loads
from gateway.rest.operation.declaration import Call, Operation
from gateway.rest.operation.everything import PARAMETERS, everything
from gateway.search import Query
from gateway.search.query import IdClause


def _answer(call: Call) -> bytes:
    """The Bundle, the Encounter first; raises `NotFound` when it is absent or hidden."""
    encounter = loads(call.door.read("Encounter", call.id).body)
    first = [Query("Encounter", (IdClause((call.id,)),))]
    kind, _, patient = str(encounter.get("subject", {}).get("reference", "")).partition("/")
    if kind == "Patient":
        first.append(Query("Patient", (IdClause((patient,)),)))
    return everything(call, "Encounter", (call.id,), first)


OPERATIONS = (
    Operation(
        name="everything",
        url="http://hl7.org/fhir/OperationDefinition/Encounter-everything",
        levels=frozenset({"instance"}),
        types=("Encounter",),
        parameters=PARAMETERS,
        answer=_answer,
    ),
)
