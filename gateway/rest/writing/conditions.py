"""The conditions of a write: If-Match, If-None-Match, If-None-Exist, and the search in the address.

See https://hl7.org/fhir/R4/http.html#concurrency, #ccreate, #cond-update and #3.1.0.7.1.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.requests import Request

from gateway.access import Finder
from gateway.core.errors import BadRequest, MethodNotAllowed, PreconditionFailed
from gateway.core.issues import issue
from gateway.core.resources import Stored
from gateway.rest.messages.cursors import Pairs
from gateway.rest.messages.negotiation import COMMON_PARAMETERS
from gateway.rest.parts import Parts
from gateway.search import Query, parse
from gateway.study import Study

_VERSION = re.compile(r'(?:W/)?"([1-9][0-9]{0,8})"\Z')
_TAGS = re.compile(r'(?:W/)?"[!#-~]*"(?:[ \t]*,[ \t]*(?:W/)?"[!#-~]*")*\Z')
_TAG = re.compile(r'"[!#-~]*"')
MAX_FIELDS = 50


def if_match(text: str | None) -> int | None:
    """The version in an If-Match; None without one. Raises `BadRequest`."""
    if text is None:
        return None
    found = _VERSION.match(text.strip())
    if not found:
        raise BadRequest(issue("rest.if-match"))
    return int(found[1])


def only_new(text: str | None) -> bool:
    """Whether an If-None-Match asks for a write of what is not there yet; raises `BadRequest` for a version."""
    if text is None:
        return False
    if text.strip() != "*":
        raise BadRequest(issue("rest.if-none-match"))
    return True


@dataclass(frozen=True, slots=True)
class NoneMatch:
    """What an If-None-Match of a PATCH or DELETE says must not be there: any version, or those of the ETags."""

    tags: frozenset[str] = frozenset()
    is_any: bool = False

    def __bool__(self) -> bool:
        return self.is_any or bool(self.tags)

    def require(self, kind: str, version: int) -> None:
        """Raises `PreconditionFailed` where the current version, 0 for none, is one of them."""
        if version and (self.is_any or f'"{version}"' in self.tags):
            raise PreconditionFailed(issue("store.version-conflict", type=kind))


def if_none_match(request: Request) -> NoneMatch:
    """The If-None-Match of a request that changes or deletes; raises `BadRequest` for what holds no ETags.

    See https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2; FHIR's own use of it is a PUT of what is not there yet.
    """
    text = ", ".join(request.headers.getlist("if-none-match")).strip()
    if text in ("", "*"):
        return NoneMatch(is_any=bool(text))
    if not _TAGS.match(text):
        raise BadRequest(issue("rest.if-none-match"))
    return NoneMatch(frozenset(_TAG.findall(text)))


def criteria(parts: Parts, study: str, type_name: str, text: str) -> Query:
    """The search that a condition is; raises `BadRequest` when it is not one by at least one parameter."""
    return criteria_of(parts, study, type_name, _pairs(text))


def criteria_of(parts: Parts, study: str, type_name: str, pairs: Sequence[tuple[str, str]]) -> Query:
    """The same, of pairs that were read already."""
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


def address_condition(request: Request) -> tuple[Pairs, Pairs]:
    """The pairs in the address of a conditional write: those that every interaction takes, and the condition."""
    pairs = _pairs(request.scope["query_string"].decode("latin-1"))
    common = [pair for pair in pairs if pair[0] in COMMON_PARAMETERS]
    return common, [pair for pair in pairs if pair[0] not in COMMON_PARAMETERS]


def _pairs(text: str) -> Pairs:
    try:
        return parse_qsl(
            text, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=MAX_FIELDS
        )
    except ValueError:
        raise BadRequest(issue("rest.condition")) from None
