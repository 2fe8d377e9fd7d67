"""Responses compressed with gzip where the client takes it and it is worth it.

A body up to `ON_LOOP` is compressed at once, which takes less time than a change of threads; a larger one in a
thread, so that the event loop goes on. Bodies are whole when they come here. What holds a token is not compressed, so
that its length tells nothing of it beside what a client sent.
"""

import gzip
from functools import lru_cache
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.rest.messages.headers import headers_of

SMALLEST: Final = 1_400
"""What fits in one packet as it is gains nothing."""

ON_LOOP: Final = 32_000
LEVEL: Final = 3
AUTH: Final = "/auth/"
"""Where the addresses begin whose answers hold tokens."""


class Compression:
    """The ASGI application `app`, its JSON compressed for clients that accept gzip."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection."""
        if scope["type"] != "http" or not takes_gzip(scope):
            await self.app(scope, receive, send)
            return
        started: Message | None = None

        async def compressing(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = message
                return
            if started is None:
                await send(message)
                return
            body = message.get("body", b"")
            if not message.get("more_body") and _is_worth_it(started, body):
                small = len(body) <= ON_LOOP
                body = _zipped(body) if small else await run_in_threadpool(_zipped, body)
                headers = MutableHeaders(raw=started["headers"])
                headers["Content-Encoding"] = "gzip"
                headers["Content-Length"] = str(len(body))
            await send(started)
            started = None
            await send({**message, "body": body})

        await self.app(scope, receive, compressing)


def takes_gzip(scope: Scope) -> bool:
    """Whether the answer to a request may be compressed."""
    accepted = headers_of(scope).get(b"accept-encoding")
    return accepted is not None and accepts_gzip(str(accepted, "latin-1")) and not scope["path"].startswith(AUTH)


@lru_cache(maxsize=256)
def accepts_gzip(header: str) -> bool:
    """Whether an Accept-Encoding takes gzip, named with a quality above 0."""
    for part in header.lower().split(","):
        name, _, quality = part.strip().partition(";")
        if name.strip() == "gzip":
            return quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _is_worth_it(start: Message, body: bytes) -> bool:
    headers = Headers(raw=start["headers"])
    is_json = headers.get("content-type", "").partition(";")[0].endswith("json")
    return is_json and len(body) >= SMALLEST and "content-encoding" not in headers


def _zipped(body: bytes) -> bytes:
    return gzip.compress(body, LEVEL, mtime=0)
