"""Short ways for what is asked most, past everything that only other requests need.

The routes stay in the table of routes; this layer calls their endpoints without the framework's stack, which costs
as much as a read itself.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.core.errors import FhirError
from gateway.rest.problems import refusal

READ: Final = re.compile(
    r"/studies/(?P<study>[^/]+)/fhir/(?P<type>(?!AuditEvent/)[A-Z][A-Za-z]+)/(?P<id>[^/$_][^/]*)\Z"
)
"""`[type]/[id]`"""

SEARCH: Final = re.compile(r"/studies/(?P<study>[^/]+)/fhir/(?P<type>(?!AuditEvent\Z)[A-Z][A-Za-z]+)\Z")
"""`[type]?...`"""

CREATE: Final = SEARCH
"""`[type]`, to POST a resource to"""


class Direct:
    """The ASGI application `app`, with `methods` at the addresses that match `address` answered by `endpoint`."""

    def __init__(
        self,
        app: ASGIApp,
        address: re.Pattern[str],
        endpoint: Callable[[Request], Awaitable[ASGIApp]],
        methods: Sequence[str] = ("GET", "HEAD"),
    ) -> None:
        self.app = app
        self.methods = methods
        self.address = address
        self.endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection."""
        is_asked = scope["type"] == "http" and scope["method"] in self.methods
        found = self.address.match(scope["path"]) if is_asked else None
        if found is None:
            await self.app(scope, receive, send)
            return
        scope["path_params"] = found.groupdict()
        scope["endpoint"] = self.endpoint
        try:
            answer: ASGIApp = await self.endpoint(Request(scope, receive))
        except FhirError as error:
            answer = refusal(error)
        await answer(scope, receive, send)
