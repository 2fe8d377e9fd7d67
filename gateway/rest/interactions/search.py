"""search-type: a page of the visible resources that match. https://hl7.org/fhir/R4/search.html

`Bundle.total`, pages and links are made of visible rows only; the next link goes on after the last row of this page
and asks consent again. The links of a search that was posted show nothing of it.
"""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway.access import Page
from gateway.core.errors import BadRequest, PayloadTooLarge
from gateway.core.issues import issue
from gateway.rest.answers import indented, json_response, searchset
from gateway.rest.bodies import FORM_TYPES, read_body
from gateway.rest.cursors import SEALED, Pairs
from gateway.rest.gate import door_of, type_of
from gateway.rest.negotiation import COMMON_PARAMETERS, negotiate_with
from gateway.rest.parts import Parts
from gateway.search import parse

CODE = "search-type"

MAX_PARAMETERS = 200

MAX_FORM_BYTES = 200_000


def routes(parts: Parts) -> list[BaseRoute]:
    """GET and HEAD of `[type]?...` and POST of `[type]/_search`, which keeps the parameters out of addresses."""
    router = APIRouter()

    async def form(request: Request) -> bytes:
        door_of(parts, request)
        body = await read_body(request, FORM_TYPES)
        if len(body) > MAX_FORM_BYTES:
            raise PayloadTooLarge(issue("rest.form-too-large", limit=MAX_FORM_BYTES))
        return body

    @router.api_route("/studies/{study}/fhir/{type}", methods=["GET", "HEAD"])
    def search(request: Request) -> Response:
        return _page(parts, request, _pairs(request.scope["query_string"]))

    @router.post("/studies/{study}/fhir/{type}/_search")
    def search_by_post(request: Request, body: Annotated[bytes, Depends(form)]) -> Response:
        return _page(parts, request, _pairs(request.scope["query_string"]) + _pairs(body), posted=True)

    return list(router.routes)


def _pairs(text: bytes) -> Pairs:
    """The name-value pairs of a query string or form."""
    try:
        return parse_qsl(
            text.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(text),
            errors="strict",
            max_num_fields=MAX_PARAMETERS,
        )
    except UnicodeError:
        raise BadRequest(issue("rest.form")) from None
    except ValueError as error:
        many = "max number of fields" in str(error).lower()
        found = issue("rest.too-many-parameters", limit=MAX_PARAMETERS) if many else issue("rest.form")
        raise BadRequest(found) from None


def _page(parts: Parts, request: Request, pairs: Pairs, posted: bool = False) -> Response:
    door = door_of(parts, request)
    type_name = type_of(parts, request)
    pretty = negotiate_with(request, [pair for pair in pairs if pair[0] in COMMON_PARAMETERS])
    place = _Place(parts, request.path_params["study"], type_name)
    asked = [pair for pair in pairs if pair[0] not in COMMON_PARAMETERS and pair[0] != "_cursor"]
    asked, after, sealed = place.read(asked, _last(pairs, "_cursor"))
    query = parse(type_name, asked, parts.parameters, place.base)
    count = parts.page_size if query.count is None else min(query.count, parts.page_limit)
    found = door.search(query, Page(count, after))
    links = {"self": place.link([] if posted or sealed else asked, _last(pairs, "_cursor"))}
    if found.next is not None:
        links["next"] = place.next(asked, found.next, sealed=posted or sealed)
    body = searchset(place.base, found.rows, links, found.total)
    return json_response(indented(body) if pretty else body)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a search runs, and the addresses of its pages."""

    parts: Parts
    study: str
    type: str

    @property
    def base(self) -> str:
        return self.parts.fhir_base(self.study)

    def read(self, asked: Pairs, cursor: str | None) -> tuple[Pairs, tuple[int | str, ...] | None, bool]:
        """The search, the position after which it goes on, and whether both came sealed."""
        if cursor is None:
            return asked, None, False
        if cursor.startswith(SEALED):
            if asked:
                raise BadRequest(issue("rest.cursor"))
            return *self.parts.cursors.unseal(self.study, self.type, cursor), True
        return asked, self.parts.cursors.read((self.study, self.type, urlencode(asked)), cursor), False

    def next(self, asked: Pairs, after: tuple[int | str, ...], *, sealed: bool) -> str:
        """The address of the next page; of a search that was posted it shows nothing of the search."""
        cursors = self.parts.cursors
        if sealed:
            return self.link([], cursors.seal(self.study, self.type, asked, after))
        return self.link(asked, cursors.write((self.study, self.type, urlencode(asked)), after))

    def link(self, asked: Pairs, cursor: str | None) -> str:
        """The address of a page."""
        pairs = asked if cursor is None else [*asked, ("_cursor", cursor)]
        return f"{self.base}/{self.type}?{urlencode(pairs)}" if pairs else f"{self.base}/{self.type}"


def _last(pairs: Pairs, name: str) -> str | None:
    """The value of a parameter that may be given once; None without it."""
    values = [value for given, value in pairs if given == name]
    if len(values) > 1:
        raise BadRequest(issue("rest.parameter-value", parameter=name, expected="Give it once"))
    return values[0] if values else None
