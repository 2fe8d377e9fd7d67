"""What became of a request that is answered later: asked about, fetched and forgotten by who asked it."""

from email.utils import format_datetime
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway.core.export_job import ExportJob
from gateway.rest.bundling import Reply, entry_of
from gateway.rest.clients.gate import principal_of, study_of
from gateway.rest.messages.answers import indented, json_response
from gateway.rest.messages.negotiation import negotiate
from gateway.rest.parts import Parts

STATUS: Final = "/studies/{study}/fhir/$async-status/{job}"
SOON: Final = "1"
"""Seconds after which to ask again."""


def routes(parts: Parts) -> list[BaseRoute]:
    """GET and DELETE of `$async-status/[id]`."""
    router = APIRouter()

    def own(request: Request) -> ExportJob:
        who = principal_of(parts, request, study_of(parts, request))
        return parts.requests.job(who, request.path_params["job"])

    @router.get(STATUS)
    def async_status(request: Request) -> Response:
        pretty = negotiate(request)
        job = own(request)
        answer = parts.requests.answer(job)
        if answer is None:
            return Response(None, 202, {"X-Progress": "not done yet", "Retry-After": SOON})
        entry = entry_of(Reply(answer.status, answer.headers, answer.body))
        text = b'{"resourceType":"Bundle","type":"batch-response","entry":[%b]}' % entry
        expires = format_datetime(job.expires, usegmt=True)
        return json_response(indented(text) if pretty else text, 200, {"Expires": expires})

    @router.delete(STATUS)
    def async_end(request: Request) -> Response:
        negotiate(request)
        parts.requests.remove(own(request))
        return Response(None, 202)

    return list(router.routes)
