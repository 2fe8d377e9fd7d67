"""ValueSet/$expand: https://hl7.org/fhir/R4/valueset-operation-expand.html"""

from uuid import uuid4

from gateway.core.clock import system_clock
from gateway.core.errors import BadRequest
from gateway.core.instants import format_instant
from gateway.core.issues import issue
from gateway.core.types import Resource
from gateway.rest.operation.declaration import Call, Inputs, Operation, Parameter
from gateway.rest.operation.terminology_inputs import (
    LANGUAGE,
    RESOURCES,
    SUPPLEMENTS,
    catalog_of,
    or_asked,
    stored_of,
    texts,
    value_set_of,
    well_formed,
)
from gateway.terminology.expansion import ExpandRequest, expand
from gateway.terminology.port import Canonicals

PARAMETERS = (
    Parameter("url", "uri"),
    Parameter("valueSet", "ValueSet"),
    Parameter("valueSetVersion", "string"),
    Parameter("filter", "string"),
    Parameter("offset", "integer"),
    Parameter("count", "integer"),
    Parameter("includeDesignations", "boolean"),
    Parameter("designation", "string", max=None),
    Parameter("includeDefinition", "boolean"),
    Parameter("activeOnly", "boolean"),
    Parameter("excludeNested", "boolean"),
    Parameter("excludeNotForUI", "boolean"),
    Parameter("property", "string", max=None),
    Parameter("exclude-system", "canonical", max=None),
    Parameter("system-version", "canonical", max=None),
    Parameter("check-system-version", "canonical", max=None),
    Parameter("force-system-version", "canonical", max=None),
    LANGUAGE,
    SUPPLEMENTS,
    RESOURCES,
)


def expanded(canonicals: Canonicals, inputs: Inputs, language: str, stored: Resource | None = None) -> Resource:
    """The expanded ValueSet, of `stored` when the address names one."""
    for name in ("offset", "count"):
        if (inputs.one(name) or 0) < 0:
            raise BadRequest(issue("rest.parameter-value", parameter=name, expected="Give a number from 0 up"))
    catalog = catalog_of(canonicals, inputs)
    request = ExpandRequest(
        filter=inputs.one("filter"),
        offset=inputs.one("offset"),
        count=inputs.one("count"),
        active_only=inputs.one("activeOnly"),
        exclude_nested=inputs.one("excludeNested"),
        include_designations=inputs.one("includeDesignations"),
        include_definition=inputs.one("includeDefinition"),
        designations=texts(inputs.all("designation")),
        properties=texts(inputs.all("property")),
        display_language=inputs.one(LANGUAGE.name),
        language=language,
        supplements=texts(inputs.all(SUPPLEMENTS.name)),
        exclude_not_selectable=inputs.one("excludeNotForUI"),
        exclude_systems=texts(inputs.all("exclude-system")),
        default_versions=texts(inputs.all("system-version")),
        check_versions=texts(inputs.all("check-system-version")),
        force_versions=texts(inputs.all("force-system-version")),
    )
    value_set = value_set_of(catalog, inputs, stored)
    return expand(catalog, value_set, request, format_instant(system_clock()), f"urn:uuid:{uuid4()}")


def _answer(call: Call) -> Resource:
    names = ("url", "valueSetVersion", "filter", "offset", "count", "displayLanguage")
    with well_formed():
        stored = stored_of(call)
        if stored is not None:
            return expanded(call.parts.definitions, call.inputs, call.language, stored)
        return or_asked(
            call.parts.terminology,
            call.inputs,
            "ValueSet/$expand",
            names,
            lambda: expanded(call.parts.definitions, call.inputs, call.language),
        )


OPERATIONS = (
    Operation(
        name="expand",
        url="http://hl7.org/fhir/OperationDefinition/ValueSet-expand",
        levels=frozenset({"type", "instance"}),
        types=("ValueSet",),
        parameters=PARAMETERS,
        answer=_answer,
        body="valueSet",
    ),
)
