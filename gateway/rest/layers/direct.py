"""Short ways for what is asked most, past everything that only other requests need.

The routes stay in the table of routes; this layer calls their endpoints without the framework's stack, which costs
as much as a read itself.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, TypeAlias

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.core.errors import FhirError
from gateway.rest.layers.compression import Compression, takes_gzip
from gateway.rest.messages.preferences import is_for_later
from gateway.rest.messages.problems import refusal

Way: TypeAlias = tuple[re.Pattern[str], Callable[[Request], Awaitable[ASGIApp]]]
"""The addresses that are meant, with the names of their parts, and what answers them."""

READ: Final = re.compile(
    r"/studies/(?P<study>[^/]+)/fhir/(?P<type>(?!AuditEvent/)[A-Z][A-Za-z]+)/(?P<id>[^/$_][^/]*)\Z"
)
"""`[type]/[id]`"""

SEARCH: Final = re.compile(r"/studies/(?P<study>[^/]+)/fhir/(?P<type>(?!AuditEvent\Z)[A-Z][A-Za-z]+)\Z")
"""`[type]?...`"""

CREATE: Final = SEARCH
"""`[type]`, to POST a resource to"""


class Direct:
    """The ASGI application `app`, with the methods in `ways` answered by the ways of each.

    `is_outside`: around the layers that compress and that answer later. So it compresses itself, and leaves to `app`
    what a client would rather have answered later: reads, as a create is answered at once whatever is preferred.
    """

    def __init__(self, app: ASGIApp, ways: Mapping[str, Sequence[Way]], *, is_outside: bool = False) -> None:
        self.app = app
        self.ways = dict(ways)
        self.is_outside = is_outside

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection."""
        if scope["type"] == "http":
            path, method = scope["path"], scope["method"]
            for address, endpoint in self.ways.get(method, ()):
                found = address.match(path)
                if found is None or (self.is_outside and method != "POST" and is_for_later(scope)):
                    continue
                scope["path_params"] = found.groupdict()
                scope["endpoint"] = endpoint
                try:
                    answer: ASGIApp = await endpoint(Request(scope, receive))
                except FhirError as error:
                    answer = refusal(error)
                is_compressed = self.is_outside and takes_gzip(scope)
                await (Compression(answer) if is_compressed else answer)(scope, receive, send)
                return
        await self.app(scope, receive, send)
