"""The one place where errors become HTTP: every refusal is an OperationOutcome with its status.

See https://hl7.org/fhir/R4/http.html#summary.
"""

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route

from gateway.core.codec import dumps
from gateway.core.errors import FhirError, MethodNotAllowed, NotFound, TooManyRequests
from gateway.core.issues import issue
from gateway.terminology.findings import outcome

FHIR_JSON = "application/fhir+json"

CHALLENGE = 'Bearer realm="gateway"'

RETRY_SECONDS = "5"


class Internal(FhirError):
    """A fault of the gateway itself (500); what it was is in the log, by type."""


def refusal(error: FhirError, headers: Mapping[str, str] | None = None) -> Response:
    """The response of a refusal, with the headers that its status asks for."""
    answer = Response(
        dumps(outcome(error.issues or (issue("rest.internal"),))),
        error.status,
        dict(headers or {}),
        FHIR_JSON,
    )
    if error.status == 401:
        answer.headers["WWW-Authenticate"] = CHALLENGE
    elif isinstance(error, TooManyRequests):
        answer.headers.setdefault("Retry-After", str(error.seconds))
    elif error.status == 503:
        answer.headers.setdefault("Retry-After", RETRY_SECONDS)
    return answer


def internal() -> Response:
    """The response to an error that nobody foresaw: it tells nothing of it."""
    return refusal(Internal(issue("rest.internal")))


def nowhere() -> Response:
    """The response to an address that leads nowhere."""
    return refusal(NotFound(issue("rest.unknown-route")))


async def on_refusal(_request: Request, error: Exception) -> Response:
    """Starlette's handler of `FhirError`."""
    return refusal(error) if isinstance(error, FhirError) else internal()


async def on_http_error(request: Request, error: Exception) -> Response:
    """Starlette's handler of its own errors: no such route, or not with this method."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 404:
        return nowhere()
    if status == 405:
        return refusal(MethodNotAllowed(issue("rest.method")), {"Allow": ", ".join(_methods(request))})
    return internal()


def _methods(request: Request) -> list[str]:
    """Every method that some route offers at the path of `request`."""
    found: set[str] = set()
    for route in request.app.routes:
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE:
            found |= route.methods or set()
    return sorted(found)
