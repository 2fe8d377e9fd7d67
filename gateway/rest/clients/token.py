"""The token endpoint of SMART Backend Services, introspection and revocation.

Answers are OAuth's, not OperationOutcomes (RFC 6749 5.1 and 5.2), and are never cached. A token is given out once the
event of it is durable.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from gateway.auth import TOKEN_SECONDS, Form, TokenRefused
from gateway.core.errors import FhirError
from gateway.core.event import Event
from gateway.rest.clients.pacing import address_of, spend_login
from gateway.rest.events import event_of
from gateway.rest.layers.edge import note, request_id
from gateway.rest.messages.bodies import FORM_TYPES, read_body_as_sent
from gateway.rest.parts import Parts
from gateway.rest.refusals import note_refusal
from gateway.study import Client

MAX_FORM_BYTES: Final = 20_000
APP_GRANTS: Final = ("authorization_code", "refresh_token")
_BASIC: Final = {"WWW-Authenticate": 'Basic realm="gateway"'}
_NO_STORE: Final = {"Pragma": "no-cache"}
"""Beside `Cache-Control: no-store`, which every answer has: RFC 6749 5.1."""


def routes(parts: Parts) -> list[BaseRoute]:
    """POST of `/auth/token`, `/auth/introspect` and `/auth/revoke`; the client proves itself in each form."""
    router = APIRouter()

    @router.post("/auth/token")
    def token(request: Request, given: Annotated[Form | None, Depends(read_form)]) -> Response:
        spend_login(parts, request)
        return _answer(parts, request, given, lambda fields: _grant(parts, request, fields))

    @router.post("/auth/introspect")
    def introspect(request: Request, given: Annotated[Form | None, Depends(read_form)]) -> Response:
        spend_login(parts, request)
        return _answer(parts, request, given, lambda fields: _introspect(parts, request, fields))

    @router.post("/auth/revoke")
    def revoke(request: Request, given: Annotated[Form | None, Depends(read_form)]) -> Response:
        spend_login(parts, request)
        return _answer(parts, request, given, lambda fields: _revoke(parts, request, fields))

    return list(router.routes)


async def read_form(request: Request) -> Form | None:
    """The form in the body, None for anything else."""
    try:
        return form_of(await read_body_as_sent(request, FORM_TYPES))
    except FhirError:
        return None


def form_of(body: bytes) -> Form | None:
    """The fields; None for what is no form, or gives a field twice (RFC 6749 3.2)."""
    if len(body) > MAX_FORM_BYTES:
        return None
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True, max_num_fields=20)
    except ValueError:
        return None
    return dict(pairs) if pairs and len(dict(pairs)) == len(pairs) else None


def _answer(
    parts: Parts, request: Request, fields: Form | None, serve: Callable[[Form], Mapping[str, Any]]
) -> Response:
    if fields is None:
        return JSONResponse({"error": "invalid_request"}, 400, _NO_STORE)
    try:
        return JSONResponse(serve(fields), 200, _NO_STORE)
    except TokenRefused as refused:
        note_refusal(parts, request, fields, refused.issues[0].rule)
        described = {
            "error": refused.error,
            "error_description": f"{refused.issues[0].message}: {refused.issues[0].hint}",
        }
        if refused.error != "invalid_client":
            return JSONResponse(described, 400, _NO_STORE)
        is_basic = "authorization" in request.headers  # who tried it is told of it: RFC 6749 5.2
        return JSONResponse(described, 401, _NO_STORE | (_BASIC if is_basic else {}))


def _grant(parts: Parts, request: Request, fields: Form) -> dict[str, Any]:
    if parts.app_launch and fields.get("grant_type") in APP_GRANTS:
        study, client, told = parts.app_launch.exchange(fields, request.headers.get("authorization", ""))
        record(parts, request, study, client, "token")
        return told
    granted = parts.backend_services.grant(fields)
    record(parts, request, granted.study, granted.client, "token")
    return {
        "access_token": granted.token,
        "token_type": "bearer",
        "expires_in": TOKEN_SECONDS,
        "scope": " ".join(granted.scopes),
    }


def _introspect(parts: Parts, request: Request, fields: Form) -> Mapping[str, Any]:
    """Who asks about a token of another client is told nothing, and left on record: the token is in wrong hands."""
    found = parts.backend_services.introspect(fields)
    note(request.scope, study=found.study, client=found.client.id)
    if found.foreign:
        who = replace(parts.studies[found.study].principal(found.client), token=found.foreign)
        parts.note_failure(event_of(parts, request, who, "introspect", "denied", "auth.introspect"))
    return found.told


def _revoke(parts: Parts, request: Request, fields: Form) -> dict[str, Any]:
    if parts.app_launch and fields.get("token", "").count(".") == 1:  # a refresh token; access tokens have two
        study, client = parts.app_launch.revoke(fields, request.headers.get("authorization", ""))
        record(parts, request, study, client, "revoke")
        return {}
    study, client, digest = parts.backend_services.revoke(fields)
    record(parts, request, study, client, "revoke", digest)
    return {}


def record(parts: Parts, request: Request, study: str, client: Client, operation: str, token: str = "") -> None:
    """Makes the event durable, or refuses by `Unavailable`: nobody gets a token that left no trace."""
    note(request.scope, study=study, client=client.id)
    parts.record(
        Event(
            at=parts.clock(),
            study=study,
            action="E",
            operation=operation,
            outcome="success",
            client=client.id,
            organisation=client.organisation,
            role=client.role,
            purpose=client.purpose,
            token=token,
            request=request_id(request.scope),
            network=address_of(request),
        )
    )
