"""Why a person changes what is stored, as 21 CFR 11.10(e) and ICH E6 want it on record beside the change."""

from typing import Final

from starlette.requests import Request

from gateway.core.errors import BadRequest
from gateway.core.issues import issue
from gateway.rest.messages.headers import header

HEADER: Final = "x-change-reason"
_HEADER: Final = HEADER.encode()
MAX_CHARACTERS: Final = 200


def reason_of(request: Request) -> str:
    """The reason in the header `X-Change-Reason`, UTF-8, or ""; raises `BadRequest` for one that is no short text."""
    given = header(request, _HEADER)
    if given is None:
        return ""
    try:
        reason = given.encode("latin-1").decode("utf-8").strip()
    except UnicodeError:
        raise BadRequest(issue("rest.change-reason", limit=MAX_CHARACTERS)) from None
    if not reason or len(reason) > MAX_CHARACTERS or not reason.isprintable():
        raise BadRequest(issue("rest.change-reason", limit=MAX_CHARACTERS))
    return reason
