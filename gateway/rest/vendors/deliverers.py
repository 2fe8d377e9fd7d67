"""Who delivers payloads: a client with a token, or a vendor with a key."""

from starlette.requests import Request

from gateway.core.errors import BadRequest
from gateway.core.issues import issue
from gateway.core.principal import Principal
from gateway.rest.clients.gate import principal_of
from gateway.rest.clients.pacing import address_of, proved, spend_once
from gateway.rest.events import refusals_of
from gateway.rest.messages.headers import authorization_of
from gateway.rest.parts import Parts
from gateway.study import Study

HEADER = "x-api-key"
PREFIX = "gwk_"


def deliverer_of(parts: Parts, request: Request, study: Study) -> Principal:
    """The principal of a bearer token, or of a key in `Authorization: Bearer` or `X-Api-Key`, for this very study.

    Raises `Unauthorized`, `Forbidden` for a key that is not for the source, `BadRequest` when both were sent, or two.
    """
    keys = request.headers.getlist(HEADER)
    scheme, bearer = authorization_of(request)
    if len(keys) + bool(bearer) > 1:
        raise BadRequest(issue("auth.key-twice"))
    given = keys[0] if keys else None
    if scheme == "bearer" and bearer.startswith(PREFIX):
        given = bearer
    if given is None:
        return principal_of(parts, request, study, "ingest")
    with refusals_of(parts, request, Principal("", study.id, "", "", ""), "ingest"):
        principal = proved(
            parts, request, study.id, parts.api_keys.authenticate, given, study.id, address_of(request)
        )
    spend_once(parts, request, "ingest", principal)
    return principal
