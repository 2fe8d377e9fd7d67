"""Which representation the client asked for: JSON is the only one; everything else is 406.

`_format` overrides `Accept`; see https://hl7.org/fhir/R4/http.html#mime-type and #parameters.
"""

from collections.abc import Iterable
from functools import lru_cache

from starlette.requests import Request

from gateway.core.errors import BadRequest, NotAcceptable
from gateway.core.issues import issue
from gateway.rest.messages.headers import header, headers_of
from gateway.rest.messages.media_types import is_r4, split

JSON_NAMES = frozenset({"json", "application/json", "application/fhir+json", "text/json"})
_RANKS = dict.fromkeys(JSON_NAMES, 2) | {"application/*": 1, "text/*": 1, "*/*": 0}
"""The ranges that JSON is in; of several the most specific ones count."""

COMMON_PARAMETERS = frozenset({"_format", "_pretty"})
"""The parameters that every interaction takes."""

PART_PARAMETERS = frozenset({"_summary", "_elements"})
"""The parameters of interactions that show resources: what part of them."""


def negotiate(request: Request) -> bool:
    """True when indented JSON is asked for; raises when JSON is not acceptable or a parameter is unknown.

    For interactions that take the common parameters only.
    """
    if not request.scope["query_string"]:
        accept = headers_of(request.scope).get(b"accept")
        if accept is not None:
            check_accept(accept.decode("latin-1"))
        return False
    return negotiate_with(request, request.query_params.multi_items())


def negotiate_with(
    request: Request,
    parameters: Iterable[tuple[str, str]],
    interaction: str = "this interaction",
    also: Iterable[str] = (),
) -> bool:
    """As `negotiate`, for `parameters` that were taken from a query or form: all of them must be common ones.

    The refusal of another tells the common ones and those that the interaction takes besides, `also`.
    """
    given: dict[str, str] = {}
    for name, value in parameters:
        if name not in COMMON_PARAMETERS:
            known = ", ".join(sorted({*COMMON_PARAMETERS, *also}))
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
    """True when the most specific range that JSON is in, and that names no other FHIR version, has a quality above 0.

    See https://www.rfc-editor.org/rfc/rfc9110#section-12.5.1: `application/fhir+json;q=0, */*` is anything but JSON.
    """
    if not accept.strip():
        return True
    return max(map(_rank, accept.lower().replace("fhir json", "fhir+json").split(",")), default=_OTHER)[1]


_OTHER = (-1, False)


def _rank(part: str) -> tuple[int, bool]:
    """How specific a range is, and whether it is wanted; the least for one that JSON is not in."""
    name, facts = split(part)
    if name not in _RANKS or not is_r4(facts):
        return _OTHER
    try:
        return _RANKS[name], float(facts.get("q", "1")) > 0
    except ValueError:
        return _OTHER
