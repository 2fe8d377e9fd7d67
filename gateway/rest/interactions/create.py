"""create: a new resource at an id that the gateway makes; with If-None-Exist only where there is none such yet.

https://hl7.org/fhir/R4/http.html#create and #ccreate
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeAlias

from msgspec import Struct
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gateway.access import Begun, Door, Result
from gateway.core.errors import BadRequest
from gateway.core.issues import issue
from gateway.core.types import Resource
from gateway.rest.clients.gate import door_of, study_of, type_of
from gateway.rest.loop.together import Together
from gateway.rest.messages.answers import Ready
from gateway.rest.messages.bodies import JSON_TYPES, read_body
from gateway.rest.messages.headers import header, headers_of, values_of
from gateway.rest.messages.negotiation import negotiate
from gateway.rest.messages.preferences import preferences_of
from gateway.rest.parts import Parts
from gateway.rest.writing.conditions import criteria, lock_of
from gateway.rest.writing.judging import Judges, resource_of
from gateway.rest.writing.steps import creation, new_id
from gateway.rest.writing.written import creation_response

CODE = "create"
CODES = (CODE,)
_IF_NONE_EXIST: Final = b"if-none-exist"


class _Asked(Struct, frozen=True):
    """One create, its body read."""

    request: Request
    door: Door
    type: str
    body: bytes


Answer: TypeAlias = Response | Ready


class _Creating:
    """Makes what is asked for."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._judges = Judges(parts)
        self._together: Together[_Asked, Answer] = Together(self._all)

    async def answer(self, asked: _Asked) -> Answer:
        """The answer to one create. Those that ask nothing of the database before they are committed go together."""
        parts, request = self._parts, asked.request
        rules = parts.studies[asked.door.principal.study].validation.rules
        if parts.reads_on_loop and _IF_NONE_EXIST not in headers_of(request.scope) and not rules:
            return await self._together.answer(asked)
        return await run_in_threadpool(self._one, asked)

    def _one(self, asked: _Asked) -> Answer:
        parts, request, door = self._parts, asked.request, asked.door
        resource, pretty = self._resource(asked)
        condition = header(request, _IF_NONE_EXIST)
        if condition is not None and len(values_of(request.scope, _IF_NONE_EXIST)) > 1:
            raise BadRequest(issue("rest.condition"))
        study = study_of(parts, request)
        unless = None if condition is None else criteria(parts, study.id, resource["resourceType"], condition)
        issues = self._judges.of(request, door).require(resource)
        step = creation(resource, unless)
        locks = (lock_of(unless),) if unless else ()
        [result] = door.transact(lambda find: [step(find)], CODE, action="C", locks=locks)
        return creation_response(parts, result, preferences_of(request), issues, pretty=pretty)

    def _all(self, asked: Sequence[_Asked]) -> list[Answer | BaseException]:
        answers: list[Answer | BaseException | None] = []
        ready: list[tuple[Begun, Callable[[Result], Answer]]] = []
        for one in asked:
            try:
                ready.append(self._begun(one))
                answers.append(None)
            except Exception as error:
                answers.append(error)
        committed = self._parts.access.commit_together([begun for begun, _ in ready])
        done = iter(zip(committed, ready, strict=True))
        return [_told(*next(done)) if answer is None else answer for answer in answers]

    def _begun(self, asked: _Asked) -> tuple[Begun, Callable[[Result], Answer]]:
        parts, request = self._parts, asked.request
        resource, pretty = self._resource(asked)
        issues = self._judges.of(request, asked.door).require(resource)
        step = creation(resource)
        begun = asked.door.begin_transact(lambda find: [step(find)], CODE, action="C")
        wanted = preferences_of(request)
        return begun, lambda result: creation_response(parts, result, wanted, issues, pretty=pretty)

    def _resource(self, asked: _Asked) -> tuple[Resource, bool]:
        """The resource under a new id, and whether the answer is to be indented."""
        pretty = negotiate(asked.request)
        base = self._parts.fhir_base(asked.door.principal.study)
        return {**resource_of(asked.body, asked.type, base), "id": new_id()}, pretty


def _told(
    done: tuple[Result, ...] | BaseException, ready: tuple[Begun, Callable[[Result], Answer]]
) -> Answer | BaseException:
    return done if isinstance(done, BaseException) else ready[1](done[0])


def endpoint(parts: Parts) -> Callable[[Request], Awaitable[Answer]]:
    """Answers a create; nothing of the body is read before it is known that the caller may create this type."""
    creating = _Creating(parts)

    async def create(request: Request) -> Answer:
        door, type = door_of(parts, request), type_of(parts, request)
        door.require_write(type, "c")
        body = await read_body(request, JSON_TYPES, parts.max_body_bytes)
        return await creating.answer(_Asked(request, door, type, body))

    return create


def routes(parts: Parts) -> list[BaseRoute]:
    """POST of `[type]`, with If-None-Exist and Prefer; an id in the body is not looked at."""
    return [Route("/studies/{study}/fhir/{type}", endpoint(parts), methods=["POST"])]
