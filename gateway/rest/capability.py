"""capabilities: the CapabilityStatement of a study's FHIR base, made of what is registered and nothing else.

See https://hl7.org/fhir/R4/capabilitystatement.html.
"""

from collections.abc import Iterable, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

import gateway
from gateway.core.codec import dumps
from gateway.core.errors import BadRequest
from gateway.core.issues import issue
from gateway.core.types import Resource
from gateway.rest.answers import indented, json_response
from gateway.rest.gate import study_of
from gateway.rest.negotiation import negotiate_with
from gateway.rest.operation import ANY_TYPE, Operation
from gateway.rest.parts import Parts
from gateway.rest.terminology_capability import terminology_statement
from gateway.study import Study

SECURITY_SERVICES = "http://terminology.hl7.org/CodeSystem/restful-security-service"
PUBLISHED = "2026-01-01"
MODES = ("full", "normative", "terminology")


def routes(parts: Parts, interactions: Iterable[str], operations: Sequence[Operation]) -> list[BaseRoute]:
    """GET and HEAD of `metadata` of each study; public, made once a study, never blocking."""
    codes = tuple(interactions)
    made = {study.id: dumps(statement(parts, study, codes, operations)) for study in parts.studies.values()}

    terminologies = {
        study.id: dumps(terminology_statement(parts.fhir_base(study.id), operations))
        for study in parts.studies.values()
    }

    async def capabilities(request: Request) -> Response:
        pairs = request.query_params.multi_items()
        pretty = negotiate_with(request, [pair for pair in pairs if pair[0] != "mode"])
        modes = [value for name, value in pairs if name == "mode"] or ["full"]
        if len(modes) > 1 or modes[0] not in MODES:
            raise BadRequest(issue("rest.parameter-value", parameter="mode", expected=f"Use {' or '.join(MODES)}"))
        body = (terminologies if modes[0] == "terminology" else made)[study_of(parts, request).id]
        return json_response(indented(body) if pretty else body)

    return [Route("/studies/{study}/fhir/metadata", capabilities, methods=["GET"])]


def statement(
    parts: Parts, study: Study, interactions: tuple[str, ...], operations: Sequence[Operation] = ()
) -> Resource:
    """The CapabilityStatement of `study`: every R4 type with its operations and the search parameters that are
    indexed for it."""
    base = parts.fhir_base(study.id)
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": PUBLISHED,
        "kind": "instance",
        "software": {"name": "trial-fhir-gateway", "version": gateway.__version__},
        "implementation": {"description": study.title, "url": base},
        "fhirVersion": "4.0.1",
        "format": ["json", "application/fhir+json"],
        "rest": [
            {
                "mode": "server",
                "security": {
                    "service": [{"coding": [{"system": SECURITY_SERVICES, "code": "SMART-on-FHIR"}]}],
                    "description": "Bearer tokens bound to one study, client, role and purpose; consent on every row",
                },
                "resource": [
                    _resource(parts, study, name, interactions) | _offered(operations, name)
                    for name in sorted(parts.definitions.types())
                ],
            }
            | _offered(operations, "")
        ],
    }


def _offered(operations: Sequence[Operation], type_name: str) -> Resource:
    """The `operation` entries of a resource type, or of the system when it is ""."""
    found = [
        {"name": operation.name, "definition": operation.url}
        for operation in operations
        if (
            type_name in operation.types or ANY_TYPE in operation.types if type_name else "system" in operation.levels
        )
    ]
    return {"operation": found} if found else {}


def _resource(parts: Parts, study: Study, name: str, interactions: tuple[str, ...]) -> Resource:
    entry: Resource = {"type": name}
    profiles = [rule.url for rule in study.profiles.get(name, ())]
    if profiles:
        entry["supportedProfile"] = profiles
    return entry | {
        "interaction": [{"code": code} for code in interactions],
        "versioning": "versioned-update",
        "readHistory": True,
        "updateCreate": True,
        "searchParam": _search_parameters(parts, name),
    }


def _search_parameters(parts: Parts, name: str) -> list[Resource]:
    known = parts.definitions.search_parameters(name)
    codes = ["_id", "_lastUpdated", *parts.parameters.of(name)]
    return [
        {"name": code, "definition": known[code].url, "type": known[code].type} for code in codes if code in known
    ]
