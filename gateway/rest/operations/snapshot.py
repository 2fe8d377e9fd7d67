"""StructureDefinition/$snapshot: https://hl7.org/fhir/R4/structuredefinition-operation-snapshot.html"""

from gateway.core.errors import NotFound, Unprocessable
from gateway.core.issues import issue
from gateway.core.types import Resource
from gateway.definitions import Definitions
from gateway.rest.operation.declaration import Call, Inputs, Operation, Parameter
from gateway.rest.operation.terminology_inputs import missing, stored_of, well_formed

PARAMETERS = (Parameter("definition", "StructureDefinition"), Parameter("url", "string"))


def written_out(definitions: Definitions, inputs: Inputs, stored: Resource | None = None) -> Resource:
    """The StructureDefinition with its snapshot; one that has a snapshot and no differential is answered as it is.

    Raises `NotFound` for an unknown URL, `Unprocessable` when the base is not known.
    """
    given = stored or inputs.one("definition")
    url = inputs.one("url")
    if given is None:
        if url is None:
            raise missing("definition", "url")
        given = definitions.canonical(url)
        if given is None or given.get("resourceType") != "StructureDefinition":
            raise NotFound(issue("conformance.definition-unknown"))
    if "snapshot" in given and "differential" not in given:
        return given
    made = definitions.with_snapshot(given)
    if made is None:
        raise Unprocessable(issue("conformance.definition-base"))
    return made


def _answer(call: Call) -> Resource:
    with well_formed():
        return written_out(call.parts.definitions, call.inputs, stored_of(call))


OPERATIONS = (
    Operation(
        name="snapshot",
        url="http://hl7.org/fhir/OperationDefinition/StructureDefinition-snapshot",
        levels=frozenset({"type", "instance"}),
        types=("StructureDefinition",),
        parameters=PARAMETERS,
        answer=_answer,
        body="definition",
    ),
)
