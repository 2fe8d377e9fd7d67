"""What the client prefers: how much comes back of a write, and how a search takes what it does not know.

See https://hl7.org/fhir/R4/http.html#ops and https://www.rfc-editor.org/rfc/rfc7240. What is not understood is left
aside, as a preference may be.
"""

from dataclasses import dataclass
from typing import Literal

from starlette.requests import Request

Returns = Literal["representation", "minimal", "operationoutcome"]


@dataclass(frozen=True, slots=True)
class Preferences:
    """`returns` is what the answer to a write holds; `lenient` leaves out unknown search parameters."""

    returns: Returns = "representation"
    lenient: bool = False


def preferences_of(request: Request) -> Preferences:
    """The preferences in the Prefer headers; of one that is given twice the first counts."""
    given: dict[str, str] = {}
    for header in request.headers.getlist("prefer"):
        for part in header.lower().split(","):
            name, _, value = part.split(";")[0].partition("=")
            given.setdefault(name.strip(), value.strip().strip('"'))
    returns: dict[str, Returns] = {"minimal": "minimal", "operationoutcome": "operationoutcome"}
    return Preferences(returns.get(given.get("return", ""), "representation"), given.get("handling") == "lenient")
