"""A short way for point reads, past everything that only other requests need.

The route of `read` stays in the table of routes; this layer calls its endpoint without the framework's stack, which
costs as much as the read itself.
"""

import re
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.core.errors import FhirError
from gateway.rest.problems import refusal

_READ = re.compile(r"/studies/(?P<study>[^/]+)/fhir/(?P<type>(?!AuditEvent/)[A-Z][A-Za-z]+)/(?P<id>[^/$_][^/]*)\Z")


class Direct:
    """The ASGI application `app`, with GET and HEAD of `[type]/[id]` answered by `read`."""

    def __init__(self, app: ASGIApp, read: Callable[[Request], Awaitable[Response]]) -> None:
        self.app = app
        self.read = read

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection."""
        found = _READ.match(scope["path"]) if scope["type"] == "http" and scope["method"] in ("GET", "HEAD") else None
        if found is None:
            await self.app(scope, receive, send)
            return
        scope["path_params"] = found.groupdict()
        scope["endpoint"] = self.read
        try:
            answer = await self.read(Request(scope, receive))
        except FhirError as error:
            answer = refusal(error)
        await answer(scope, receive, send)
