"""$meta-add: profiles, tags and security labels added to a resource.

https://hl7.org/fhir/R4/resource-operation-meta-add.html
"""

from collections.abc import Mapping
from typing import Any

from gateway.core.types import Resource
from gateway.rest.operation.declaration import ANY_TYPE, Call, Operation, Parameter
from gateway.rest.operation.metas import LISTS, changed, same


def _answer(call: Call) -> Resource:
    """Parameters with the meta as it is now."""
    return changed(call, "meta-add", _add)


def _add(meta: dict[str, Any], given: Mapping[str, Any]) -> None:
    for name in LISTS:
        kept = meta.get(name, [])
        new = [entry for entry in given.get(name, []) if not any(same(name, entry, one) for one in kept)]
        meta[name] = [*kept, *new]


OPERATIONS = (
    Operation(
        name="meta-add",
        url="http://hl7.org/fhir/OperationDefinition/Resource-meta-add",
        levels=frozenset({"instance"}),
        types=(ANY_TYPE,),
        parameters=(Parameter("meta", "Meta", min=1),),
        answer=_answer,
        scopes="u",
        affects=True,
    ),
)
