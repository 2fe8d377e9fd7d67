"""capabilities: the CapabilityStatement of a study's FHIR base, made of what is registered and nothing else.

See https://hl7.org/fhir/R4/capabilitystatement.html.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

import gateway
from gateway.core.codec import dumps
from gateway.core.errors import BadRequest
from gateway.core.issues import issue
from gateway.core.types import Resource
from gateway.definitions import SearchParameter
from gateway.rest.clients.gate import study_of
from gateway.rest.discovery.offering import UNSTORED, offered
from gateway.rest.discovery.terminology_capability import terminology_statement
from gateway.rest.exports.bulk import DEFINITIONS, OFFERED
from gateway.rest.messages.answers import indented, json_response
from gateway.rest.messages.negotiation import negotiate_with
from gateway.rest.operation.declaration import ANY_TYPE, Operation
from gateway.rest.parts import Parts
from gateway.rest.patching import JSON_PATCH
from gateway.search import Parameters
from gateway.search.parameters import Indexed
from gateway.search.parsing.kinds import MODIFIERS
from gateway.search.parsing.results import COMMON
from gateway.study import Study

SECURITY_SERVICES: Final = "http://terminology.hl7.org/CodeSystem/restful-security-service"
COMPARTMENT: Final = "http://hl7.org/fhir/CompartmentDefinition/"
OAUTH_URIS: Final = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
BULK_DATA: Final = "http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data"
PUBLISHED: Final = "2026-01-01"
MODES: Final = ("full", "normative", "terminology")

COMPARTMENTS: Final = ("device", "encounter", "patient", "practitioner", "relatedPerson")
_CONDITIONS: Final[Mapping[str, Mapping[str, Any]]] = {
    "read": {"conditionalRead": "full-support"},
    "create": {"conditionalCreate": True},
    "update": {"conditionalUpdate": True},
    "vread": {"readHistory": True, "versioning": "versioned"},
}
"""What is told beside the code of an interaction."""

_OWN_CONDITIONS: Final[Mapping[str, Mapping[str, Any]]] = {
    "AuditEvent": {"conditionalRead": "not-supported"},
    "Consent": {"versioning": "versioned-update"},  # one that is there is changed with If-Match
}


def routes(
    parts: Parts, codes: Sequence[str], system_codes: Sequence[str], operations: Sequence[Operation]
) -> list[BaseRoute]:
    """GET and HEAD of `metadata` of each study; public, and made when it is first asked for.

    `codes` are the interactions of every type, `system_codes` those above the types.
    """
    resources = cache(lambda owner: _resources(parts, owner, codes, operations))

    @cache
    def made(study: str, mode: str) -> bytes:
        if mode == "terminology":
            return dumps(terminology_statement(parts.fhir_base(study), operations))
        owner = study if parts.definitions.has_own_parameters(study) else ""
        return dumps(statement(parts, parts.studies[study], resources(owner), system_codes, operations))

    async def capabilities(request: Request) -> Response:
        pairs = request.query_params.multi_items()
        others = [pair for pair in pairs if pair[0] != "mode"]
        pretty = negotiate_with(request, others, "capabilities", ("mode",))
        modes = [value for name, value in pairs if name == "mode"] or ["full"]
        if len(modes) > 1 or modes[0] not in MODES:
            raise BadRequest(issue("rest.parameter-value", parameter="mode", expected=f"Use {' or '.join(MODES)}"))
        mode = "terminology" if modes[0] == "terminology" else "full"
        body = await run_in_threadpool(made, study_of(parts, request).id, mode)
        return json_response(indented(body) if pretty else body)

    return [Route("/studies/{study}/fhir/metadata", capabilities, methods=["GET"])]


def _oauth(parts: Parts) -> Mapping[str, Any]:
    """Where old apps look for the endpoints of a launch; nothing where there is none."""
    if parts.app_launch is None:
        return {}
    names = ("authorize", "token", "introspect", "revoke")
    told = [{"url": name, "valueUri": f"{parts.base_url}/auth/{name}"} for name in names]
    return {"extension": [{"url": OAUTH_URIS, "extension": told}]}


def statement(
    parts: Parts,
    study: Study,
    resources: Iterable[Resource],
    system_codes: Sequence[str],
    operations: Sequence[Operation] = (),
) -> Resource:
    """The CapabilityStatement of `study`; `resources` are the entries of the types, without the study's profiles."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": PUBLISHED,
        "kind": "instance",
        "software": {"name": "trial-fhir-gateway", "version": gateway.__version__},
        "implementation": {"description": study.title, "url": parts.fhir_base(study.id)},
        "instantiates": [BULK_DATA],
        "fhirVersion": "4.0.1",
        "format": ["json", "application/fhir+json"],
        "patchFormat": [JSON_PATCH, "application/fhir+json"],
        "rest": [
            {
                "mode": "server",
                "documentation": _documentation(),
                "security": {
                    "cors": bool(parts.origins),
                    "service": [{"coding": [{"system": SECURITY_SERVICES, "code": "SMART-on-FHIR"}]}],
                    **_oauth(parts),
                    "description": "Bearer tokens bound to one study, client, role and purpose; consent on every row",
                },
                "resource": [_of_study(study, entry) for entry in resources],
                "interaction": [{"code": code} for code in system_codes],
                "searchParam": _common_parameters(parts),
                **_offered(operations, ""),
                "compartment": [COMPARTMENT + name for name in COMPARTMENTS],
            }
        ],
    }


