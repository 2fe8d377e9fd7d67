"""Bulk Data Access: an export is started, asked about, fetched file by file, and ended.

`$export` of the study, of patients and of a Group. An export belongs to the client that started it; for anybody else
it is not there. See https://hl7.org/fhir/uv/bulkdata/export.html.
"""

import zlib
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from email.utils import format_datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute

from gateway.core.codec import dumps
from gateway.core.errors import FhirError, NotFound
from gateway.core.export_job import ExportJob
from gateway.core.instants import format_instant
from gateway.core.issues import issue, operation_outcome
from gateway.core.resources import Stored
from gateway.definitions import Definitions
from gateway.export.bulk import request_of, state_of
from gateway.export.bulk.request import Output, State
from gateway.rest.clients.gate import door_of, principal_of, study_of
from gateway.rest.events import refusals_of
from gateway.rest.exports.kickoff import kick_off
from gateway.rest.layers.compression import LEVEL, accepts_gzip
from gateway.rest.messages.bodies import JSON_TYPES, read_body
from gateway.rest.messages.subsets import Subsets
from gateway.rest.parts import Parts

BASE: Final = "/studies/{study}/fhir"
NDJSON: Final = "application/fhir+ndjson"
IGNORED: Final = "ignored.ndjson"
"""The file that tells what a lenient kick-off left aside."""

DEFINITIONS: Final = "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/"
OFFERED: Final = {"": "export", "Patient": "patient-export", "Group": "group-export"}
"""Where `$export` can be asked for, "" for the system, and the name of its definition."""

SOON, LATE = 1, 30
"""Seconds after which to ask again: of an export that was just started, and of one that takes long."""


def routes(parts: Parts) -> list[BaseRoute]:
    """Kick-off by GET and POST at three levels; status, files and end of an export."""
    router = APIRouter()

    async def posted(request: Request) -> bytes:
        door_of(parts, request)
        return await read_body(request, JSON_TYPES) if await request.body() else b""

    def export(request: Request) -> Response:
        return _started(parts, kick_off(parts, request, None))

    def export_by_post(request: Request, body: Annotated[bytes, Depends(posted)]) -> Response:
        return _started(parts, kick_off(parts, request, body))

    def export_status(request: Request) -> Response:
        return _status(parts, request, _job(parts, request))

    def export_end(request: Request) -> Response:
        who = principal_of(parts, request, study_of(parts, request))
        with refusals_of(parts, request, who, "bulk-end"):
            parts.bulk.cancel(who, request.path_params["job"])
        return Response(None, 202)

    def export_file(request: Request) -> Response:
        return _file(parts, request, _job(parts, request))

    for path in (f"{BASE}/$export", f"{BASE}/Patient/$export", f"{BASE}/Group/{{id}}/$export"):
        router.add_api_route(path, export, methods=["GET"])
        router.add_api_route(path, export_by_post, methods=["POST"])
    router.add_api_route(f"{BASE}/$export-status/{{job}}", export_status, methods=["GET"])
    router.add_api_route(f"{BASE}/$export-status/{{job}}", export_end, methods=["DELETE"])
    router.add_api_route(f"{BASE}/$export-file/{{job}}/{{file}}", export_file, methods=["GET"])
    return list(router.routes)


def element_shower(definitions: Definitions) -> Callable[[Stored, Sequence[str]], bytes]:
    """How a version is shown with the elements asked for, `name` or `Type.name`; whole when none is of its type."""
    subsets = Subsets(definitions)

    def show(stored: Stored, elements: Sequence[str]) -> bytes:
        prefix = f"{stored.key.type}."
        names = [name.removeprefix(prefix) for name in elements if "." not in name or name.startswith(prefix)]
        return subsets.shown(elements=names)(stored) if names else stored.body

    return show


def _started(parts: Parts, job: ExportJob) -> Response:
    return Response(None, 202, {"Content-Location": _status_url(parts, job)})


def _job(parts: Parts, request: Request) -> ExportJob:
    """The export in the address, of the client that asks; of another's it is on record that it asked."""
    principal = principal_of(parts, request, study_of(parts, request))
    with refusals_of(parts, request, principal, "bulk-status"):
        return parts.bulk.job(principal, request.path_params["job"])


