"""search: a page of the visible resources that match, of a type, of all types, or in a compartment.

`Bundle.total`, pages, links and includes are made of visible rows only; the next link goes on after the last row of
this page and asks consent again. The links of a search that was posted show nothing of it.
https://hl7.org/fhir/R4/search.html and https://hl7.org/fhir/R4/http.html#search
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from gateway.access import Door, Found, Page
from gateway.core.codec import dumps
from gateway.core.errors import BadRequest, NotFound, PayloadTooLarge
from gateway.core.instants import micros
from gateway.core.issues import issue
from gateway.rest.clients.gate import door_of, study_of, type_of
from gateway.rest.clients.pacing import spend_search
from gateway.rest.loop.recording import Recording
from gateway.rest.messages.answers import Ready, indented, json_response
from gateway.rest.messages.bodies import FORM_TYPES, has_body, read_body
from gateway.rest.messages.bundles import searchset
from gateway.rest.messages.cursors import Pairs, Position
from gateway.rest.messages.headers import header
from gateway.rest.messages.negotiation import COMMON_PARAMETERS, check_accept, negotiate_with
from gateway.rest.messages.preferences import preferences_of
from gateway.rest.messages.subsets import Subsets
from gateway.rest.parts import Parts
from gateway.rest.searching.brief_searches import COUNT, BriefSearches
from gateway.rest.searching.explanation import explanation
from gateway.rest.searching.places import SearchPlace, pairs_of, understood
from gateway.search import Query, parse

CODES = ("search-type",)
SYSTEM_CODES = ("search-system",)

EXPLAIN = "_explain"
"""A parameter that asks how a search is run, and not for its results."""

BASE = "/studies/{study}/fhir"
MAX_FORM_BYTES = 200_000
PASSED_OVER = ("_totalMethod",)
"""Parameters of other servers that clients send to every server, and that change nothing here: fhirpy counts so."""
COMPARTMENTS = ("Device", "Encounter", "Patient", "Practitioner", "RelatedPerson")


def endpoint(parts: Parts) -> Callable[[Request], Awaitable[ASGIApp]]:
    """Answers a search of a type: on the event loop when the embedded database gives the page at once, else in a
    thread, as all others are."""
    recording, subsets, brief = Recording(parts.access.flush), Subsets(parts.definitions), BriefSearches(parts)

    async def search(request: Request) -> ASGIApp:
        text = request.scope["query_string"]
        if brief.takes(text):
            door, type_name = door_of(parts, request), type_of(parts, request)
            spend_search(parts, door.principal)
            check_accept(header(request, b"accept") or "")
            study, lenient = door.principal.study, preferences_of(request).lenient
            read = brief.read(study, type_name, text, lenient=lenient)
            if read is None:
                read = await run_in_threadpool(lambda: brief.read_slowly(study, type_name, text, lenient=lenient))
            plain, cursor = read
            page = plain.page(cursor)
            begun = door.begin_search(plain.query, page) if page.count <= COUNT else None
            if begun is not None:
                found, recorded = begun
                await recording.wait(recorded)
                return Ready(plain.answer(found, cursor))
            return Ready(await run_in_threadpool(lambda: plain.answer_found(door.search(plain.query, page), cursor)))
        return await run_in_threadpool(lambda: _page(parts, subsets, request, pairs_of(text)))

    return search


def routes(parts: Parts) -> list[BaseRoute]:
    """GET and HEAD of `[type]?...`, `?...` and `[compartment]/[id]/[type]?...`, `*` for every type; and POST of
    `_search` below each, which keeps the parameters out of addresses."""
    router = APIRouter()
    subsets = Subsets(parts.definitions)

    async def form(request: Request) -> bytes:
        door_of(parts, request)
        body = await read_body(request, FORM_TYPES) if has_body(request) else b""
        if len(body) > MAX_FORM_BYTES:
            raise PayloadTooLarge(issue("rest.form-too-large", limit=MAX_FORM_BYTES))
        return body

    def search(request: Request) -> Response:
        return _page(parts, subsets, request, pairs_of(request.scope["query_string"]))

    def search_by_post(request: Request, body: Annotated[bytes, Depends(form)]) -> Response:
        return _page(parts, subsets, request, pairs_of(request.scope["query_string"]) + pairs_of(body), posted=True)

    for path in (f"{BASE}/{{type}}", f"{BASE}/{{compartment}}/{{id}}/{{type}}", BASE, f"{BASE}/"):
        router.add_api_route(path, search, methods=["GET", "HEAD"])
    for path in (f"{BASE}/{{type}}/_search", f"{BASE}/{{compartment}}/{{id}}/{{type}}/_search", f"{BASE}/_search"):
        router.add_api_route(path, search_by_post, methods=["POST"])
    return list(router.routes)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A search as it was asked: `pairs` are its own parameters, `cursor` the page of it, `sealed` when the links must
    not show the parameters."""

    door: Door
    query: Query
    page: Page
    place: SearchPlace
    pairs: Pairs
    cursor: str | None
    sealed: bool
    pretty: bool


