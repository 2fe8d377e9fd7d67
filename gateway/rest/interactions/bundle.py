"""batch and transaction: many requests in one. https://hl7.org/fhir/R4/http.html#transaction

A batch does its entries one after the other, in their order, each as if it came alone. A transaction writes all or
nothing; its reads see what was written. Resources come back where `Prefer: return=representation` asks for them.
"""

from collections.abc import Sequence
from functools import lru_cache

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gateway.access import Door
from gateway.core.codec import loads
from gateway.core.errors import BadRequest
from gateway.core.instants import format_instant
from gateway.core.issues import issue, operation_outcome
from gateway.core.types import Resource
from gateway.rest.bundling import Done, Entry, Reply, ask, entries_of, entry_of, refused, run
from gateway.rest.clients.gate import door_of, study_of
from gateway.rest.messages.answers import etag, indented, json_response
from gateway.rest.messages.bodies import JSON_TYPES, read_body
from gateway.rest.messages.negotiation import negotiate
from gateway.rest.messages.preferences import Preferences, preferences_of
from gateway.rest.parts import Parts
from gateway.rest.writing.judging import Judge, Judges
from gateway.rest.writing.written import place_of, status_of, version_of
from gateway.study import Study

CODES = ()
SYSTEM_CODES = ("transaction", "batch")


def routes(parts: Parts) -> list[BaseRoute]:
    """POST of the base."""
    judges = Judges(parts)

    async def bundle(request: Request) -> Response:
        door, study = door_of(parts, request), study_of(parts, request)
        pretty = negotiate(request)
        body = await read_body(request, JSON_TYPES)
        base = parts.fhir_base(study.id)
        kind, entries = await run_in_threadpool(lambda: entries_of(loads(body), base, parts.bundle_limit))
        if kind == "batch":
            replies = await _asked(request, entries)
            answers = await run_in_threadpool(lambda: [entry_of(reply) for reply in replies])
        else:
            answers = await _transaction(parts, judges.of(request), study, door, request, _well_formed(entries))
        text = b'{"resourceType":"Bundle","type":"%b-response"%b}' % (
            kind.encode(),
            b',"entry":[' + b",".join(answers) + b"]" if answers else b"",
        )
        return json_response(indented(text) if pretty else text)

    paths = ("/studies/{study}/fhir", "/studies/{study}/fhir/")
    return [Route(path, bundle, methods=["POST"]) for path in paths]


async def _asked(request: Request, entries: Sequence[Entry | BadRequest]) -> list[Reply]:
    base = f"/studies/{request.path_params['study']}/fhir"
    inner = request.app.state.inner
    return [
        await ask(inner, request, entry, base) if isinstance(entry, Entry) else refused(entry) for entry in entries
    ]


def _well_formed(entries: Sequence[Entry | BadRequest]) -> tuple[Entry, ...]:
    found = tuple([entry for entry in entries if isinstance(entry, Entry)])
    if len(found) < len(entries):
        raise next(entry for entry in entries if isinstance(entry, BadRequest))
    return found


async def _transaction(
    parts: Parts, judge: Judge, study: Study, door: Door, request: Request, entries: tuple[Entry, ...]
) -> list[bytes]:
    reads = [entry for entry in entries if entry.is_read]
    written = {entry.path for entry in entries if not entry.is_read} if reads else set()
    for entry, reply in zip(reads, await _asked(request, reads), strict=True):
        if reply.status >= 400 and not (reply.status in (404, 410) and entry.path in written):
            raise BadRequest(issue("rest.bundle-read", expression=entry.place))
    done = await run_in_threadpool(run, parts, judge, study, door, entries)
    replies = dict(zip((entry.index for entry in reads), await _asked(request, reads), strict=True))
    wanted = preferences_of(request)
    return await run_in_threadpool(
        lambda: [
            entry_of(replies[entry.index]) if entry.is_read else _written(parts, done[entry.index], wanted)
            for entry in entries
        ]
    )


_instant = lru_cache(maxsize=16)(format_instant)
"""What one transaction wrote has one."""


class _Response(msgspec.Struct, omit_defaults=True, rename="camel"):
    """`Bundle.entry.response`, with the members that have a value."""

    status: str
    etag: str = ""
    last_modified: str = ""
    location: str = ""
    outcome: Resource | None = None


_encode = msgspec.json.Encoder().encode


def _written(parts: Parts, done: Done, wanted: Preferences) -> bytes:
    stored = version_of(done.result)
    response = _Response(str(status_of(done.result)))
    if stored is not None:
        response.etag, response.last_modified = etag(stored.version), _instant(stored.updated)
        if not stored.deleted:
            response.location = place_of(parts, stored)
    if wanted.returns == "operationoutcome":
        response.outcome = operation_outcome(done.issues)
    shows = wanted.returns == "representation" and stored is not None and not stored.deleted
    resource = b'"resource":%b,' % stored.body if shows and stored else b""
    return b'{%b"response":%b}' % (resource, _encode(response))
