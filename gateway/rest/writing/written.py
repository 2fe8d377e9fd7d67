"""The answer to a write: status, version, place, and as much of the resource as the client prefers.

See https://hl7.org/fhir/R4/http.html#create, #update, #delete and #ops.
"""

from collections.abc import Iterable

from starlette.responses import Response

from gateway.access import Result
from gateway.core.issues import Issue, operation_outcome
from gateway.core.resources import Committed, Stored
from gateway.rest.messages.answers import Ready, etag, indented, json_response, last_modified, told_of, tree_response
from gateway.rest.messages.preferences import Preferences
from gateway.rest.parts import Parts


def status_of(result: Result) -> int:
    """201 for what is new, 204 for what is not there any more, else 200."""
    if result is None or (isinstance(result, Committed) and result.stored.deleted):
        return 204
    return 201 if isinstance(result, Committed) and result.outcome == "created" else 200


def version_of(result: Result) -> Stored | None:
    """The version that the result is about; None when nothing was there."""
    return result.stored if isinstance(result, Committed) else result


def place_of(parts: Parts, stored: Stored) -> str:
    """The address of this version."""
    return f"{parts.fhir_base(stored.key.study)}/{stored.key.reference}/_history/{stored.version}"


def creation_response(
    parts: Parts, result: Result, wanted: Preferences, issues: Iterable[Issue] = (), *, pretty: bool = False
) -> Response | Ready:
    """What `write_response` gives, made sooner of what was created."""
    if not isinstance(result, Committed) or result.outcome != "created" or wanted.returns == "operationoutcome":
        return write_response(parts, result, wanted, issues, pretty=pretty)
    stored = result.stored
    place = (b"location", place_of(parts, stored).encode())
    body = b"" if wanted.returns == "minimal" else stored.body
    told = told_of(stored.version, stored.updated)
    return Ready(indented(body) if pretty and body else body, *told, own=(place,), status=201)


def write_response(
    parts: Parts, result: Result, wanted: Preferences, issues: Iterable[Issue] = (), *, pretty: bool = False
) -> Response:
    """The response; `issues` are warnings, told when an OperationOutcome is preferred."""
    status, stored = status_of(result), version_of(result)
    headers = {}
    if stored is not None:
        headers = {"ETag": etag(stored.version), "Last-Modified": last_modified(stored.updated)}
    if stored is not None and not stored.deleted:
        headers["Location"] = place_of(parts, stored)
    if wanted.returns == "operationoutcome":
        return tree_response(operation_outcome(issues), 200 if status == 204 else status, headers)
    if wanted.returns == "minimal" or status == 204 or stored is None:
        return Response(None, status, headers)
    return json_response(indented(stored.body) if pretty else stored.body, status, headers)
