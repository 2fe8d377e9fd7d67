"""patch: a resource changed in parts, by a JSON Patch or a FHIRPath Patch. https://hl7.org/fhir/R4/http.html#patch

Who patches must be allowed to read, as a patch can ask what is in the resource.
"""

from collections.abc import Callable
from typing import Annotated, TypeAlias

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway.access import Finder
from gateway.core.issues import Issue
from gateway.core.resources import Stored
from gateway.core.types import Resource
from gateway.rest.clients.gate import door_of, study_of, type_of
from gateway.rest.messages.bodies import media_type, read_body
from gateway.rest.messages.negotiation import negotiate
from gateway.rest.messages.preferences import preferences_of
from gateway.rest.parts import Parts
from gateway.rest.patching import PATCH_TYPES, patch_of
from gateway.rest.writing.conditions import condition_of, lock_of, the_one
from gateway.rest.writing.judging import Judges
from gateway.rest.writing.local_references import shortening
from gateway.rest.writing.preconditions import NoneMatch, preconditions_of
from gateway.rest.writing.steps import amendment
from gateway.rest.writing.written import write_response

CODE = "patch"
CODES = (CODE,)

FindOne: TypeAlias = Callable[[Finder], Stored | None]


def routes(parts: Parts) -> list[BaseRoute]:
    """PATCH of `[type]/[id]`, with If-Match, If-None-Match and Prefer, and of `[type]?[condition]`."""
    router = APIRouter()
    judges = Judges(parts)

    async def patch_body(request: Request) -> bytes:
        door_of(parts, request).require_write(type_of(parts, request), "u")
        return await read_body(request, PATCH_TYPES)

    def answer(
        request: Request, body: bytes, find_one: FindOne, *, pretty: bool, locks: tuple[str, ...] = ()
    ) -> Response:
        change = patch_of(media_type(request), body, parts.definitions)
        amend = shortening(change, parts.fhir_base(study_of(parts, request).id))
        judge, warnings = judges.of(request), list[Issue]()
        asked = preconditions_of(request)

        def judged(resource: Resource, find: Finder) -> None:
            warnings[:] = judge.require(resource, inside=find)

        step = amendment(_wanted(find_one, asked.unless), amend, judged, asked.version)
        door = door_of(parts, request)
        [result] = door.transact(lambda find: [step(find)], CODE, locks=locks, attempts=asked.attempts)
        return write_response(parts, result, preferences_of(request), warnings, pretty=pretty)

    @router.patch("/studies/{study}/fhir/{type}/{id}")
    def patch(request: Request, body: Annotated[bytes, Depends(patch_body)]) -> Response:
        pretty = negotiate(request)
        kind, identity = type_of(parts, request), request.path_params["id"]
        locks = (f"{kind}/{identity}",)
        return answer(request, body, lambda find: find.current(kind, identity), pretty=pretty, locks=locks)

    @router.patch("/studies/{study}/fhir/{type}")
    def conditional_patch(request: Request, body: Annotated[bytes, Depends(patch_body)]) -> Response:
        where, pretty = condition_of(parts, request, CODE)

        def matching(find: Finder) -> Stored | None:
            found = the_one(find, where)
            return find.current(where.type, found.key.id) if found else None

        return answer(request, body, matching, pretty=pretty, locks=(lock_of(where),))

    return list(router.routes)


def _wanted(find_one: FindOne, unless: NoneMatch) -> FindOne:
    """Finds the same, unless a version that is there now must not be."""

    def find_wanted(find: Finder) -> Stored | None:
        found = find_one(find)
        if found is not None:
            unless.require(found.key.type, found.version)
        return found

    return find_wanted
