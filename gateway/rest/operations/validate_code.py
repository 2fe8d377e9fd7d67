"""$validate-code of ValueSet and CodeSystem, and many of them at once.

https://hl7.org/fhir/R4/valueset-operation-validate-code.html,
https://hl7.org/fhir/R4/codesystem-operation-validate-code.html
"""

from collections.abc import Mapping
from typing import Any

from gateway.core.errors import BadRequest, FhirError
from gateway.core.issues import issue
from gateway.core.types import Resource
from gateway.rest.operation.declaration import Call, Inputs, Operation, Parameter
from gateway.rest.operation.inputs import inputs_of_parameters
from gateway.rest.operation.terminology_inputs import (
    LANGUAGE,
    RESOURCES,
    SUPPLEMENTS,
    catalog_of,
    missing,
    or_asked,
    stored_of,
    texts,
    value_set_of,
    well_formed,
)
from gateway.terminology.findings import outcome
from gateway.terminology.port import Canonicals
from gateway.terminology.validation import Form, ValidateRequest, validate_code

COMMON = (
    Parameter("url", "uri"),
    Parameter("code", "code"),
    Parameter("display", "string"),
    Parameter("coding", "Coding"),
    Parameter("codeableConcept", "CodeableConcept"),
    Parameter("date", "dateTime"),
    Parameter("abstract", "boolean"),
    Parameter("lenient-display-validation", "boolean"),
    LANGUAGE,
    SUPPLEMENTS,
    RESOURCES,
)
OF_VALUE_SET = (
    *COMMON,
    Parameter("valueSet", "ValueSet"),
    Parameter("valueSetVersion", "string"),
    Parameter("system", "uri"),
    Parameter("systemVersion", "string"),
    Parameter("inferSystem", "boolean"),
    Parameter("activeOnly", "boolean"),
    Parameter("valueset-membership-only", "boolean"),
)
OF_CODE_SYSTEM = (*COMMON, Parameter("codeSystem", "CodeSystem"), Parameter("version", "string"))
IN_BATCH = (*OF_VALUE_SET, Parameter("validation", "Parameters", min=1, max=None))

MAX_IN_BATCH = 1000


def in_value_set(canonicals: Canonicals, inputs: Inputs, language: str, stored: Resource | None = None) -> Resource:
    """Whether a code is in a value set; `stored` is the ValueSet that the address names."""
    catalog = catalog_of(canonicals, inputs)
    form, value = _asked(inputs, inputs.one("system"), inputs.one("systemVersion"))
    return validate_code(catalog, value_set_of(catalog, inputs, stored), _request(inputs, form, value, language))


def in_code_system(canonicals: Canonicals, inputs: Inputs, language: str, stored: Resource | None = None) -> Resource:
    """Whether a code is in a code system; `stored` is the CodeSystem that the address names."""
    given = stored or inputs.one("codeSystem")
    extra = [*inputs.all(RESOURCES.name), *([given] if given else [])]
    catalog = catalog_of(canonicals, Inputs({RESOURCES.name: extra}))
    url = given.get("url") if given else inputs.one("url")
    form, value = _asked(inputs, url, inputs.one("version"))
    return validate_code(catalog, None, _request(inputs, form, value, language))


def in_batch(canonicals: Canonicals, inputs: Inputs, language: str, stored: Resource | None = None) -> Resource:
    """Each `validation` with the inputs beside it, answered or refused on its own."""
    if len(inputs.all("validation")) > MAX_IN_BATCH:
        raise BadRequest(issue("rest.too-many-parameters", limit=MAX_IN_BATCH))
    shared = {name: values for name, values in inputs.values.items() if name != "validation"}
    entries: list[Resource] = []
    for tree in inputs.all("validation"):
        try:
            own = inputs_of_parameters(VALUE_SET, tree)
            answer = in_value_set(canonicals, Inputs({**shared, **own.values}), language, stored)
        except FhirError as error:
            answer = outcome(error.issues)
        entries.append({"name": "validation", "resource": answer})
    return {"resourceType": "Parameters", "parameter": entries}


def _asked(inputs: Inputs, system: str | None, version: str | None) -> tuple[Form, Mapping[str, Any]]:
    concept, coding, code = inputs.one("codeableConcept"), inputs.one("coding"), inputs.one("code")
    if concept is not None:
        return "codeableConcept", concept
    if coding is not None:
        return "coding", coding
    if code is None:
        raise missing("coding", "codeableConcept", "code with system", "code with inferSystem")
    parts = {"system": system, "version": version, "code": code, "display": inputs.one("display")}
    return "code", {name: value for name, value in parts.items() if value}


def _request(inputs: Inputs, form: Form, value: Mapping[str, Any], language: str) -> ValidateRequest:
    return ValidateRequest(
        form=form,
        value=value,
        infer_system=bool(inputs.one("inferSystem")),
        abstract=inputs.one("abstract"),
        active_only=bool(inputs.one("activeOnly")),
        lenient_display=bool(inputs.one("lenient-display-validation")),
        membership_only=bool(inputs.one("valueset-membership-only")),
        display_language=inputs.one(LANGUAGE.name),
        language=language,
        supplements=texts(inputs.all(SUPPLEMENTS.name)),
    )


def _of_value_set(call: Call) -> Resource:
    with well_formed():
        stored = stored_of(call)
        if stored is not None:
            return in_value_set(call.parts.definitions, call.inputs, call.language, stored)
        return or_asked(
            call.parts.terminology,
            call.inputs,
            "ValueSet/$validate-code",
            ("url", "valueSetVersion", "system", "systemVersion", "code", "displayLanguage"),
            lambda: in_value_set(call.parts.definitions, call.inputs, call.language),
        )


def _of_code_system(call: Call) -> Resource:
    with well_formed():
        stored = stored_of(call)
        if stored is not None:
            return in_code_system(call.parts.definitions, call.inputs, call.language, stored)
        return or_asked(
            call.parts.terminology,
            call.inputs,
            "CodeSystem/$validate-code",
            ("url", "version", "code", "displayLanguage"),
            lambda: in_code_system(call.parts.definitions, call.inputs, call.language),
        )


def _of_batch(call: Call) -> Resource:
    with well_formed():
        return in_batch(call.parts.definitions, call.inputs, call.language)


VALUE_SET = Operation(
    name="validate-code",
    url="http://hl7.org/fhir/OperationDefinition/ValueSet-validate-code",
    levels=frozenset({"type", "instance"}),
    types=("ValueSet",),
    parameters=OF_VALUE_SET,
    answer=_of_value_set,
)
CODE_SYSTEM = Operation(
    name="validate-code",
    url="http://hl7.org/fhir/OperationDefinition/CodeSystem-validate-code",
    levels=frozenset({"type", "instance"}),
    types=("CodeSystem",),
    parameters=OF_CODE_SYSTEM,
    answer=_of_code_system,
)
BATCH = Operation(
    name="batch-validate-code",
    url="urn:trial-fhir-gateway:operation:ValueSet-batch-validate-code",
    levels=frozenset({"type"}),
    types=("ValueSet",),
    parameters=IN_BATCH,
    answer=_of_batch,
)
OPERATIONS = (VALUE_SET, CODE_SYSTEM, BATCH)
