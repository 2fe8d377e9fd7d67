"""The searches that a write depends on: of If-None-Exist, and in the address of a conditional write.

See https://hl7.org/fhir/R4/http.html#ccreate, #cond-update and #3.1.0.7.1.
"""

from urllib.parse import parse_qsl

from starlette.requests import Request

from gateway.access import Finder
from gateway.core.errors import BadRequest, MethodNotAllowed, PreconditionFailed
from gateway.core.issues import issue
from gateway.core.resources import Stored
from gateway.rest.clients.gate import study_of, type_of
from gateway.rest.messages.cursors import Pairs
from gateway.rest.messages.negotiation import COMMON_PARAMETERS, negotiate_with
from gateway.rest.parts import Parts
from gateway.search import Query, parse
from gateway.study import Study

MAX_FIELDS = 50


def criteria(parts: Parts, study: str, type_name: str, text: str) -> Query:
    """The search that a condition is; raises `BadRequest` when it is not one by at least one parameter."""
    return _criteria(parts, study, type_name, _pairs(text))


def condition_of(parts: Parts, request: Request, code: str) -> tuple[Query, bool]:
    """The condition in the address of a conditional write, and whether its answer is to be indented.

    Raises `NotAcceptable`, and `BadRequest` when there is no condition by at least one parameter.
    """
    pairs = _pairs(request.scope["query_string"].decode("latin-1"))
    pretty = negotiate_with(request, [pair for pair in pairs if pair[0] in COMMON_PARAMETERS], code)
    asked = [pair for pair in pairs if pair[0] not in COMMON_PARAMETERS]
    return _criteria(parts, study_of(parts, request).id, type_of(parts, request), asked), pretty


def _criteria(parts: Parts, study: str, type_name: str, pairs: Pairs) -> Query:
    known = parts.parameters.of_study(study)
    query = parse(type_name, pairs, known, parts.fhir_base(study), limits=parts.limits)
    if not query.clauses or query != Query(type_name, query.clauses):
        raise BadRequest(issue("rest.condition"))
    return query


def require_conditional_delete(study: Study) -> None:
    """Raises `MethodNotAllowed` in a study that offers no conditional deletion."""
    if study.interactions.conditional_delete == "not-supported":
        raise MethodNotAllowed(issue("rest.no-conditional-delete"))


def most_deleted(study: Study, limit: int) -> int:
    """How many resources a conditional deletion may delete: one, or `limit` in a study that allows several."""
    return limit if study.interactions.conditional_delete == "multiple" else 1


def lock_of(query: Query) -> str:
    """The name of the lock of a condition: the same for conditions that ask the same, whatever the order."""
    return f"{query.type}?{sorted(map(repr, query.clauses))}"


def the_one(find: Finder, query: Query) -> Stored | None:
    """The one visible resource that meets a condition, None when there is none.

    Raises `PreconditionFailed` when there are several.
    """
    found = find.search(query, 2)
    if len(found) > 1:
        raise PreconditionFailed(issue("rest.several-match"))
    return found[0] if found else None


def _pairs(text: str) -> Pairs:
    try:
        return parse_qsl(
            text, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=MAX_FIELDS
        )
    except ValueError:
        raise BadRequest(issue("rest.condition")) from None
