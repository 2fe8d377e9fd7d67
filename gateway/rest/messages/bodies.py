"""Request bodies: read as they stream in, refused as soon as they are too large, and only in the types asked for."""

from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.core.errors import PayloadTooLarge, UnsupportedMediaType
from gateway.core.issues import issue
from gateway.rest.messages.headers import header, headers_of, values_of
from gateway.rest.messages.media_types import is_readable
from gateway.rest.messages.packed_bodies import is_packed, unpacked

JSON_TYPES = ("application/fhir+json", "application/json")
FORM_TYPES = ("application/x-www-form-urlencoded",)

ON_LOOP: Final = 1_000
"""Up to how many bytes a compressed body is unpacked on the event loop."""

_LIMIT: Final = "gateway.body_limit"
"""Where an ASGI scope has how many bytes a body may have, unpacked too."""


class BodyLimit:
    """The ASGI application `app`, whose request bodies end with `PayloadTooLarge` after `limit` bytes.

    A body whose declared length is larger is refused at the first attempt to read it, before any of it is taken.
    """

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self.app(scope, receive, send)
            return
        scope[_LIMIT] = self.limit
        taken = 0
        declared = _declared_length(scope)

        async def receive_limited() -> Message:
            nonlocal taken
            if declared > self.limit:
                raise PayloadTooLarge(issue("payload.too-large", limit=self.limit))
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self.limit:
                raise PayloadTooLarge(issue("payload.too-large", limit=self.limit))
            return message

        await self.app(scope, receive_limited, send)


def _declared_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0


def media_type(request: Request) -> str:
    """The media type of the body in lower case, without parameters; "" when none was sent."""
    return (header(request, b"content-type") or "").partition(";")[0].strip().lower()


def has_body(request: Request) -> bool:
    """Whether a body comes, or may come, with the request. https://www.rfc-editor.org/rfc/rfc9112#section-6.3"""
    return request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers


async def read_body(request: Request, types: tuple[str, ...] = (), limit: int = 0) -> bytes:
    """The whole body, once its media type is one of `types` (any when empty), unpacked when it came with gzip.

    With a `limit` it need not have come through `BodyLimit`, and is read once.

    Only for who is known by then: unpacking takes time. Raises `UnsupportedMediaType`, `BadRequest` for what is not
    gzip though it says so, and `PayloadTooLarge`, through `BodyLimit` too.
    """
    packed = is_packed(_encoding(request))
    _check_type(request, types)
    body = await _within(request, limit) if limit else await request.body()
    if not packed:
        return body
    limit = limit or request.scope[_LIMIT]
    if len(body) <= ON_LOOP:
        return unpacked(body, limit)
    return await run_in_threadpool(unpacked, body, limit)


async def _within(request: Request, limit: int) -> bytes:
    """The body as it comes, refused as `BodyLimit` does."""
    parts: list[bytes] = []
    taken, more = 0, True
    declared = headers_of(request.scope).get(b"content-length", b"")
    if declared.isdigit() and int(declared) > limit:
        raise PayloadTooLarge(issue("payload.too-large", limit=limit))
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
        taken += len(parts[-1])
        if taken > limit:
            raise PayloadTooLarge(issue("payload.too-large", limit=limit))
    return b"".join(parts)


async def read_body_as_sent(request: Request, types: tuple[str, ...] = ()) -> bytes:
    """The same for anybody, and for what a signature is made of: nothing is unpacked.

    Raises `UnsupportedMediaType`, for a compressed body too, and `PayloadTooLarge` through `BodyLimit`.
    """
    if is_packed(_encoding(request)):
        raise UnsupportedMediaType(issue("rest.encoding"))
    _check_type(request, types)
    return await request.body()


def _encoding(request: Request) -> str:
    """All that the headers say of it, in their order."""
    return ",".join([value.decode("latin-1") for value in values_of(request.scope, b"content-encoding")])


def _check_type(request: Request, types: tuple[str, ...]) -> None:
    if types and not is_readable(header(request, b"content-type") or "", types):
        raise UnsupportedMediaType(issue("rest.media-type", expected=" or ".join(types)))
