"""The addresses of operations: `[base]/$name`, `[type]/$name` and `[type]/[id]/$name`, by GET and by POST."""

from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway.core.codec import dumps
from gateway.core.errors import BadRequest, MethodNotAllowed, NotFound
from gateway.core.issues import issue
from gateway.rest.clients.gate import door_of, study_of, type_of
from gateway.rest.messages.answers import indented, json_response
from gateway.rest.messages.bodies import JSON_TYPES, has_body, read_body
from gateway.rest.messages.negotiation import COMMON_PARAMETERS, negotiate_with
from gateway.rest.operation.declaration import Call, Inputs, Level, Operation
from gateway.rest.operation.inputs import inputs_of_body, inputs_of_query
from gateway.rest.parts import Parts

BASE: Final = "/studies/{study}/fhir"
PATHS: Final = (BASE + "/${operation}", BASE + "/{type}/${operation}", BASE + "/{type}/{id}/${operation}")
MAX_PARAMETERS: Final = 200
NOTHING: Final = b'{"resourceType":"Parameters"}'
"""What is posted by who posts no body: all inputs are in the address, or there are none."""


def routes(parts: Parts, operations: Sequence[Operation]) -> list[BaseRoute]:
    """GET, HEAD and POST of each level; an operation that is not offered there is 404."""
    router = APIRouter()

    async def posted(request: Request) -> bytes:
        door_of(parts, request)
        return await read_body(request, JSON_TYPES) if has_body(request) else NOTHING

    def by_get(request: Request) -> Response:
        operation = _operation(parts, request, operations)
        if operation.affects:
            raise MethodNotAllowed(issue("rest.method"))
        _common, own = _pairs(request)
        return _answer(parts, request, operation, inputs_of_query(operation, own))

    def by_post(request: Request, body: Annotated[bytes, Depends(posted)]) -> Response:
        operation = _operation(parts, request, operations)
        _common, own = _pairs(request)
        given = inputs_of_body(operation, body, own)
        return _answer(parts, request, operation, given)

    for path in PATHS:
        router.add_api_route(path, by_get, methods=["GET", "HEAD"])
        router.add_api_route(path, by_post, methods=["POST"])
    return list(router.routes)


def _operation(parts: Parts, request: Request, operations: Sequence[Operation]) -> Operation:
    """The operation in the address, for a caller who has a token of the study."""
    door_of(parts, request)
    type_name = type_of(parts, request) if "type" in request.path_params else ""
    name = request.path_params["operation"]
    for operation in operations:
        if operation.name == name and operation.serves(_level(request), type_name):
            return operation
    raise NotFound(issue("rest.unknown-operation"))


def _level(request: Request) -> Level:
    if "id" in request.path_params:
        return "instance"
    return "type" if "type" in request.path_params else "system"


def _pairs(request: Request) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """The pairs of the query string: those that every interaction takes, and the operation's own."""
    pairs = request.query_params.multi_items()
    if len(pairs) > MAX_PARAMETERS:
        raise BadRequest(issue("rest.too-many-parameters", limit=MAX_PARAMETERS))
    common = [pair for pair in pairs if pair[0] in COMMON_PARAMETERS]
    return common, [pair for pair in pairs if pair[0] not in COMMON_PARAMETERS]


def _answer(parts: Parts, request: Request, operation: Operation, inputs: Inputs) -> Response:
    pretty = negotiate_with(request, _pairs(request)[0])
    door = door_of(parts, request)
    type_name = request.path_params.get("type", "")
    door.permit(operation.name, type_name or operation.types[0], operation.scopes)
    call = Call(
        parts=parts,
        study=study_of(parts, request),
        door=door,
        type=type_name,
        id=request.path_params.get("id", ""),
        inputs=inputs,
        language=request.headers.get("accept-language", ""),
    )
    answer = operation.answer(call)
    body = answer if isinstance(answer, bytes) else dumps(answer)
    return json_response(indented(body) if pretty else body)
