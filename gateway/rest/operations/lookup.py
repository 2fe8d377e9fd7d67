"""CodeSystem/$lookup: https://hl7.org/fhir/R4/codesystem-operation-lookup.html"""

from gateway.core.types import Resource
from gateway.rest.operation.declaration import Call, Inputs, Operation, Parameter
from gateway.rest.operation.terminology_inputs import (
    LANGUAGE,
    RESOURCES,
    SUPPLEMENTS,
    catalog_of,
    missing,
    or_asked,
    texts,
    well_formed,
)
from gateway.terminology.lookup import LookupRequest, lookup
from gateway.terminology.port import Canonicals

PARAMETERS = (
    Parameter("code", "code"),
    Parameter("system", "uri"),
    Parameter("version", "string"),
    Parameter("coding", "Coding"),
    Parameter("date", "dateTime"),
    Parameter("property", "code", max=None),
    LANGUAGE,
    SUPPLEMENTS,
    RESOURCES,
)


def looked_up(canonicals: Canonicals, inputs: Inputs, language: str) -> Resource:
    """What a code means; raises `BadRequest` without a code and its system."""
    coding = inputs.one("coding") or {name: inputs.one(name) for name in ("system", "version", "code")}
    if not coding.get("code") or not coding.get("system"):
        raise missing("coding", "code with system")
    request = LookupRequest(
        system=str(coding["system"]),
        code=str(coding["code"]),
        version=str(coding.get("version") or ""),
        properties=texts(inputs.all("property")),
        display_language=inputs.one(LANGUAGE.name),
        language=language,
        supplements=texts(inputs.all(SUPPLEMENTS.name)),
    )
    return lookup(catalog_of(canonicals, inputs), request)


def _answer(call: Call) -> Resource:
    with well_formed():
        return or_asked(
            call.parts.terminology,
            call.inputs,
            "CodeSystem/$lookup",
            ("system", "version", "code", "displayLanguage"),
            lambda: looked_up(call.parts.definitions, call.inputs, call.language),
        )


OPERATIONS = (
    Operation(
        name="lookup",
        url="http://hl7.org/fhir/OperationDefinition/CodeSystem-lookup",
        levels=frozenset({"type"}),
        types=("CodeSystem",),
        parameters=PARAMETERS,
        answer=_answer,
    ),
)
