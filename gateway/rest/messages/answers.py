"""Responses made of stored bytes: what was stored is what is served, unparsed unless a part of it is asked for.

See https://hl7.org/fhir/R4/http.html#versions.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from functools import lru_cache
from typing import Final, TypeAlias

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.core.codec import dumps
from gateway.core.resources import Stored
from gateway.core.types import Resource
from gateway.rest.messages.bundles import Shown, whole
from gateway.rest.messages.headers import header, headers_of
from gateway.rest.messages.problems import FHIR_JSON

Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]
"""Names, in lower case, and values as they are sent."""

_CONDITIONS: Final = frozenset((b"if-none-match", b"if-modified-since"))
_FHIR_JSON: Final = (b"content-type", FHIR_JSON.encode())


def etag(version: int) -> str:
    """The weak ETag of a version: W/"3"."""
    return f'W/"{version}"'


def last_modified(updated: datetime) -> str:
    """The HTTP date of an instant, whole seconds: `Sun, 06 Nov 1994 08:49:37 GMT`."""
    return _http_date(int(updated.timestamp()))


@lru_cache(maxsize=4096)
def _http_date(seconds: int) -> str:
    return format_datetime(datetime.fromtimestamp(seconds, UTC), usegmt=True)


def json_response(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A FHIR response of JSON bytes."""
    return Response(body, status, headers, FHIR_JSON)


def tree_response(tree: Resource, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A FHIR response of a resource that was made here."""
    return json_response(dumps(tree), status, headers)


def indented(body: bytes) -> bytes:
    """The same JSON text with line breaks and two spaces; numbers keep their text."""
    return msgspec.json.format(body, indent=2)


class Ready:
    """A response of JSON bytes whose headers are ready to be sent; Starlette's takes its time over them.

    `headers` come again with other answers, `own` are of this one alone.
    """

    __slots__ = ("_own", "_told", "body", "status_code")

    def __init__(self, body: bytes, *headers: tuple[bytes, bytes], own: Headers = (), status: int = 200) -> None:
        self.body = body
        self.status_code = status
        self._told = (_FHIR_JSON, *headers) if body else headers
        self._own = own

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """All of them, the length first."""
        return [(b"content-length", b"%d" % len(self.body)), *self._told, *self._own]

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Sends it; at once where `send` takes a whole answer, see `gateway.cli._serve.answering`."""
        whole = getattr(send, "whole", None)
        if whole is not None and whole(self.status_code, (self._told,), self._own, self.body):
            return
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})


def version_response(request: Request, stored: Stored, pretty: bool, shown: Shown = whole) -> Response | Ready:
    """The response to a read of `stored`: 200 with its bytes as `shown`, or 304 when the client has this version."""
    if unchanged(request, stored):
        told = {"ETag": etag(stored.version), "Last-Modified": last_modified(stored.updated)}
        return Response(None, 304, told)
    body = shown(stored)
    return Ready(indented(body) if pretty else body, *told_of(stored.version, stored.updated))


@lru_cache(maxsize=4096)
def told_of(version: int, updated: datetime) -> Headers:
    """The headers that tell a version."""
    return (b"etag", etag(version).encode()), (b"last-modified", last_modified(updated).encode())


def unchanged(request: Request, stored: Stored) -> bool:
    """Whether the client says that it has this version."""
    if _CONDITIONS.isdisjoint(headers_of(request.scope)):
        return False
    wanted = header(request, b"if-none-match")
    if wanted is not None:
        tags = {tag.strip().removeprefix("W/") for tag in wanted.split(",")}
        return f'"{stored.version}"' in tags or "*" in tags
    since = header(request, b"if-modified-since")
    if since is None:
        return False
    try:
        moment = parsedate_to_datetime(since)
    except ValueError:
        return False
    return moment.tzinfo is not None and stored.updated.replace(microsecond=0) <= moment
