"""delete: the resource is gone from reads and searches; its versions stay.

Of what is not there, or may not be known, nothing is deleted, and the answer is the same.
https://hl7.org/fhir/R4/http.html#delete and #3.1.0.7.1
"""

from collections.abc import Sequence

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway.access import Delete, Finder, Step
from gateway.core.errors import MethodNotAllowed
from gateway.core.issues import issue
from gateway.rest.clients.gate import door_of, study_of, type_of
from gateway.rest.messages.negotiation import negotiate
from gateway.rest.messages.preferences import preferences_of
from gateway.rest.parts import Parts
from gateway.rest.writing.conditions import condition_of, lock_of, most_deleted, require_conditional_delete
from gateway.rest.writing.preconditions import NoneMatch, preconditions_of
from gateway.rest.writing.steps import MakeSteps, conditional_removals, removal
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
        if request.path_params["id"].startswith("$"):  # an operation, and no resource that is gone
            raise MethodNotAllowed(issue("rest.method"))
        negotiate(request)
        asked = preconditions_of(request)
        step = removal(kind, request.path_params["id"], asked.version)
        steps = _guarded(lambda find: [step(find)], asked.unless)
        [result] = door.transact(steps, CODE, action="D", attempts=asked.attempts)
        return write_response(parts, result, preferences_of(request))

    @router.delete("/studies/{study}/fhir/{type}")
    def conditional_delete(request: Request) -> Response:
        door = door_of(parts, request)
        study = study_of(parts, request)
        door.require_write(type_of(parts, request), "d")
        require_conditional_delete(study)
        where, _ = condition_of(parts, request, CODE)
        asked = preconditions_of(request)
        removals = conditional_removals(where, most_deleted(study, parts.bundle_limit), asked.version)
        steps = _guarded(removals, asked.unless)
        results = door.transact(steps, CODE, action="D", locks=(lock_of(where),), attempts=asked.attempts)
        told = [issue("rest.deleted", count=len(results))] if len(results) > 1 else []
        result = results[0] if len(results) == 1 else None
        return write_response(parts, result, preferences_of(request), told)

    return list(router.routes)


def _guarded(make: MakeSteps, unless: NoneMatch) -> MakeSteps:
    """The same deletions, unless a version that is there now must not be."""

    def steps(find: Finder) -> Sequence[Step]:
        made = make(find)
        for one in made:
            if isinstance(one, Delete):
                unless.require(one.type, one.if_match or 0)
        return made

    return steps
