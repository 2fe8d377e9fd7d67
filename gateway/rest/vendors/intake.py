"""The vendors' side: a payload is pushed, durable before it is parsed, and its receipt tells what became of it.

`Prefer: respond-async` answers as soon as the bytes are durable; otherwise the answer waits until the payload is
processed. Either way a 2xx means that it will not be lost.
"""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway.core.codec import dumps
from gateway.core.instants import format_instant
from gateway.core.issues import operation_outcome
from gateway.core.receipt import Receipt
from gateway.rest.clients.gate import study_of
from gateway.rest.events import refusals_of
from gateway.rest.layers.edge import note
from gateway.rest.messages.bodies import read_body
from gateway.rest.messages.negotiation import negotiate
from gateway.rest.parts import Parts
from gateway.rest.vendors.deliverers import deliverer_of

ENVELOPE = {"x-vendor-user": "vendorUserId"}
"""Headers that become facts beside the body: header -> envelope key."""


def routes(parts: Parts) -> list[BaseRoute]:
    """POST of `ingest/[source]` and GET of `receipts/[id]`."""
    router = APIRouter()

    async def raw_body(request: Request) -> bytes:
        deliverer_of(parts, request, study_of(parts, request))
        return await read_body(request)

    @router.post("/studies/{study}/ingest/{source}")
    def deliver(request: Request, body: Annotated[bytes, Depends(raw_body)]) -> Response:
        negotiate(request)
        study = study_of(parts, request)
        principal = deliverer_of(parts, request, study)
        envelope = {key: request.headers[header] for header, key in ENVELOPE.items() if header in request.headers}
        payload = parts.ingest.payload(
            study.id, request.path_params["source"], body, request.headers.get("content-type", ""), envelope
        )
        with refusals_of(parts, request, principal, "ingest"):
            receipt = parts.ingest.receive(payload, principal)
        note(request.scope, source=receipt.source, receipt=receipt.id)
        if "respond-async" in request.headers.get("prefer", ""):
            return _answer(parts, receipt, 202, BackgroundTask(parts.ingest.process, receipt))
        receipt = parts.ingest.process(receipt)
        return _answer(parts, receipt, 200 if receipt.status in ("stored", "known") else 202)

    @router.api_route("/studies/{study}/receipts/{receipt}", methods=["GET", "HEAD"])
    def receipt(request: Request) -> Response:
        negotiate(request)
        study = study_of(parts, request)
        principal = deliverer_of(parts, request, study)
        with refusals_of(parts, request, principal, "receipt"):
            found = parts.ingest.receipt(request.path_params["receipt"], principal)
        return _answer(parts, found, 200)

    return list(router.routes)


def _answer(parts: Parts, receipt: Receipt, status: int, task: BackgroundTask | None = None) -> Response:
    tree = receipt_tree(receipt, parts.base_url)
    headers = {"Location": tree["links"]["self"]}
    return Response(dumps(tree), status, headers, "application/json", task)


def receipt_tree(receipt: Receipt, base_url: str) -> dict[str, Any]:
    """The JSON of a receipt: its facts, its issues as an OperationOutcome when there are any, and its links."""
    tree: dict[str, Any] = {
        "id": receipt.id,
        "status": receipt.status,
        "study": receipt.study,
        "source": receipt.source,
        "received": format_instant(receipt.received),
        "sha256": receipt.sha256,
        "size": receipt.size,
        "mediaType": receipt.media_type,
        "mapping": receipt.mapping,
        "counts": asdict(receipt.counts),
        "attempts": receipt.attempts,
    }
    if receipt.duplicate_of:
        tree["duplicateOf"] = receipt.duplicate_of
    if receipt.issues:
        tree["outcome"] = operation_outcome(receipt.issues)
    tree["links"] = {
        "self": f"{base_url}/studies/{receipt.study}/receipts/{receipt.id}",
        "fhir": f"{base_url}/studies/{receipt.study}/fhir",
    }
    return tree
