"""AuditEvent: what auditors may search and read of their own organisation, and nobody writes.

Only a scope that names the type counts: `system/AuditEvent.rs`, not `system/*.rs`. Each look at the trail leaves an
event of its own. The events of a page are those of the moment; the newest come first.
"""

from typing import Annotated, Final
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway.access import Door
from gateway.core.codec import dumps
from gateway.core.errors import BadRequest, Forbidden, MethodNotAllowed, NotFound
from gateway.core.instants import micros
from gateway.core.issues import issue
from gateway.rest.clients.gate import door_of, study_of
from gateway.rest.events import event_of
from gateway.rest.messages.answers import indented, json_response
from gateway.rest.messages.bodies import FORM_TYPES, has_body, read_body
from gateway.rest.messages.cursors import Pairs
from gateway.rest.messages.negotiation import COMMON_PARAMETERS, negotiate_with
from gateway.rest.parts import Parts
from gateway.rest.searching.places import SearchPlace
from gateway.search import Query, parse
from gateway.search.query import SortKey

TYPE = "AuditEvent"
BASE = f"/studies/{{study}}/fhir/{TYPE}"
MAX_PARAMETERS: Final = 50
NEWEST_FIRST: Final = ((), (SortKey("date", descending=True),), (SortKey("_lastUpdated", descending=True),))


def routes(parts: Parts) -> list[BaseRoute]:
    """GET of `AuditEvent?...` and `AuditEvent/[id]`, POST of `AuditEvent/_search`; 405 for every way to write one."""
    router = APIRouter()

    async def asked(request: Request) -> tuple[Door, bytes]:
        door = _door(parts, request)
        return door, await read_body(request, FORM_TYPES) if has_body(request) else b""

    def audit_search(request: Request) -> Response:
        return _page(parts, request, _door(parts, request), _pairs(request.scope["query_string"]), posted=False)

    def audit_search_by_post(request: Request, form: Annotated[tuple[Door, bytes], Depends(asked)]) -> Response:
        door, body = form
        return _page(parts, request, door, _pairs(request.scope["query_string"]) + _pairs(body), posted=True)

    def audit_read(request: Request) -> Response:
        door = _door(parts, request)
        pretty = negotiate_with(request, _pairs(request.scope["query_string"]))
        who = door.principal
        found = parts.audit.read(who.study, who.organisation, request.path_params["id"])
        if found is None:
            raise NotFound(issue("auth.not-found"))
        body = dumps(found)
        return json_response(indented(body) if pretty else body)

    def audit_write(request: Request) -> Response:
        door_of(parts, request)
        raise MethodNotAllowed(issue("audit.read-only"))

    router.add_api_route(BASE, audit_search, methods=["GET", "HEAD"])
    router.add_api_route(f"{BASE}/_search", audit_search_by_post, methods=["POST"])
    router.add_api_route(BASE, audit_write, methods=["POST", "PUT", "PATCH", "DELETE"])
    router.add_api_route(f"{BASE}/{{id}}", audit_write, methods=["PUT", "PATCH", "DELETE"])
    router.add_api_route(f"{BASE}/{{id}}", audit_read, methods=["GET", "HEAD"])
    return list(router.routes)


def _pairs(text: bytes) -> Pairs:
    """The name-value pairs of a query string or form; raises `BadRequest`."""
    try:
        return parse_qsl(
            text.decode("ascii"), keep_blank_values=True, strict_parsing=bool(text), max_num_fields=MAX_PARAMETERS
        )
    except ValueError:
        raise BadRequest(issue("rest.form")) from None


def _door(parts: Parts, request: Request) -> Door:
    """The auditor's door, once the look is on record; raises `Forbidden`, on record, for who is none."""
    door = door_of(parts, request)
    # The trail of an organisation tells of participants of other sites too.
    named = any(scope.partition("/")[2].startswith(f"{TYPE}.") for scope in door.principal.scopes)
    if door.principal.site or not named:
        parts.record(event_of(parts, request, door.principal, "audit", "denied", "auth.scope"))
        raise Forbidden(issue("auth.scope", interaction="search", type=TYPE))
    door.permit("audit", TYPE, "rs")
    return door


def _page(parts: Parts, request: Request, door: Door, pairs: Pairs, *, posted: bool) -> Response:
    who, study = door.principal, study_of(parts, request)
    pretty = negotiate_with(request, [pair for pair in pairs if pair[0] in COMMON_PARAMETERS])
    place = SearchPlace(parts, study.id, TYPE)
    cursors = [value for name, value in pairs if name == "_cursor"]
    asked = [pair for pair in pairs if pair[0] not in COMMON_PARAMETERS and pair[0] != "_cursor"]
    asked, after, sealed = place.read(asked, cursors[0] if cursors else None)
    query = parse(TYPE, asked, parts.parameters, place.base, terminology=parts.terminology, now=micros(parts.clock()))
    _require_offered(query)
    count = parts.page_size if query.count is None else min(query.count, parts.page_limit)
    seen = parts.audit.search(study.id, who.organisation, query, count, *([int(after[0])] if after else []))
    links = {"self": place.link([] if posted or sealed else asked, cursors[0] if cursors else None)}
    if seen.next is not None:
        links["next"] = place.next(asked, (seen.next,), sealed=posted or sealed)
    entries = [
        {"fullUrl": f"{place.base}/{TYPE}/{one['id']}", "resource": one, "search": {"mode": "match"}}
        for one in seen.events
    ]
    bundle = {
        "resourceType": "Bundle",
        "type": "searchset",
        "link": [{"relation": relation, "url": url} for relation, url in links.items()],
    }
    body = dumps(bundle | ({"entry": entries} if entries else {}))
    return json_response(indented(body) if pretty else body)


def _require_offered(query: Query) -> None:
    """Raises `BadRequest` for what a search of the trail has not: another order, includes, totals, parts."""
    plain = query.sort in NEWEST_FIRST and not query.includes and not query.elements
    if not plain or query.total or query.summary != "false" or query.count == 0:
        raise BadRequest(issue("audit.search"))
