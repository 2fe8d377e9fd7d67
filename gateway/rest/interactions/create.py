"""create: a new resource at an id that the gateway makes; with If-None-Exist only where there is none such yet.

https://hl7.org/fhir/R4/http.html#create and #ccreate
"""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway.rest.bodies import JSON_TYPES, read_body
from gateway.rest.conditions import criteria, lock_of
from gateway.rest.gate import door_of, study_of, type_of
from gateway.rest.judging import Judges, resource_of
from gateway.rest.negotiation import negotiate
from gateway.rest.parts import Parts
from gateway.rest.preferences import preferences_of
from gateway.rest.steps import creation, new_id
from gateway.rest.written import write_response

CODE = "create"
CODES = (CODE,)


def routes(parts: Parts) -> list[BaseRoute]:
    """POST of `[type]`, with If-None-Exist and Prefer; an id in the body is not looked at."""
    router = APIRouter()
    judges = Judges(parts)

    async def resource_body(request: Request) -> bytes:
        door_of(parts, request).require_write(type_of(parts, request), "c")
        return await read_body(request, JSON_TYPES)

    @router.post("/studies/{study}/fhir/{type}")
    def create(request: Request, body: Annotated[bytes, Depends(resource_body)]) -> Response:
        pretty = negotiate(request)
        study, kind = study_of(parts, request), type_of(parts, request)
        resource = {**resource_of(body, kind), "id": new_id()}
        condition = request.headers.get("if-none-exist")
        unless = None if condition is None else criteria(parts, study.id, kind, condition)
        issues = judges.of(request).require(resource)
        step = creation(resource, unless)
        locks = (lock_of(unless),) if unless else ()
        [result] = door_of(parts, request).transact(lambda find: [step(find)], CODE, action="C", locks=locks)
        return write_response(parts, result, preferences_of(request), issues, pretty=pretty)

    return list(router.routes)