def _documentation() -> str:
    told = (
        "JSON only; XML is refused (406, 415). `Prefer: respond-async` is taken for searches, histories, operations, "
        "batches and transactions. Operators are shown how a search is run with `_explain=true`."
    )
    kinds = "; ".join(f"{kind} {', '.join(names)}" for kind, names in sorted(MODIFIERS.items()) if names)
    return f"{told} Search modifiers: {kinds.replace('of-type', 'ofType')}."


def _offered(operations: Sequence[Operation], type_name: str) -> Resource:
    """The `operation` entries of a resource type, or of the system when it is ""."""
    exported = [{"name": "export", "definition": DEFINITIONS + OFFERED[type_name]}] if type_name in OFFERED else []
    found = exported + [
        {"name": operation.name, "definition": operation.url}
        for operation in operations
        if (
            type_name in operation.types or ANY_TYPE in operation.types if type_name else "system" in operation.levels
        )
        and (type_name not in UNSTORED or "type" in operation.levels)
    ]
    return {"operation": found} if found else {}


def _of_study(study: Study, entry: Resource) -> Resource:
    profiles = [rule.url for rule in study.profiles.get(entry["type"], ())]
    told = {"type": entry["type"], "supportedProfile": profiles, **entry} if profiles else entry
    codes, decided = {one["code"] for one in entry["interaction"]}, study.interactions
    creates, deletes = "update" in codes and decided.update_creates, "delete" in codes
    found = decided.conditional_delete if deletes else "not-supported"
    return told | {"updateCreate": creates, "conditionalDelete": found}


def _resources(parts: Parts, owner: str, codes: Sequence[str], operations: Sequence[Operation]) -> list[Resource]:
    """The entries of the types; `owner` is a study with search parameters of its own, "" for any other."""
    names = sorted(parts.definitions.types())
    reverse = _reverse_includes(parts.parameters.of_study(owner), names)
    return [_resource(parts, owner, name, codes, reverse[name]) | _offered(operations, name) for name in names]


def _resource(parts: Parts, owner: str, name: str, codes: Sequence[str], reverse: Sequence[str]) -> Resource:
    has = offered(name, codes)
    entry: Resource = {"type": name, "interaction": [{"code": code} for code in has]}
    for code in has:
        entry |= _CONDITIONS.get(code, {})
    entry |= _OWN_CONDITIONS.get(name, {})
    entry["referencePolicy"] = ["literal", "local"]
    known = parts.parameters.of_study(owner).of(name)
    own = [f"{name}:{code}" for code, found in known.items() if _is_followed(found)]
    if name not in UNSTORED:
        entry |= {"searchInclude": ["*", *own]} if own else {}
        entry |= {"searchRevInclude": ["*", *reverse]} if reverse else {}
    entry["searchParam"] = _search_parameters(known, parts.definitions.search_parameters(name, owner))
    return entry


def _reverse_includes(parameters: Parameters, names: Sequence[str]) -> dict[str, list[str]]:
    """Type -> `Type:parameter` of what may refer to it."""
    found: dict[str, list[str]] = {name: [] for name in names}
    for source in (name for name in names if name not in UNSTORED):
        for code, parameter in parameters.of(source).items():
            for target in parameter.targets if _is_followed(parameter) else ():
                if target in found:
                    found[target].append(f"{source}:{code}")
    return found


def _common_parameters(parts: Parts) -> list[Resource]:
    """Those by which a search of all types may ask, whatever the type."""
    told = [code for code in parts.parameters.of(COMMON) if code.startswith("_") and code != "_text"]
    return _search_parameters(told, parts.definitions.search_parameters(COMMON))


def _is_followed(parameter: Indexed) -> bool:
    """Whether includes follow it: a reference, and none by canonical URL."""
    return parameter.kind == "reference" and not parameter.is_canonical


def _search_parameters(indexed: Iterable[str], known: Mapping[str, SearchParameter]) -> list[Resource]:
    codes = ["_id", "_lastUpdated", *indexed]
    return [
        {"name": code, "definition": known[code].url, "type": known[code].type} for code in codes if code in known
    ]
