"""Patient/$everything: the participant's whole record, page by page.

https://hl7.org/fhir/R4/patient-operation-everything.html
"""

from gateway.rest.operation.declaration import Call, Operation
from gateway.rest.operation.everything import PARAMETERS, everything
from gateway.search import Query
from gateway.search.query import IdClause


def _answer(call: Call) -> bytes:
    """The Bundle, the Patient first; raises `NotFound` when the participant is absent or hidden."""
    call.door.read("Patient", call.id)
    return everything(call, "Patient", (call.id,), [Query("Patient", (IdClause((call.id,)),))])


OPERATIONS = (
    Operation(
        name="everything",
        url="http://hl7.org/fhir/OperationDefinition/Patient-everything",
        levels=frozenset({"instance"}),
        types=("Patient",),
        parameters=PARAMETERS,
        answer=_answer,
    ),
)
