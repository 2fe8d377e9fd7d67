"""Requests inside a request: an entry of a batch goes the way that it would go alone.

Token, limits, consent and audit are those of the outer request; the answer comes back as bytes.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Scope

from gateway.core.codec import dumps
from gateway.core.errors import FhirError
from gateway.core.instants import format_instant
from gateway.core.logs import logger
from gateway.core.types import Resource
from gateway.rest.bundling.entries import Entry
from gateway.rest.messages.bodies import FORM_TYPES, JSON_TYPES
from gateway.rest.messages.headers import KEPT
from gateway.rest.messages.problems import refusal
from gateway.rest.messages.reasons import HEADER as REASON
from gateway.rest.patching import JSON_PATCH, json_patch_bytes

_PASSED_ON: Final = frozenset({b"authorization", b"prefer", b"accept-language", REASON.encode()})
_OWN: Final = frozenset({"path_params", "endpoint", "route", KEPT})
"""What a scope has of one request alone."""

_OUTCOME: Final = b'{"resourceType":"OperationOutcome"'
_ASKED: Final = re.compile(r"OperationOutcome|.*\$")
"""Where an OperationOutcome is what was asked for."""


@dataclass(slots=True)
class Reply:
    """The answer to an entry; `is_told` when the body tells what became of a write."""

    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    is_told: bool = False


async def ask(app: ASGIApp, request: Request, entry: Entry, base_path: str) -> Reply:
    """The answer of `app` to an entry; a fault of the gateway is a 500 without body."""
    kind, body = _body(entry)
    headers = [(name, value) for name, value in request.scope["headers"] if name in _PASSED_ON]
    headers += [(name.encode(), text.encode("latin-1")) for name, text in entry.headers.items()]
    headers += [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
    path = f"{base_path}/{entry.path}" if entry.path else base_path
    scope = {
        **{name: value for name, value in request.scope.items() if name not in _OWN},
        "method": entry.method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": entry.query.encode(),
        "headers": headers,
    }
    reply = await reply_of(app, scope, body)
    if entry.method == "HEAD":
        reply.body = b""
    reply.is_told = not entry.is_read and _ASKED.match(entry.path) is None and reply.body.startswith(_OUTCOME)
    return reply


async def reply_of(app: ASGIApp, scope: Scope, body: bytes) -> Reply:
    """The answer of `app` to a request; a fault of the gateway is a 500 without body."""
    reply = Reply()

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            reply.status = message["status"]
            reply.headers = {name.decode("latin-1"): text.decode("latin-1") for name, text in message["headers"]}
        else:
            reply.body += message.get("body", b"")

    try:
        await app(scope, receive, send)
    except Exception as error:
        logger().error("entry failed", exc_info=error)
        return Reply()
    return reply


def refused(error: FhirError) -> Reply:
    """The answer to an entry that is refused before it is asked."""
    answer = refusal(error)
    return Reply(answer.status_code, dict(answer.headers), bytes(answer.body))


def entry_of(reply: Reply) -> bytes:
    """The entry of a response Bundle for an answer that came as bytes."""
    response: Resource = {"status": str(reply.status)}
    for header, name in (("location", "location"), ("etag", "etag")):
        if header in reply.headers:
            response[name] = reply.headers[header]
    if "last-modified" in reply.headers:
        modified = parsedate_to_datetime(reply.headers["last-modified"])
        response["lastModified"] = format_instant(modified.astimezone(UTC))
    is_resource = reply.body.startswith(b"{") and "fhir+json" in reply.headers.get("content-type", "")
    if is_resource and (reply.status >= 400 or reply.is_told):
        return b'{"response":%b,"outcome":%b}}' % (dumps(response)[:-1], reply.body)
    resource = b'"resource":%b,' % reply.body if is_resource else b""
    return b'{%b"response":%b}' % (resource, dumps(response))


def _body(entry: Entry) -> tuple[str, bytes]:
    resource = entry.resource
    if resource is None:
        return FORM_TYPES[0] if entry.path.endswith("_search") else JSON_TYPES[0], b""
    if entry.method == "PATCH" and resource["resourceType"] == "Binary":
        return JSON_PATCH, json_patch_bytes(resource)
    return JSON_TYPES[0], dumps(resource)
