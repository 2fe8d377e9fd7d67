"""The headers of a request by name, read once: most questions about them are answered by their absence."""

from starlette.requests import Request
from starlette.types import Scope

from gateway.core.errors import BadRequest
from gateway.core.issues import issue

KEPT = "gateway.headers"
"""Where a scope keeps them: a request inside a request has headers of its own."""

_AUTHORIZATION = b"authorization"


def headers_of(scope: Scope) -> dict[bytes, bytes]:
    """Lower-case name -> the value; those of a header that came again are one list (RFC 9110, 5.3)."""
    found: dict[bytes, bytes] | None = scope.get(KEPT)
    if found is None:
        headers = scope["headers"]
        found = scope[KEPT] = dict(headers)
        if len(found) != len(headers):
            found.update(_joined(headers))
    return found


def _joined(headers: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    texts: dict[bytes, list[bytes]] = {}
    for name, text in headers:
        texts.setdefault(name, []).append(text)
    return {name: b", ".join(several) for name, several in texts.items()}


def header(request: Request, name: bytes) -> str | None:
    """The value of a header by its lower-case name, see `headers_of`; None without it."""
    value = headers_of(request.scope).get(name)
    return None if value is None else value.decode("latin-1")


def values_of(scope: Scope, name: bytes) -> tuple[bytes, ...]:
    """All values of a header by its lower-case name, in their order."""
    found, names = headers_of(scope), scope["headers"]
    if name not in found:
        return ()
    if len(found) == len(names):
        return (found[name],)
    return tuple(value for other, value in names if other == name)


def authorization_of(request: Request) -> tuple[str, str]:
    """The scheme, in lower case, and the proof that `Authorization` gives; both empty without it.

    Raises `BadRequest` where it came more than once (RFC 9110, 5.3): what stands in front may have read another one.
    """
    found = headers_of(request.scope)
    names = request.scope["headers"]
    if len(found) != len(names) and sum(name == _AUTHORIZATION for name, _ in names) > 1:
        raise BadRequest(issue("rest.authorization-twice"))
    given = found.get(_AUTHORIZATION, b"").decode("latin-1")
    scheme, _, proof = given.partition(" ")
    return scheme.lower(), proof.strip()
