"""history: the versions of a resource, of a type, or of the whole study, newest first, page by page.

Deletions are entries without a resource. What is hidden now has no history either; every page asks consent again.
https://hl7.org/fhir/R4/http.html#history
"""

import re
from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway.access import Page
from gateway.core.errors import BadRequest
from gateway.core.instants import parse_interval
from gateway.core.issues import issue
from gateway.rest.clients.gate import door_of, type_of
from gateway.rest.messages.answers import indented, json_response
from gateway.rest.messages.bundles import history as history_bundle
from gateway.rest.messages.negotiation import PART_PARAMETERS, negotiate_with
from gateway.rest.messages.subsets import Subsets, part_of
from gateway.rest.parts import Parts

CODES = ("history-instance", "history-type")
SYSTEM_CODES = ("history-system",)

PATHS = ("/{type}/{id}/_history", "/{type}/_history", "/_history")
OWN = ("_count", "_since", "_at", "_cursor")
_COUNT = re.compile(r"[0-9]{1,9}\Z")


def routes(parts: Parts) -> list[BaseRoute]:
    """GET and HEAD of `_history` of an instance, a type and the system, with `_count`, `_since` and `_at`."""
    router = APIRouter()
    subsets = Subsets(parts.definitions)

    def history(request: Request) -> Response:
        door = door_of(parts, request)
        kind = type_of(parts, request) if "type" in request.path_params else ""
        identity = request.path_params.get("id", "")
        pairs = request.query_params.multi_items()
        taken = (*OWN, *PART_PARAMETERS)
        others = [pair for pair in pairs if pair[0] not in taken]
        pretty = negotiate_with(request, others, "history", {*taken} - {"_cursor"})
        asked = _Asked.of([pair for pair in pairs if pair[0] in OWN])
        shown = part_of(subsets, [pair for pair in pairs if pair[0] in PART_PARAMETERS])
        study = request.path_params["study"]
        place = "/".join(name for name in (kind, identity, "_history") if name)
        kept = [pair for pair in pairs if pair[0] != "_cursor"]
        bound = (study, place, urlencode(kept))
        after = parts.cursors.read(bound, asked.cursor) if asked.cursor else None
        count = parts.page_size if asked.count is None else min(asked.count, parts.page_limit)
        found = door.history(kind, identity, Page(count, after), since=asked.since, at=asked.at)
        base = parts.fhir_base(study)
        links = {"self": _link(base, place, pairs)}
        if found.next is not None:
            links["next"] = _link(base, place, [*kept, ("_cursor", parts.cursors.write(bound, found.next))])
        body = history_bundle(base, found.rows, links, shown)
        return json_response(indented(body) if pretty else body)

    for path in PATHS:
        router.add_api_route(f"/studies/{{study}}/fhir{path}", history, methods=["GET", "HEAD"])
    return list(router.routes)


def _link(base: str, place: str, pairs: list[tuple[str, str]]) -> str:
    return f"{base}/{place}?{urlencode(pairs)}" if pairs else f"{base}/{place}"


@dataclass(frozen=True, slots=True)
class _Asked:
    """The parameters of a history; instants in microseconds."""

    count: int | None
    since: int | None
    at: tuple[int, int] | None
    cursor: str

    @classmethod
    def of(cls, pairs: list[tuple[str, str]]) -> "_Asked":
        given = dict(pairs)
        for name in OWN:
            if sum(pair[0] == name for pair in pairs) > 1:
                raise _wrong(name, "Give it once")
        if "_count" in given and not _COUNT.match(given["_count"]):
            raise _wrong("_count", "Give a whole number from 0")
        count = int(given["_count"]) if "_count" in given else None
        since, at = (_interval(name, given.get(name)) for name in ("_since", "_at"))
        return cls(count, since[0] if since else None, at, given.get("_cursor", ""))


def _interval(name: str, text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    interval = parse_interval(text.replace(" ", "+"))  # a plus sign that was not escaped
    if interval is None:
        raise _wrong(name, "Give a date or an instant")
    return interval.low, interval.high


def _wrong(name: str, expected: str) -> BadRequest:
    return BadRequest(issue("rest.parameter-value", parameter=name, expected=expected))
