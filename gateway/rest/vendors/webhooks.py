"""Where vendors call: a webhook of a source, proved in the vendor's way, its body durable before it is read.

A notification without measurements is landed like any payload when a mapping of the source takes its media type; one
that none takes is on record in the audit trail by its digest; nothing is fetched, and no address in a body is
ever followed.
"""

from hashlib import sha256
from typing import Annotated, Final

from fastapi import APIRouter, Depends
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from gateway.auth.webhooks import Delivery, Proved, Scheme, handshake, verify
from gateway.core.errors import NotFound, PayloadTooLarge, Unauthorized, UnsupportedMediaType
from gateway.core.issues import issue
from gateway.core.principal import Principal
from gateway.rest.clients.gate import study_of
from gateway.rest.clients.pacing import address_of, failed, proved, spend_once
from gateway.rest.events import event_of
from gateway.rest.layers.edge import note
from gateway.rest.messages.bodies import read_body_as_sent
from gateway.rest.parts import Parts

PATH: Final = "/studies/{study}/webhooks/{source}"
MAX_BYTES: Final = 1_000_000


def routes(parts: Parts) -> list[BaseRoute]:
    """GET, HEAD and POST of `webhooks/[source]`, with a token at the end where the vendor signs nothing."""
    router = APIRouter()

    async def raw(request: Request) -> bytes:
        study_of(parts, request)
        body = await read_body_as_sent(request)
        if len(body) > MAX_BYTES:
            raise PayloadTooLarge(issue("payload.too-large", limit=MAX_BYTES))
        return body

    def webhook_asked(request: Request) -> Response:
        return _serve(parts, request, b"")

    def webhook(request: Request, body: Annotated[bytes, Depends(raw)]) -> Response:
        return _serve(parts, request, body)

    for path in (PATH, f"{PATH}/{{token}}"):
        router.add_api_route(path, webhook_asked, methods=["GET", "HEAD"])
        router.add_api_route(path, webhook, methods=["POST"])
    return list(router.routes)


def _serve(parts: Parts, request: Request, body: bytes) -> Response:
    study, source = study_of(parts, request), request.path_params["source"]
    if source not in study.sources:
        raise NotFound(issue("rest.unknown-route"))
    note(request.scope, source=source)
    endpoint, scheme = parts.webhooks.get(study.id, source)
    delivery = Delivery(_headers(request), body, request.path_params.get("token", ""), address_of(request))
    principal = study.principal_of(source)
    parts.rates.require_left("failure", "", address_of(request))
    answered = handshake(request.method, dict(request.query_params), delivery, endpoint, scheme)
    if answered is not None:
        if answered.status >= 400:  # or tokens could be tried for as long as it takes
            failed(parts, request, principal, "auth.webhook")
        return JSONResponse(answered.tree, answered.status) if answered.tree else Response(None, answered.status)
    if request.method != "POST":
        raise NotFound(issue("rest.unknown-route"))
    now = parts.clock().timestamp()

    def prove() -> Proved:
        if not parts.backend_services.is_usable(study.id, principal.client):
            raise Unauthorized(issue("auth.webhook"))
        genuine = verify(delivery, endpoint, scheme, now)
        if genuine.digest and parts.backend_services.store.is_claimed(study.id, genuine.digest):
            raise Unauthorized(issue("auth.webhook"))
        return genuine

    found = proved(parts, request, study.id, prove, claimed=principal)
    spend_once(parts, request, "ingest", principal)
    return _land(parts, request, principal, body, found, scheme)


def _headers(request: Request) -> dict[str, str]:
    """By lower-case name; one that came several times is a list, as RFC 9110 5.3 has it: what stands in front of the
    gateway may have looked at another one of them."""
    found: dict[str, str] = {}
    for name, value in request.headers.items():
        found[name.lower()] = f"{found[name.lower()]}, {value}" if name.lower() in found else value
    return found


def _land(
    parts: Parts, request: Request, principal: Principal, body: bytes, proved: Proved, scheme: Scheme
) -> Response:
    """The bytes are durable before the proof is used up: a retry after a failure of ours is taken."""
    media_type = request.headers.get("content-type", "")
    task = None
    try:
        receipt = parts.ingest.receive(
            parts.ingest.payload(principal.study, principal.source, body, media_type), principal
        )
        note(request.scope, receipt=receipt.id)
        task = BackgroundTask(parts.ingest.process, receipt)
    except UnsupportedMediaType:
        if scheme.delivers != "hint":
            raise
        event = event_of(parts, request, principal, "webhook", targets=(f"sha256:{sha256(body).hexdigest()}",))
        parts.record(event)
    if proved.digest and not parts.use_once(principal.study, proved.digest, proved.until):  # twice at once
        parts.note_failure(event_of(parts, request, principal, "login", "failure", "auth.webhook"))
        raise Unauthorized(issue("auth.webhook"))
    return Response(None, scheme.answer, background=task)
