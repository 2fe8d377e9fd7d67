"""update: a new version of one resource at an id that the client knows. https://hl7.org/fhir/R4/http.html#update"""

import re
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from gateway.access import Write
from gateway.core.codec import loads
from gateway.core.errors import BadRequest, Unprocessable
from gateway.core.issues import Issue, any_blocks, issue, operation_outcome
from gateway.core.resources import Committed
from gateway.core.types import Resource
from gateway.ingest.admission import Admission
from gateway.rest.answers import etag, json_response, last_modified, tree_response
from gateway.rest.bodies import JSON_TYPES, read_body
from gateway.rest.gate import door_of, study_of, type_of
from gateway.rest.negotiation import negotiate
from gateway.rest.parts import Parts
from gateway.study import Study

CODE = "update"

_IF_MATCH = re.compile(r'(?:W/)?"([1-9][0-9]{0,8})"\Z')


def routes(parts: Parts) -> list[BaseRoute]:
    """PUT of `[type]/[id]`, with If-Match and Prefer."""
    router = APIRouter()
    admissions = {study.id: Admission(study, parts.validator) for study in parts.studies.values()}

    def judge(study: Study, resource: Resource) -> list[Issue]:
        """By the study's rules for types that it collects; by R4 alone for those of enrolment, such as Consent."""
        if resource["resourceType"] in study.profiles:
            return admissions[study.id].check(resource)
        return admissions[study.id].judge(resource)

    async def resource_body(request: Request) -> bytes:
        door_of(parts, request).require_write(type_of(parts, request))
        return await read_body(request, JSON_TYPES)

    @router.put("/studies/{study}/fhir/{type}/{id}")
    def update(request: Request, body: Annotated[bytes, Depends(resource_body)]) -> Response:
        negotiate(request)
        resource = _resource(body, type_of(parts, request), request.path_params["id"])
        issues = judge(study_of(parts, request), resource)
        if any_blocks(issues):
            raise Unprocessable(*issues)
        write = Write(resource, if_match=_if_match(request))
        [committed] = door_of(parts, request).commit([write])
        return _answer(parts, request, committed)

    return list(router.routes)


def _resource(body: bytes, type_name: str, identity: str) -> Resource:
    tree = loads(body)
    if not isinstance(tree, dict) or "resourceType" not in tree:
        raise BadRequest(issue("rest.not-a-resource"))
    if tree["resourceType"] != type_name:
        raise BadRequest(issue("rest.type-differs", expression="resourceType"))
    if tree.get("id") != identity:
        raise BadRequest(issue("rest.id-differs", expression=f"{type_name}.id"))
    return tree


def _if_match(request: Request) -> int | None:
    """The version in If-Match; None without the header."""
    text = request.headers.get("if-match")
    if text is None:
        return None
    found = _IF_MATCH.match(text.strip())
    if not found:
        raise BadRequest(issue("rest.if-match"))
    return int(found[1])


def _answer(parts: Parts, request: Request, committed: Committed) -> Response:
    stored = committed.stored
    status = 201 if committed.outcome == "created" else 200
    base = parts.fhir_base(stored.key.study)
    headers = {
        "ETag": etag(stored.version),
        "Last-Modified": last_modified(stored.updated),
        "Location": f"{base}/{stored.key.reference}/_history/{stored.version}",
    }
    preference = request.headers.get("prefer", "").replace(" ", "").lower()
    if "return=minimal" in preference:
        return Response(None, status, headers)
    if "return=operationoutcome" in preference:
        return tree_response(operation_outcome(()), status, headers)
    return json_response(stored.body, status, headers)
