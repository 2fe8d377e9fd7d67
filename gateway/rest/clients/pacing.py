"""Budgets of requests: each is spent once, by who proved to be somebody, and wrong proofs by where they came from."""

from collections.abc import Callable
from typing import Final, TypeVar

from starlette.requests import Request

from gateway.auth.rate_limits import Kind
from gateway.core.errors import Unauthorized
from gateway.core.principal import Principal
from gateway.rest.events import event_of
from gateway.rest.layers.edge import notes_of
from gateway.rest.parts import Parts

_SPENT: Final = "gateway.spent"
_T = TypeVar("_T")


def address_of(request: Request) -> str:
    """The address of the peer, as the server knows it: headers of the client have no say."""
    peer = request.scope.get("client")
    return str(peer[0]) if peer else ""


def spend_once(parts: Parts, request: Request, kind: Kind, principal: Principal) -> None:
    """Takes this request from the client's budget, however often it is asked who the client is.

    Raises `TooManyRequests`, and `Unavailable` when the counters cannot be reached.
    """
    scope = request.scope
    notes_of(scope)["client"] = principal.client
    if _SPENT not in scope:
        scope[_SPENT] = True
        parts.rates.spend(kind, principal.study, principal.client)


def spend_search(parts: Parts, principal: Principal) -> None:
    """Takes a search from the client's budget, each of a batch; raises as `spend_once` does."""
    parts.rates.spend("search", principal.study, principal.client)


def proved(
    parts: Parts,
    request: Request,
    study: str,
    prove: Callable[..., _T],
    *given: object,
    claimed: Principal | None = None,
) -> _T:
    """What `prove` answers of what is given; when it refuses, that is on record and comes from the budget of the
    address.

    `claimed` is who it would be. An address without budget left is refused before it may try.
    """
    address = address_of(request)
    parts.rates.require_left("failure", "", address)
    try:
        return prove(*given)
    except Unauthorized as error:
        failed(parts, request, claimed or Principal("", study, "", "", ""), error.issues[0].rule)
        raise


def failed(parts: Parts, request: Request, claimed: Principal, rule: str) -> None:
    """Puts a wrong proof on record and takes it from the budget of the address; raises as `spend_once` does."""
    parts.note_failure(event_of(parts, request, claimed, "login", "failure", rule))
    parts.rates.spend("failure", "", address_of(request))


def spend_login(parts: Parts, request: Request) -> None:
    """Takes a request to the token endpoint from the budget of the address; raises as `spend_once` does."""
    parts.rates.spend("login", "", address_of(request))
