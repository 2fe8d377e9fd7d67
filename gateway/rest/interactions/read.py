"""read: the current version of one resource. https://hl7.org/fhir/R4/http.html#read"""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from gateway.rest.clients.gate import door_of, type_of
from gateway.rest.loop.point_reads import PointReads
from gateway.rest.messages.answers import version_response
from gateway.rest.messages.binary_content import asks_for_content, content_response
from gateway.rest.messages.bundles import whole
from gateway.rest.messages.subsets import Subsets, shown_of
from gateway.rest.parts import Parts

CODES = ("read",)


def endpoint(parts: Parts) -> Callable[[Request], Awaitable[ASGIApp]]:
    """Answers a read; async, since a point read is shorter than a change of threads."""

    reads, subsets = PointReads(parts), Subsets(parts.definitions)

    async def read(request: Request) -> ASGIApp:
        door = door_of(parts, request)
        is_content = asks_for_content(request)
        pretty, shown = (False, whole) if is_content else shown_of(subsets, request)
        stored = await reads.read(door, type_of(parts, request), request.path_params["id"])
        if is_content:
            return content_response(request, stored)
        return version_response(request, stored, pretty, shown)

    return read


def routes(parts: Parts) -> list[BaseRoute]:
    """GET and HEAD of `[type]/[id]`."""
    return [Route("/studies/{study}/fhir/{type}/{id}", endpoint(parts), methods=["GET"])]
