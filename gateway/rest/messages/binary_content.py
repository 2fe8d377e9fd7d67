"""What a Binary holds, served as it is to who asks for its own media type and not for JSON.

See https://hl7.org/fhir/R4/binary.html#rest.
"""

from base64 import b64decode
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from gateway.core.codec import loads
from gateway.core.errors import NotAcceptable
from gateway.core.issues import issue
from gateway.core.resources import Stored
from gateway.rest.messages.answers import etag, last_modified, unchanged
from gateway.rest.messages.headers import header
from gateway.rest.messages.media_types import split
from gateway.rest.messages.negotiation import admits_json

_SAFE: Final = {"Content-Disposition": "attachment", "Content-Security-Policy": "sandbox"}
"""Whoever sent it, no browser is to run it as a page of this server."""


def asks_for_content(request: Request) -> bool:
    """Whether a read is of what a Binary holds: its Accept admits no JSON, and no parameter says otherwise."""
    if request.scope["path_params"]["type"] != "Binary" or request.scope["query_string"]:
        return False
    return not admits_json(header(request, b"accept") or "")


def content_response(request: Request, stored: Stored) -> Response:
    """The response with the bytes; raises `NotAcceptable` when they are of another type than the client accepts."""
    resource = loads(stored.body)
    kind = str(resource.get("contentType", ""))
    if not _is_accepted(kind, header(request, b"accept") or ""):
        raise NotAcceptable(issue("rest.not-acceptable"))
    told = {"ETag": etag(stored.version), "Last-Modified": last_modified(stored.updated)}
    if unchanged(request, stored):
        return Response(None, 304, told)
    return Response(b64decode(resource.get("data", "")), 200, {**told, **_SAFE, "Content-Type": kind})


def _is_accepted(kind: str, accept: str) -> bool:
    if not (kind.isascii() and kind.isprintable() and "/" in kind):
        return False
    name = split(kind)[0]
    family = f"{name.partition('/')[0]}/*"
    return any(
        range in (name, family) and facts.get("q", "1") not in ("0", "0.0")
        for range, facts in map(split, accept.split(","))
    )
