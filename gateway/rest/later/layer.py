"""Takes what the client would rather have answered later, before anything of it is done.

Reads of one resource and writes of one are answered at once, whatever is preferred.
"""

import re
from collections.abc import Collection
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.core.errors import FhirError
from gateway.rest.clients.gate import principal_of, study_of
from gateway.rest.messages.bodies import FORM_TYPES, JSON_TYPES, BodyLimit, read_body
from gateway.rest.messages.negotiation import check_accept
from gateway.rest.messages.preferences import LATER, is_for_later
from gateway.rest.messages.problems import refusal
from gateway.rest.parts import Parts
from gateway.rest.waiting.requests import Asked

PATH: Final = re.compile(r"/studies/(?P<study>[^/]+)/fhir(?P<place>(?:/.*)?)\Z")
KEPT: Final = ("accept", "accept-language", "content-type", "prefer", "x-change-reason")
OTHERS: Final = frozenset(
    {"metadata", ".well-known", "$export", "$export-status", "$export-file", "$async-status", "$viewdefinition-run"}
)
"""What is answered at once, or later in a way of its own."""


class Later:
    """The ASGI application `app`; `affecting` are the names of operations that change something."""

    def __init__(self, app: ASGIApp, parts: Parts, affecting: Collection[str]) -> None:
        self.app = app
        self.parts = parts
        self.affecting = frozenset(affecting)
        self.taken = BodyLimit(self._take, parts.max_body_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection."""
        is_taken = scope["type"] == "http" and is_for_later(scope) and self._place(scope) is not None
        await (self.taken if is_taken else self.app)(scope, receive, send)

    def _place(self, scope: Scope) -> tuple[str, bool] | None:
        """The study, and whether the request only reads; None for one that is answered at once."""
        found = PATH.match(scope["path"])
        if found is None:
            return None
        parts = [part for part in found["place"].split("/") if part]
        last = parts[-1] if parts else ""
        if (parts and parts[0] in OTHERS) or last in OTHERS:
            return None
        if last.startswith("$") and scope["method"] in ("GET", "POST"):
            return found["study"], last[1:] not in self.affecting
        if scope["method"] == "GET":
            is_search = len(parts) in (0, 1, 3) and parts[-2:-1] != ["_history"]
            return (found["study"], True) if is_search or last == "_history" else None
        if scope["method"] == "POST" and (not parts or last == "_search"):
            return found["study"], bool(parts)
        return None

    async def _take(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            answer = await self._started(scope, receive)
        except FhirError as error:
            answer = refusal(error)
        await answer(scope, receive, send)

    async def _started(self, scope: Scope, receive: Receive) -> Response:
        place = self._place(scope)
        study, reads = place or ("", True)
        scope["path_params"] = {"study": study}
        scope["endpoint"] = self._started
        request = Request(scope, receive)
        who = principal_of(self.parts, request, study_of(self.parts, request))
        check_accept(request.headers.get("accept", ""))
        body = await read_body(request, JSON_TYPES + FORM_TYPES) if scope["method"] == "POST" else b""
        headers = tuple((name, text) for name in KEPT for text in _texts(request, name) if text)
        query = scope["query_string"].decode("latin-1")
        asked = Asked(scope["method"], scope["path"], query, headers, body, who, reads)
        job = await run_in_threadpool(self.parts.requests.start, asked)
        return Response(None, 202, {"Content-Location": status_address(self.parts, study, job.id)})


def status_address(parts: Parts, study: str, identity: str) -> str:
    """Where a request is asked about."""
    return f"{parts.fhir_base(study)}/$async-status/{identity}"


def _texts(request: Request, name: str) -> list[str]:
    """The values of a header; of preferences all but this one."""
    values = request.headers.getlist(name)
    if name != "prefer":
        return values[:1]
    kept = [part.strip() for value in values for part in value.split(",")]
    return [", ".join(part for part in kept if part and not LATER.search(part.lower()))]
