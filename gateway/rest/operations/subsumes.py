"""CodeSystem/$subsumes: https://hl7.org/fhir/R4/codesystem-operation-subsumes.html"""

from gateway.core.errors import BadRequest
from gateway.core.issues import issue
from gateway.core.types import Resource
from gateway.rest.operation.declaration import Call, Inputs, Operation, Parameter
from gateway.rest.operation.terminology_inputs import RESOURCES, catalog_of, missing, or_asked, stored_of, well_formed
from gateway.terminology.port import Canonicals
from gateway.terminology.subsumption import subsumes

PARAMETERS = (
    Parameter("codeA", "code"),
    Parameter("codeB", "code"),
    Parameter("system", "uri"),
    Parameter("version", "string"),
    Parameter("codingA", "Coding"),
    Parameter("codingB", "Coding"),
    RESOURCES,
)


def related(canonicals: Canonicals, inputs: Inputs, stored: Resource | None = None) -> Resource:
    """How two codes of one system relate; `stored` is the CodeSystem that the address names."""
    extra = [*inputs.all(RESOURCES.name), *([stored] if stored else [])]
    system = stored.get("url") if stored else inputs.one("system")
    version = inputs.one("version")
    codings = [
        inputs.one(f"coding{side}") or {"system": system, "version": version, "code": inputs.one(f"code{side}")}
        for side in "AB"
    ]
    if not all(coding.get("code") and coding.get("system") for coding in codings):
        raise missing("codingA and codingB", "codeA and codeB with system")
    first, second = codings
    if first["system"] != second["system"]:
        raise BadRequest(issue("rest.parameter-value", parameter="codingB", expected="Give two codes of one system"))
    catalog = catalog_of(canonicals, Inputs({RESOURCES.name: extra}))
    found = subsumes(
        catalog, str(first["system"]), str(first["code"]), str(second["code"]), first.get("version") or ""
    )
    return {"resourceType": "Parameters", "parameter": [{"name": "outcome", "valueCode": found}]}


def _answer(call: Call) -> Resource:
    with well_formed():
        stored = stored_of(call)
        if stored is not None:
            return related(call.parts.definitions, call.inputs, stored)
        return or_asked(
            call.parts.terminology,
            call.inputs,
            "CodeSystem/$subsumes",
            ("system", "version", "codeA", "codeB"),
            lambda: related(call.parts.definitions, call.inputs),
        )


OPERATIONS = (
    Operation(
        name="subsumes",
        url="http://hl7.org/fhir/OperationDefinition/CodeSystem-subsumes",
        levels=frozenset({"type", "instance"}),
        types=("CodeSystem",),
        parameters=PARAMETERS,
        answer=_answer,
    ),
)
