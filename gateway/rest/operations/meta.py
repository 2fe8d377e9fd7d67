"""$meta: the profiles, tags and security labels of a resource.

https://hl7.org/fhir/R4/resource-operation-meta.html
"""

from gateway.core.types import Resource
from gateway.rest.operation.declaration import ANY_TYPE, Call, Operation
from gateway.rest.operation.metas import meta_answer


def _answer(call: Call) -> Resource:
    """Parameters with the meta; raises `NotFound` when the resource is absent or hidden."""
    return meta_answer(call.door.read(call.type, call.id))


OPERATIONS = (
    Operation(
        name="meta",
        url="http://hl7.org/fhir/OperationDefinition/Resource-meta",
        levels=frozenset({"instance"}),
        types=(ANY_TYPE,),
        parameters=(),
        answer=_answer,
    ),
)