def _page(parts: Parts, subsets: Subsets, request: Request, pairs: Pairs, posted: bool = False) -> Response:
    explain = _last(pairs, EXPLAIN)
    if explain is None:
        return _found(subsets, _asked(parts, request, pairs, posted))
    if explain != "true":
        raise BadRequest(issue("rest.parameter-value", parameter=EXPLAIN, expected="Say true"))
    asked = _asked(parts, request, [pair for pair in pairs if pair[0] != EXPLAIN], posted)
    body = dumps(explanation(asked.query, asked.door.explain_search(asked.query, asked.page)))
    return json_response(indented(body) if asked.pretty else body)


def _asked(parts: Parts, request: Request, pairs: Pairs, posted: bool = False) -> _Asked:
    door = door_of(parts, request)
    spend_search(parts, door.principal)
    study = study_of(parts, request)
    type_name, compartment = _type(parts, request), _compartment(request)
    pretty = negotiate_with(request, [pair for pair in pairs if pair[0] in COMMON_PARAMETERS])
    place = SearchPlace(parts, study.id, "/".join((*(compartment or ()), request.path_params.get("type", ""))))
    asked = [pair for pair in pairs if pair[0] not in COMMON_PARAMETERS and pair[0] not in ("_cursor", *PASSED_OVER)]
    cursor = _last(pairs, "_cursor")
    asked, after, sealed = place.read(asked, cursor)
    query = _query(parts, request, place, type_name, compartment, asked)
    count = parts.page_size if query.count is None else min(query.count, parts.page_limit)
    pairs = understood(asked, query)
    return _Asked(door, query, Page(count, after), place, pairs, cursor, posted or sealed, pretty)


def _found(subsets: Subsets, asked: _Asked) -> Response:
    return _answer(subsets, asked, asked.door.search(asked.query, asked.page))


def _answer(subsets: Subsets, asked: _Asked, found: Found) -> Response:
    query = asked.query
    body = searchset(
        asked.place.base,
        found.rows,
        _links(asked, found.next),
        found.total,
        included=found.included,
        ignored=(*query.ignored, *((issue("rest.includes-cut"),) if found.is_cut else ())),
        shown=subsets.shown(query.summary, query.elements),
    )
    return json_response(indented(body) if asked.pretty else body)


def _links(asked: _Asked, following: Position | None) -> dict[str, str]:
    """This page, and the next one unless this is the last."""
    place = asked.place
    links = {"self": place.link([] if asked.sealed else asked.pairs, asked.cursor)}
    if following is not None:
        links["next"] = place.next(asked.pairs, following, sealed=asked.sealed)
    return links


def _query(
    parts: Parts,
    request: Request,
    place: SearchPlace,
    type_name: str,
    compartment: tuple[str, str] | None,
    asked: Pairs,
) -> Query:
    return parse(
        type_name,
        asked,
        parts.parameters.of_study(place.study),
        place.base,
        strict=not preferences_of(request).lenient,
        terminology=parts.terminology,
        limits=parts.limits,
        compartment=compartment,
        now=micros(parts.clock()),
    )


def _type(parts: Parts, request: Request) -> str:
    """The type in the address; "" for all of them, above the types or as `*` in a compartment."""
    name = request.path_params.get("type", "")
    if not name or (name == "*" and "compartment" in request.path_params):
        return ""
    return type_of(parts, request)


def _compartment(request: Request) -> tuple[str, str] | None:
    if "compartment" not in request.path_params:
        return None
    name = request.path_params["compartment"]
    if name not in COMPARTMENTS:
        raise NotFound(issue("rest.unknown-route"))
    return name, request.path_params["id"]


def _last(pairs: Pairs, name: str) -> str | None:
    """The value of a parameter that may be given once; None without it."""
    values = [value for given, value in pairs if given == name]
    if len(values) > 1:
        raise BadRequest(issue("rest.parameter-value", parameter=name, expected="Give it once"))
    return values[0] if values else None
