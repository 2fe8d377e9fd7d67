"""Which representation the client asked for: JSON is the only one; everything else is 406.

`_format` overrides `Accept`; see https://hl7.org/fhir/R4/http.html#mime-type and #parameters.
"""

from collections.abc import Iterable
from functools import lru_cache

from starlette.requests import Request

from gateway.core.errors import BadRequest, NotAcceptable
from gateway.core.issues import issue
from gateway.rest.messages.headers import header
from gateway.rest.messages.media_types import is_r4, split

JSON_NAMES = frozenset({"json", "application/json", "application/fhir+json", "text/json"})
_ACCEPTED = JSON_NAMES | {"*/*", "application/*", "text/*"}

COMMON_PARAMETERS = frozenset({"_format", "_pretty"})
"""The parameters that every interaction takes."""

PART_PARAMETERS = frozenset({"_summary", "_elements"})
"""The parameters of interactions that show resources: what part of them."""


def negotiate(request: Request) -> bool:
    """True when indented JSON is asked for; raises when JSON is not acceptable or a parameter is unknown.

    For interactions that take the common parameters only.
    """
    if not request.scope["query_string"]:
        check_accept(header(request, b"accept") or "")
        return False
    return negotiate_with(request, request.query_params.multi_items())


def negotiate_with(request: Request, parameters: Iterable[tuple[str, str]], interaction: str = "read") -> bool:
    """As `negotiate`, for `parameters` that were taken from a query or form: all of them must be common ones."""
    given: dict[str, str] = {}
    for name, value in parameters:
        if name not in COMMON_PARAMETERS:
            known = ", ".join(sorted(COMMON_PARAMETERS))
            raise BadRequest(issue("rest.parameter", interaction=interaction, known=known))
        given[name] = value
    check_accept(given.get("_format") or header(request, b"accept") or "")
    pretty = given.get("_pretty", "false")
    if pretty not in ("true", "false"):
        raise BadRequest(issue("rest.parameter-value", parameter="_pretty", expected="Use true or false"))
    return pretty == "true"


def check_accept(accept: str) -> None:
    """Raises `NotAcceptable` unless `accept` (an Accept header or a `_format`) admits JSON."""
    if not admits_json(accept):
        raise NotAcceptable(issue("rest.not-acceptable"))


@lru_cache(maxsize=256)
def admits_json(accept: str) -> bool:
    """True when one of the ranges is JSON with a quality above 0, and of FHIR version 4.0 if it names one."""
    if not accept.strip():
        return True
    return any(_admitted(part) for part in accept.lower().replace("fhir json", "fhir+json").split(","))


def _admitted(part: str) -> bool:
    name, facts = split(part)
    if name not in _ACCEPTED or not is_r4(facts):
        return False
    try:
        return float(facts.get("q", "1")) > 0
    except ValueError:
        return False