def _status(parts: Parts, request: Request, job: ExportJob) -> Response:
    who = principal_of(parts, request, study_of(parts, request))
    parts.rates.spend("status", job.study, f"{job.client}:{job.id}")
    state, page = state_of(job.state), _page(request)
    if job.status == "failed":
        raise FhirError(issue(state.reason))
    is_partial = request_of(job.request).partial
    pages = parts.bulk.pages(job) if is_partial or job.status == "done" else 0
    if page > max(1, pages if is_partial else 1):
        raise NotFound(issue("export.unknown"))
    headers = _headers_of_work(parts, job, state) if job.status == "running" else {"Expires": _http_date(job.expires)}
    status = 202 if job.status == "running" else 200
    if page > pages:
        return Response(None, 202, headers)
    # Whoever may not have a type any more is not told how much there is of it.
    parts.bulk.require(job, who, "bulk-status", state.parts)
    manifest = _manifest(parts, job, page if is_partial else 0, pages)
    return Response(dumps(manifest), status, headers, "application/json")


def _page(request: Request) -> int:
    text = request.query_params.get("page", "1")
    if not text.isascii() or not text.isdigit() or len(text) > 6 or int(text) < 1:
        raise NotFound(issue("export.unknown"))
    return int(text)


def _headers_of_work(parts: Parts, job: ExportJob, state: State) -> dict[str, str]:
    passed = int((parts.clock() - job.created).total_seconds())
    told = f"{state.written} resources written{', now ' + state.type if state.type else ''}"
    return {"X-Progress": told, "Retry-After": str(min(LATE, max(SOON, passed // 4)))}


def _manifest(parts: Parts, job: ExportJob, page: int, pages: int) -> dict[str, Any]:
    """The manifest with all files, or with those of a page; the last page tells what to remove."""
    asked = request_of(job.request)
    base = f"{parts.fhir_base(job.study)}/$export-file/{job.id}"
    aside = [{"type": "OperationOutcome", "url": f"{base}/{IGNORED}", "count": 1}] if asked.ignored else []
    is_last = job.status == "done" and page in (0, pages)
    following = [{"relation": "next", "url": f"{_status_url(parts, job)}?page={page + 1}"}] if page < pages else []
    return {
        "transactionTime": format_instant(job.created),
        "request": asked.url,
        "requiresAccessToken": True,
        **({"outputOrganizedBy": asked.organized} if asked.organized else {}),
        "output": _listed(base, parts.bulk.outputs(job, page=page)),
        "deleted": _listed(base, parts.bulk.outputs(job, deleted=True)) if is_last else [],
        "error": aside if page in (0, 1) else [],
        **({"link": following} if page and following else {}),
    }


def _listed(base: str, files: Sequence[Output]) -> list[dict[str, Any]]:
    return [
        {**({"type": one.type} if one.type else {}), "url": f"{base}/{one.name}", "count": one.count} for one in files
    ]


def _file(parts: Parts, request: Request, job: ExportJob) -> Response:
    name = request.path_params["file"]
    ignored = request_of(job.request).ignored
    if name == IGNORED:
        if not ignored or not (job.status == "done" or parts.bulk.pages(job)):
            raise NotFound(issue("export.unknown"))
        outcome = operation_outcome([issue("export.left-aside", parameter=one) for one in ignored])
        return Response(dumps(outcome) + b"\n", 200, media_type=NDJSON)
    who = principal_of(parts, request, study_of(parts, request))
    data = parts.bulk.open(who, job, name)
    first = next(data, b"")
    sent = _whole(first, data)
    headers = {"Expires": _http_date(job.expires)}
    if accepts_gzip(request.headers.get("accept-encoding", "")):
        sent, headers = _zipped(sent), headers | {"Content-Encoding": "gzip"}
    return StreamingResponse(sent, 200, headers, NDJSON)


def _whole(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _zipped(data: Iterator[bytes]) -> Iterator[bytes]:
    squeeze = zlib.compressobj(LEVEL, wbits=31)
    for one in data:
        if small := squeeze.compress(one):
            yield small
    yield squeeze.flush()


def _status_url(parts: Parts, job: ExportJob) -> str:
    return f"{parts.fhir_base(job.study)}/$export-status/{job.id}"


def _http_date(instant: datetime) -> str:
    return format_datetime(instant, usegmt=True)
