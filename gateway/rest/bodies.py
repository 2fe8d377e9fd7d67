"""Request bodies: read as they stream in, refused as soon as they are too large, and only in the types asked for."""

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.core.errors import PayloadTooLarge, UnsupportedMediaType
from gateway.core.issues import issue

JSON_TYPES = ("application/fhir+json", "application/json")
FORM_TYPES = ("application/x-www-form-urlencoded",)


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
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_body(request: Request, types: tuple[str, ...] = ()) -> bytes:
    """The whole body, once its media type is one of `types` (any when empty) and it is not compressed.

    Raises `UnsupportedMediaType`, and `PayloadTooLarge` through `BodyLimit`.
    """
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType(issue("rest.encoding"))
    if types and media_type(request) not in types:
        raise UnsupportedMediaType(issue("rest.media-type", expected=" or ".join(types)))
    return await request.body()
