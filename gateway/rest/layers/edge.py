"""The outermost layer of HTTP: request id, access log, response headers, and the last catch.

Pure ASGI, since it runs around every request. The log line holds no address, query or id of anything but the request:
the operation, and the study and resource type once they proved to be real ones (`note`).
"""

import logging
import time
from collections.abc import MutableMapping, Sequence
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.core.errors import FhirError
from gateway.core.ids import RandomIds
from gateway.core.logs import logger
from gateway.rest.messages.answers import Headers
from gateway.rest.messages.problems import internal, nowhere, refusal

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_NOTES = "gateway.notes"
REQUEST_ID = "gateway.request_id"
"""Where an ASGI scope has the id of the request."""

_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"vary", b"Authorization, Accept, Accept-Encoding"),
    (b"x-content-type-options", b"nosniff"),
)
"""What a reader may see depends on its token and on consent now, so nobody keeps a copy."""


def request_id(scope: Scope) -> str:
    """The id of the request, as in its `X-Request-Id` response header, log line and audit events."""
    return str(scope.get(REQUEST_ID, ""))


def refused(error: FhirError) -> tuple[Headers, bytes]:
    """The headers and the body of a refusal by the server itself, of what is no request that a layer could see."""
    answer = refusal(error)
    return (*answer.raw_headers, *_HEADERS), bytes(answer.body)


def note(scope: Scope, **facts: str) -> None:
    """Adds facts to the access log line of this request; they must be names of the gateway's own things."""
    notes_of(scope).update(facts)


def notes_of(scope: Scope) -> dict[str, str]:
    """The facts of the access log line of this request, to add to as `note` does."""
    notes: dict[str, str] = scope.setdefault(_NOTES, {})
    return notes


class _Marked:
    """What sends the answer to a request with the headers of the edge; `status` is 0 before it begins."""

    __slots__ = ("_own", "_send", "status")

    def __init__(self, send: Send, identity: str) -> None:
        self._send = send
        self._own = (b"x-request-id", identity.encode())
        self.status = 0

    async def __call__(self, message: Message) -> None:
        """Sends one message."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), *_HEADERS, self._own]
        await self._send(message)

    def whole(self, status: int, told: Sequence[Headers], own: Headers, body: bytes) -> bool:
        """Sends a whole answer where the server takes one; see `gateway.cli._serve.answering`."""
        whole = getattr(self._send, "whole", None)
        if whole is None or not whole(status, (*told, _HEADERS), (*own, self._own), body):
            return False
        self.status = status
        return True


class Edge:
    """The ASGI application `app` with the outermost layer around it; what is asked is told that it is asked `of` the
    framework's own application."""

    def __init__(self, app: ASGIApp, of: ASGIApp | None = None) -> None:
        self.app = app
        self.of = of
        self.log = logger()
        self.tells: bool | None = None
        self.ids = RandomIds(8)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection; anything but HTTP passes through."""
        if self.of is not None:
            scope["app"] = self.of
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start = time.perf_counter()
        identity = scope[REQUEST_ID] = self.ids.take()
        answer = _Marked(send, identity)
        # No address has a NUL in it, and PostgreSQL cannot even look for one.
        app = nowhere() if "\0" in scope["path"] else self.app
        try:
            await app(scope, receive, answer)
        except ClientDisconnect:  # while it was still sending: nobody is left to answer
            self.log.info("client disconnected", request_id=identity)
        except Exception as error:
            self.log.error("request failed", request_id=identity, exc_info=error)
            if not answer.status:
                await internal()(scope, receive, answer)
        finally:
            if self.tells or (self.tells is None and self._tells()):
                self._write(scope, answer.status, start)

    def _tells(self) -> bool:
        """Whether the log takes lines of requests; asked once there is one, when logs are set up."""
        if self.tells is None:
            self.tells = bool(self.log.is_enabled_for(logging.INFO))
        return self.tells

    def _write(self, scope: MutableMapping[str, Any], status: int, start: float) -> None:
        method = scope["method"]
        self.log.info(
            "request",
            request_id=scope[REQUEST_ID],
            method=method if method in _METHODS else "other",
            operation=getattr(scope.get("endpoint"), "__name__", "none"),
            status=status,
            duration_ms=round((time.perf_counter() - start) * 1000, 1),
            **scope.get(_NOTES, {}),
        )
