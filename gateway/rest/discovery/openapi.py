"""The OpenAPI description of the HTTP side, for generators and testers: `/openapi.json`.

Made of the routes that there are, so that none can be missing; what FHIR resources look like is the business of the
FHIR definitions, and stays open here. See https://spec.openapis.org/oas/v3.1.0.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

import gateway
from gateway.core.codec import dumps
from gateway.core.types import Resource
from gateway.rest.messages.bodies import FORM_TYPES, JSON_TYPES
from gateway.rest.messages.problems import FHIR_JSON
from gateway.rest.parts import Parts
from gateway.rest.patching import PATCH_TYPES

PATH: Final = "/openapi.json"
PUBLIC: Final = ("metadata", "smart-configuration", "jwks", "healthz", "readyz", "openapi.json")
REFUSALS: Final = {
    "400": "The request is not understood",
    "401": "No valid token",
    "403": "Not allowed for this client",
    "404": "Not there, or not to be known of",
    "405": "Not offered",
    "406": "JSON only",
    "409": "In conflict with what is stored",
    "410": "Deleted",
    "412": "A condition does not hold",
    "413": "Too large",
    "415": "Media type not taken",
    "422": "The content breaks a rule",
    "429": "Too many requests",
    "503": "A part that must not be skipped is not there",
}
_SUCCESS: Final = {"POST": ("200", "201", "202"), "PUT": ("200", "201"), "PATCH": ("200",), "DELETE": ("200", "204")}
_PARAMETER = re.compile(r"\{([a-z]+)(?::[a-z]+)?\}")
_PATTERNS: Final = {
    "id": r"^[A-Za-z0-9\-.]{1,64}$",
    "version": r"^[1-9][0-9]{0,8}$",
    "operation": r"^[a-z][a-z\-]{0,63}$",
    "compartment": r"^(Device|Encounter|Patient|Practitioner|RelatedPerson)$",
}
_QUERY: Final = {
    "search": (
        "_id",
        "_lastUpdated",
        "_count",
        "_sort",
        "_total",
        "_summary",
        "_elements",
        "_include",
        "_revinclude",
    ),
    "history": ("_count", "_since", "_at", "_summary", "_elements"),
    "read": ("_summary", "_elements"),
    "vread": ("_summary", "_elements"),
    "capabilities": ("mode",),
    "audit_search": ("_id", "_lastUpdated", "_count", "date"),
}
_LATER: Final = ("search", "history", "by_get", "export", "async_status", "export_status")
"""What may answer that it is not done yet, beside what is posted."""

_BODILESS: Final = ("search_by_post", "by_post", "export_by_post", "view_run_by_post")
"""What may be posted without a body: the address says it all."""

_HEADERS: Final = {
    "search": ("Prefer",),
    "search_by_post": ("Prefer",),
    "history": ("Prefer",),
    "bundle": ("Prefer",),
    "by_get": ("Prefer",),
    "by_post": ("Prefer",),
    "create": ("If-None-Exist", "Prefer"),
    "update": ("If-Match", "If-None-Match", "Prefer"),
    "conditional_update": ("If-Match", "If-None-Match", "Prefer"),
    "patch": ("If-Match", "If-None-Match", "Prefer"),
    "conditional_patch": ("If-Match", "If-None-Match", "Prefer"),
    "delete": ("If-Match", "If-None-Match", "Prefer"),
    "conditional_delete": ("If-Match", "If-None-Match", "Prefer"),
    "read": ("If-None-Match", "If-Modified-Since"),
    "vread": ("If-None-Match", "If-Modified-Since"),
}

_REFUSING: Final = frozenset({"audit_write"})
"""Routes that are there to refuse."""


def routes(parts: Parts, others: Sequence[BaseRoute]) -> list[BaseRoute]:
    """GET of the description of `others`; public, and made once."""
    body = dumps(description(parts, others))

    async def openapi(_request: Request) -> Response:
        return Response(body, media_type="application/json")

    return [Route(PATH, openapi, methods=["GET"])]


def description(parts: Parts, others: Sequence[BaseRoute]) -> Resource:
    """The OpenAPI document of the routes."""
    paths: dict[str, dict[str, Any]] = {}
    for route in others:
        # With a slash at its end an address is the same as without.
        if isinstance(route, Route) and not route.path.endswith("/") and route.name not in _REFUSING:
            path = _PARAMETER.sub(r"{\1}", route.path)
            for method in sorted((route.methods or set()) - {"HEAD"}):
                entry = paths.setdefault(path, {})
                entry.setdefault(method.lower(), _operation(parts, route, path, method))
    outcome = {"type": "object", "required": ["resourceType", "issue"], "properties": _OUTCOME}
    return {
        "openapi": "3.1.0",
        "info": {"title": "trial-fhir-gateway", "version": gateway.__version__},
        "servers": [{"url": parts.base_url}],
        "paths": paths,
        "components": {
            "schemas": {"Resource": _RESOURCE, "OperationOutcome": outcome},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


_RESOURCE: Final = {
    "type": "object",
    "required": ["resourceType"],
    "properties": {"resourceType": {"type": "string"}, "id": {"type": "string"}},
}
_ISSUE: Final = {
    "type": "object",
    "required": ["severity", "code"],
    "properties": {
        "severity": {"type": "string", "enum": ["fatal", "error", "warning", "information"]},
        "code": {"type": "string"},
        "details": {"type": "object"},
        "diagnostics": {"type": "string"},
        "expression": {"type": "array", "items": {"type": "string"}},
    },
}
_OUTCOME: Final = {
    "resourceType": {"const": "OperationOutcome"},
    "issue": {"type": "array", "minItems": 1, "items": _ISSUE},
}
_ANY_QUERY: Final = {
    "name": "parameters",
    "in": "query",
    "description": "Any search parameter of the type, by its name; inputs of an operation",
    "style": "form",
    "explode": True,
    "schema": {"type": "object", "additionalProperties": {"type": "string"}},
}
"""What else an address may ask: names that the CapabilityStatement lists."""


def _operation(parts: Parts, route: Route, path: str, method: str) -> dict[str, Any]:
    name = route.name
    is_fhir = "/fhir" in path and not path.endswith("smart-configuration")
    media = FHIR_JSON if is_fhir else "application/json"
    schema = {"$ref": "#/components/schemas/Resource"} if is_fhir else {"type": "object"}
    content = {media: {"schema": schema}}
    refusal = {FHIR_JSON: {"schema": {"$ref": "#/components/schemas/OperationOutcome"}}}
    answers: dict[str, Any] = {
        status: {"description": "Done"} | ({} if status == "204" else {"content": content})
        for status in _SUCCESS.get(method, ("200",))
    }
    answers |= {"304": {"description": "Not modified"}} if name in ("read", "vread") else {}
    answers |= {"202": {"description": "To be asked about later"}} if name in _LATER else {}
    answers |= {status: {"description": text, "content": refusal} for status, text in REFUSALS.items()}
    found: dict[str, Any] = {
        "operationId": "-".join((name, method.lower(), *(part for part in re.split(r"[^A-Za-z]+", path) if part))),
        "tags": ["FHIR" if is_fhir else "gateway"],
        "parameters": list(_parameters(parts, name, path)),
        "responses": answers,
    }
    if method in ("POST", "PUT", "PATCH"):
        found["requestBody"] = {"content": _body(name, path, method), "required": name not in _BODILESS}
    return found if path.endswith(PUBLIC) else found | {"security": [{"token": []}]}


def _parameters(parts: Parts, name: str, path: str) -> Iterator[dict[str, Any]]:
    for found in _PARAMETER.finditer(path):
        schema: dict[str, Any] = {"type": "string", "pattern": _PATTERNS.get(found[1], r"^[A-Za-z0-9\-]{1,64}$")}
        if found[1] == "study":
            schema = {"type": "string", "enum": sorted(parts.studies)}
        elif found[1] == "type":
            schema = {"type": "string", "enum": sorted(parts.definitions.types())}
        yield {"name": found[1], "in": "path", "required": True, "schema": schema}
    for text in _QUERY.get(name, ()):
        yield {"name": text, "in": "query", "schema": {"type": "string"}}
    if name in ("search", "audit_search", "by_get", "conditional_update", "conditional_patch", "conditional_delete"):
        yield _ANY_QUERY
    for text in _HEADERS.get(name, ()):
        yield {"name": text, "in": "header", "schema": {"type": "string"}}


def _body(name: str, path: str, method: str) -> dict[str, Any]:
    if "/ingest/" in path:
        return {"*/*": {"schema": {}}}
    if path.endswith("_search"):
        return {FORM_TYPES[0]: {"schema": {"type": "object", "additionalProperties": {"type": "string"}}}}
    if method == "PATCH":
        patch = {"type": "array", "items": {"type": "object", "required": ["op", "path"]}}
        return {PATCH_TYPES[0]: {"schema": patch}, FHIR_JSON: {"schema": {"$ref": "#/components/schemas/Resource"}}}
    if "/fhir" in path:
        return {kind: {"schema": {"$ref": "#/components/schemas/Resource"}} for kind in JSON_TYPES}
    return {FORM_TYPES[0]: {"schema": {"type": "object"}}}
