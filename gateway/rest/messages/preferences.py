"""What the client prefers: how much comes back of a write, and how a search takes what it does not know.

See https://hl7.org/fhir/R4/http.html#ops and https://www.rfc-editor.org/rfc/rfc7240. What is not understood is left
aside, as a preference may be.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, TypeAlias, get_args

from starlette.requests import Request
from starlette.types import Scope

from gateway.rest.messages.headers import headers_of, values_of

Returns: TypeAlias = Literal["representation", "minimal", "operationoutcome"]
_RETURNS: Final[dict[str, Returns]] = {name: name for name in get_args(Returns)}


@dataclass(frozen=True, slots=True)
class Preferences:
    """`returns` is what the answer to a write is to hold, None when nothing was said; `lenient` leaves out unknown
    search parameters."""

    returns: Returns | None = None
    lenient: bool = False


_NONE: Final = Preferences()
LATER: Final = re.compile(r"(?:^|[,;\s])respond-async(?:$|[,;\s=])")


def is_for_later(scope: Scope) -> bool:
    """Whether the client would rather not wait for the answer."""
    if b"prefer" not in headers_of(scope):
        return False
    values = values_of(scope, b"prefer")
    return any(LATER.search(value.decode("latin-1").lower()) for value in values)


def preferences_of(request: Request) -> Preferences:
    """The preferences in the Prefer headers; of one that is given twice the first counts."""
    values = values_of(request.scope, b"prefer")
    return _preferences(values) if values else _NONE


@lru_cache(maxsize=256)
def _preferences(values: tuple[bytes, ...]) -> Preferences:
    given: dict[str, str] = {}
    for value in values:
        for part in value.decode("latin-1").lower().split(","):
            name, _, told = part.split(";")[0].partition("=")
            given.setdefault(name.strip(), told.strip().strip('"'))
    return Preferences(_RETURNS.get(given.get("return", "")), given.get("handling") == "lenient")
