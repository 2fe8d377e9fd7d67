"""The headers of a request by name, read once: most questions about them are answered by their absence."""

from starlette.requests import Request
from starlette.types import Scope

_KEPT = "gateway.headers"


def headers_of(scope: Scope) -> dict[bytes, bytes]:
    """Lower-case name -> the first value."""
    found: dict[bytes, bytes] | None = scope.get(_KEPT)
    if found is None:
        found = scope[_KEPT] = dict(reversed(scope["headers"]))
    return found


def header(request: Request, name: bytes) -> str | None:
    """The first value of a header by its lower-case name; None without it."""
    value = headers_of(request.scope).get(name)
    return None if value is None else value.decode("latin-1")
