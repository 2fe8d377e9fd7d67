"""The first questions about each request: which study, who asks, about which type. Any doubt is a refusal."""

from typing import Final

from starlette.requests import Request

from gateway.access import Door
from gateway.auth.rate_limits import Kind
from gateway.core.errors import NotFound, Unauthorized
from gateway.core.issues import issue
from gateway.core.principal import Principal
from gateway.rest.clients.breaking import TICKET, broken_door
from gateway.rest.clients.pacing import address_of, proved, spend_once
from gateway.rest.layers.edge import notes_of, request_id
from gateway.rest.messages.headers import authorization_of, headers_of
from gateway.rest.messages.reasons import HEADER, reason_of
from gateway.rest.parts import Parts
from gateway.study import Study

KNOWN_CALLER: Final = "gateway.known_caller"
"""Where an ASGI scope that the gateway itself makes has who asks; nothing that a client sends comes there."""

_TICKET: Final = TICKET.encode()
_REASON: Final = HEADER.encode()


def study_of(parts: Parts, request: Request) -> Study:
    """The study in the address; raises `NotFound`."""
    study = parts.studies.get(request.scope["path_params"]["study"])
    if study is None:
        raise NotFound(issue("rest.unknown-study"))
    notes_of(request.scope)["study"] = study.id
    return study


def principal_of(parts: Parts, request: Request, study: Study, kind: Kind = "fhir") -> Principal:
    """Who asks, proved by a bearer token for this very study, out of its budget of that kind; raises
    `Unauthorized`."""
    known: Principal | None = request.scope.get(KNOWN_CALLER)
    if known is not None and known.study == study.id:
        notes_of(request.scope)["client"] = known.client
        return known
    scheme, token = authorization_of(request)
    if scheme != "bearer" or not token:
        raise Unauthorized(issue("rest.token-missing"))
    principal = proved(parts, request, study.id, parts.authenticate, token, study.id)
    spend_once(parts, request, kind, principal)
    return principal


def door_of(parts: Parts, request: Request) -> Door:
    """The door of the caller to the resources of the study in the address."""
    principal = principal_of(parts, request, study_of(parts, request))
    given = headers_of(request.scope)
    if _TICKET in given:
        return broken_door(parts, request, principal)
    why = reason_of(request) if _REASON in given else ""
    return parts.access.door(principal, request_id(request.scope), why, address_of(request))


def type_of(parts: Parts, request: Request) -> str:
    """The resource type in the address; raises `NotFound` unless R4 has it."""
    name: str = request.scope["path_params"]["type"]
    if name not in parts.definitions.types():
        raise NotFound(issue("rest.unknown-type"))
    notes_of(request.scope)["resource_type"] = name
    return name
