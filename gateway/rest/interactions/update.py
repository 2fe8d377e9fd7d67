"""update: a new version of one resource, at an id that the client knows or where a condition leads.

https://hl7.org/fhir/R4/http.html#update and #cond-update
"""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway.core.errors import BadRequest
from gateway.core.issues import issue
from gateway.core.types import Resource
from gateway.rest.clients.gate import door_of, study_of, type_of
from gateway.rest.messages.bodies import JSON_TYPES, read_body
from gateway.rest.messages.headers import header
from gateway.rest.messages.negotiation import negotiate
from gateway.rest.messages.preferences import preferences_of
from gateway.rest.parts import Parts
from gateway.rest.writing.conditions import condition_of, lock_of
from gateway.rest.writing.judging import Judges, resource_of
from gateway.rest.writing.preconditions import if_match, only_new
from gateway.rest.writing.steps import ATTEMPTS, conditional_replacement, new_id, replacement
from gateway.rest.writing.written import write_response

CODE = "update"
CODES = (CODE,)


def routes(parts: Parts) -> list[BaseRoute]:
    """PUT of `[type]/[id]` and of `[type]?[condition]`, with If-Match, If-None-Match and Prefer."""
    router = APIRouter()
    judges = Judges(parts)

    async def resource_body(request: Request) -> bytes:
        door_of(parts, request).require_write(type_of(parts, request), "u")
        return await read_body(request, JSON_TYPES)

    @router.put("/studies/{study}/fhir/{type}/{id}")
    def update(request: Request, body: Annotated[bytes, Depends(resource_body)]) -> Response:
        pretty = negotiate(request)
        base = parts.fhir_base(study_of(parts, request).id)
        resource = _resource(body, type_of(parts, request), request.path_params["id"], base)
        version = if_match(header(request, b"if-match"))
        is_new = only_new(header(request, b"if-none-match"))
        issues = judges.of(request).require(resource)
        may_create = study_of(parts, request).interactions.update_creates
        step = replacement(resource, version, is_new=is_new, may_create=may_create)
        [result] = door_of(parts, request).transact(lambda find: [step(find)], CODE)
        return write_response(parts, result, preferences_of(request), issues, pretty=pretty)

    @router.put("/studies/{study}/fhir/{type}")
    def conditional_update(request: Request, body: Annotated[bytes, Depends(resource_body)]) -> Response:
        study, kind = study_of(parts, request), type_of(parts, request)
        where, pretty = condition_of(parts, request, CODE)
        resource = resource_of(body, kind, parts.fhir_base(study.id))
        issues = judges.of(request).require({"id": new_id(), **resource})
        version = if_match(header(request, b"if-match"))
        is_new = only_new(header(request, b"if-none-match"))
        may_create = study.interactions.update_creates
        step = conditional_replacement(resource, where, version, is_new=is_new, may_create=may_create)
        door = door_of(parts, request)
        attempts = ATTEMPTS if version is None and not is_new else 1
        [result] = door.transact(lambda find: [step(find)], CODE, locks=(lock_of(where),), attempts=attempts)
        return write_response(parts, result, preferences_of(request), issues, pretty=pretty)

    return list(router.routes)


def _resource(body: bytes, type_name: str, identity: str, base: str) -> Resource:
    tree = resource_of(body, type_name, base)
    if tree.get("id") != identity:
        raise BadRequest(issue("rest.id-differs", expression=f"{type_name}.id"))
    return tree
