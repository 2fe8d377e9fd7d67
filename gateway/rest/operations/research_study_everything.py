"""ResearchStudy/$everything: all that this study's base holds and the client may see, page by page.

Our own operation: `profiles/operations/everything.json`. A FHIR base is one study, so that it is
asked for at the study's own ResearchStudy.
"""

from gateway.core.errors import NotFound
from gateway.core.issues import issue
from gateway.rest.operation.declaration import Call, Operation
from gateway.rest.operation.everything import PARAMETERS, everything
from gateway.search import Query
from gateway.search.query import IdClause


def _answer(call: Call) -> bytes:
    """The Bundle, the ResearchStudy first; raises `NotFound` for any other than the study's own."""
    call.door.read("ResearchStudy", call.id)
    if call.id != call.study.id:
        raise NotFound(issue("auth.not-found"))
    return everything(call, "", (), [Query("ResearchStudy", (IdClause((call.id,)),))])


OPERATIONS = (
    Operation(
        name="everything",
        url="urn:trial-fhir-gateway:operation:ResearchStudy-everything",
        levels=frozenset({"instance"}),
        types=("ResearchStudy",),
        parameters=PARAMETERS,
        answer=_answer,
    ),
)
