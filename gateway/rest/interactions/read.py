"""read: the current version of one resource. https://hl7.org/fhir/R4/http.html#read"""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gateway.rest.answers import version_response
from gateway.rest.gate import door_of, type_of
from gateway.rest.negotiation import negotiate
from gateway.rest.parts import Parts
from gateway.rest.recording import Recording

CODE = "read"


def endpoint(parts: Parts) -> Callable[[Request], Awaitable[Response]]:
    """Answers a read; async, since a point read is shorter than a change of threads."""

    recording = Recording(parts.access.flush)

    async def read(request: Request) -> Response:
        door = door_of(parts, request)
        pretty = negotiate(request)
        stored, recorded = door.begin_read(type_of(parts, request), request.path_params["id"])
        await recording.wait(recorded)
        return version_response(request, stored, pretty)

    return read


def routes(parts: Parts) -> list[BaseRoute]:
    """GET and HEAD of `[type]/[id]`."""
    return [Route("/studies/{study}/fhir/{type}/{id}", endpoint(parts), methods=["GET"])]
