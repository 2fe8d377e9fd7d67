"""delete: the resource is gone from reads and searches; its versions stay.

Of what is not there, or may not be known, nothing is deleted, and the answer is the same.
https://hl7.org/fhir/R4/http.html#delete and #3.1.0.7.1
"""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway.core.issues import issue
from gateway.rest.clients.gate import door_of, study_of, type_of
from gateway.rest.messages.negotiation import negotiate, negotiate_with
from gateway.rest.messages.preferences import preferences_of
from gateway.rest.parts import Parts
from gateway.rest.writing.conditions import (
    address_condition,
    criteria_of,
    if_match,
    lock_of,
    most_deleted,
    require_conditional_delete,
)
from gateway.rest.writing.steps import ATTEMPTS, conditional_removals, removal
from gateway.rest.writing.written import write_response

CODE = "delete"
CODES = (CODE,)


def routes(parts: Parts) -> list[BaseRoute]:
    """DELETE of `[type]/[id]` and of `[type]?[condition]`, which as many resources may meet as the study allows."""
    router = APIRouter()

    @router.delete("/studies/{study}/fhir/{type}/{id}")
    def delete(request: Request) -> Response:
        door = door_of(parts, request)
        kind = type_of(parts, request)
        door.require_write(kind, "d")
        negotiate(request)
        version = if_match(request.headers.get("if-match"))
        step = removal(kind, request.path_params["id"], version)
        attempts = ATTEMPTS if version is None else 1
        [result] = door.transact(lambda find: [step(find)], CODE, action="D", attempts=attempts)
        return write_response(parts, result, preferences_of(request))

    @router.delete("/studies/{study}/fhir/{type}")
    def conditional_delete(request: Request) -> Response:
        door = door_of(parts, request)
        study, kind = study_of(parts, request), type_of(parts, request)
        door.require_write(kind, "d")
        require_conditional_delete(study)
        common, asked = address_condition(request)
        negotiate_with(request, common, CODE)
        where = criteria_of(parts, study.id, kind, asked)
        version = if_match(request.headers.get("if-match"))
        steps = conditional_removals(where, most_deleted(study, parts.bundle_limit), version)
        attempts = ATTEMPTS if version is None else 1
        results = door.transact(steps, CODE, action="D", locks=(lock_of(where),), attempts=attempts)
        told = [issue("rest.deleted", count=len(results))] if len(results) > 1 else []
        result = results[0] if len(results) == 1 else None
        return write_response(parts, result, preferences_of(request), told)

    return list(router.routes)
