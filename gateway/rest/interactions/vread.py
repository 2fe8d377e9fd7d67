"""vread: one given version of one resource. https://hl7.org/fhir/R4/http.html#vread"""

import re

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

CODES = ("vread",)

_VERSION = re.compile(r"[1-9][0-9]{0,8}\Z")


def routes(parts: Parts) -> list[BaseRoute]:
    """GET and HEAD of `[type]/[id]/_history/[vid]`; a version id that the gateway never gives is version 0."""

    reads, subsets = PointReads(parts), Subsets(parts.definitions)

    async def vread(request: Request) -> ASGIApp:
        door = door_of(parts, request)
        is_content = asks_for_content(request)
        pretty, shown = (False, whole) if is_content else shown_of(subsets, request)
        text = request.path_params["version"]
        version = int(text) if _VERSION.match(text) else 0
        stored = await reads.read(door, type_of(parts, request), request.path_params["id"], version)
        if is_content:
            return content_response(request, stored)
        return version_response(request, stored, pretty, shown)

    return [Route("/studies/{study}/fhir/{type}/{id}/_history/{version}", vread, methods=["GET"])]
