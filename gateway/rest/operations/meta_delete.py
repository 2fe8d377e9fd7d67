"""$meta-delete: profiles, tags and security labels taken from a resource; what is not there is left aside.

https://hl7.org/fhir/R4/resource-operation-meta-delete.html
"""

from collections.abc import Mapping
from typing import Any

from gateway.core.types import Resource
from gateway.rest.operation.declaration import ANY_TYPE, Call, Operation, Parameter
from gateway.rest.operation.metas import LISTS, changed, same


def _answer(call: Call) -> Resource:
    """Parameters with the meta as it is now."""
    return changed(call, "meta-delete", _delete)


def _delete(meta: dict[str, Any], given: Mapping[str, Any]) -> None:
    for name in LISTS:
        gone = given.get(name, [])
        meta[name] = [entry for entry in meta.get(name, []) if not any(same(name, entry, one) for one in gone)]


OPERATIONS = (
    Operation(
        name="meta-delete",
        url="http://hl7.org/fhir/OperationDefinition/Resource-meta-delete",
        levels=frozenset({"instance"}),
        types=(ANY_TYPE,),
        parameters=(Parameter("meta", "Meta", min=1),),
        answer=_answer,
        scopes="u",
        affects=True,
    ),
)
