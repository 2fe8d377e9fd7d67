"""ConceptMap/$translate: https://hl7.org/fhir/R4/conceptmap-operation-translate.html

The names of R5 (`sourceCode`, `targetCode`, `sourceSystem`, `targetSystem`) are taken too.
"""

from collections.abc import Sequence

from gateway.core.types import Resource
from gateway.rest.operation.declaration import Call, Inputs, Operation, Parameter
from gateway.rest.operation.terminology_inputs import RESOURCES, catalog_of, missing, stored_of, well_formed
from gateway.terminology.port import Canonicals
from gateway.terminology.translation import TranslateRequest, translate

PARAMETERS = (
    Parameter("url", "uri"),
    Parameter("conceptMap", "ConceptMap"),
    Parameter("conceptMapVersion", "string"),
    Parameter("code", "code"),
    Parameter("system", "uri"),
    Parameter("version", "string"),
    Parameter("source", "uri"),
    Parameter("coding", "Coding"),
    Parameter("codeableConcept", "CodeableConcept"),
    Parameter("target", "uri"),
    Parameter("targetsystem", "uri"),
    Parameter("reverse", "boolean"),
    Parameter("sourceCode", "code"),
    Parameter("sourceSystem", "uri"),
    Parameter("targetCode", "code"),
    Parameter("targetSystem", "uri"),
    RESOURCES,
)


def translated(canonicals: Canonicals, inputs: Inputs, stored: Resource | None = None) -> Resource:
    """The translations of a code; of the first coding that has one, when there are several."""
    given = stored or inputs.one("conceptMap")
    catalog = catalog_of(canonicals, inputs)
    requests = _requests(inputs)
    answers = [translate(catalog, given, request) for request in requests]
    return next((answer for answer in answers if answer["parameter"][0]["valueBoolean"]), answers[0])


def _requests(inputs: Inputs) -> Sequence[TranslateRequest]:
    reverse = bool(inputs.one("reverse")) or inputs.one("targetCode") is not None
    source_system = inputs.one("sourceSystem") or ""
    target_system = inputs.one("targetSystem") or inputs.one("targetsystem") or ""
    own, other = (target_system, source_system) if inputs.one("targetCode") else (source_system, target_system)
    code = inputs.one("code") or inputs.one("sourceCode") or inputs.one("targetCode")
    codings = [{"system": inputs.one("system") or own, "code": code}] if code else []
    if inputs.one("coding"):
        codings = [inputs.one("coding")]
    if inputs.one("codeableConcept"):
        listed = inputs.one("codeableConcept").get("coding")
        codings = [coding for coding in listed if isinstance(coding, dict)] if isinstance(listed, list) else []
    found = [coding for coding in codings if isinstance(coding.get("code"), str)]
    if not found:
        raise missing("code", "coding", "codeableConcept")
    version, url = inputs.one("conceptMapVersion"), inputs.one("url") or ""
    return [
        TranslateRequest(
            code=coding["code"],
            system=str(coding.get("system") or ""),
            other_system=other,
            reverse=reverse,
            url=f"{url}|{version}" if version and "|" not in url else url,
            source=inputs.one("source") or "",
            target=inputs.one("target") or "",
        )
        for coding in found
    ]


def _answer(call: Call) -> Resource:
    with well_formed():
        return translated(call.parts.definitions, call.inputs, stored_of(call))


OPERATIONS = (
    Operation(
        name="translate",
        url="http://hl7.org/fhir/OperationDefinition/ConceptMap-translate",
        levels=frozenset({"type", "instance"}),
        types=("ConceptMap",),
        parameters=PARAMETERS,
        answer=_answer,
    ),
)
