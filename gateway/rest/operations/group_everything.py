"""Group/$everything: the group and the records of its members. https://hl7.org/fhir/R4/group-operation-everything.html"""

from typing import Final

from gateway.core.codec import loads
from gateway.core.errors import Unprocessable
from gateway.core.issues import issue
from gateway.rest.operation.declaration import Call, Operation
from gateway.rest.operation.everything import PARAMETERS, everything
from gateway.search import Query
from gateway.search.query import IdClause

MAX_MEMBERS: Final = 1_000


def _answer(call: Call) -> bytes:
    """The Bundle, the Group first; raises `NotFound` when it is absent or hidden, `Unprocessable` when it is too
    large."""
    group = loads(call.door.read("Group", call.id).body)
    references = [str(member.get("entity", {}).get("reference", "")) for member in group.get("member", ())]
    members = tuple(
        dict.fromkeys(text.removeprefix("Patient/") for text in references if text.startswith("Patient/"))
    )
    if len(members) > MAX_MEMBERS:
        raise Unprocessable(issue("rest.too-many-members", limit=MAX_MEMBERS))
    return everything(call, "Patient", members, [Query("Group", (IdClause((call.id,)),))])


OPERATIONS = (
    Operation(
        name="everything",
        url="http://hl7.org/fhir/OperationDefinition/Group-everything",
        levels=frozenset({"instance"}),
        types=("Group",),
        parameters=PARAMETERS,
        answer=_answer,
    ),
)
