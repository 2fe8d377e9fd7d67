"""Scopes that reach some resources of a type only, as limits that the store asks of every row.

A scope with a query is a search; one of `patient/` is about the token's participant. What cannot be asked of one
resource alone (chains, `_has`), what is no search (`_count`, `_include`) and what is not understood give nothing.
What a query may ask for is the study's: its own search parameters are among it, and those of another are not.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, Protocol
from urllib.parse import parse_qsl

from gateway.auth.scopes import Scope, understood
from gateway.core.errors import FhirError
from gateway.core.principal import Principal
from gateway.core.resources import Limit, Placement
from gateway.core.types import Resource
from gateway.search import Parameters, Query, matches, parse
from gateway.search.query import AnyClause, ChainClause, Clause, HasClause, NotClause, TextClause

CONSENT: Final = "Consent"
MAX_PARAMETERS: Final = 10
_KEPT: Final = 1024


class Limits(Protocol):
    """What limits one way in; `ScopeLimits` is one, and what narrows it further."""

    def of(self, principal: Principal, letters: str) -> tuple[Limit, ...] | None:
        """See `ScopeLimits.of`."""

    def permits(self, limits: Sequence[Limit] | None, resource: Resource, placement: Placement) -> bool:
        """See `ScopeLimits.permits`."""


class ScopeLimits:
    """Compiles scopes by the search parameters that hold everywhere; `of_study` by those of a study. Each is read
    once."""

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self._clauses = lru_cache(maxsize=_KEPT)(self._read)
        self._made = lru_cache(maxsize=_KEPT)(self._make)
        self._studies: dict[str, ScopeLimits] = {}

    def of_study(self, study: str) -> "ScopeLimits":
        """What compiles the scopes of a study's clients; the same object where it has no parameters of its own."""
        parameters = self._parameters.of_study(study)
        if parameters is self._parameters:
            return self
        return self._studies.get(study) or self._studies.setdefault(study, ScopeLimits(parameters))

    def is_usable(self, study: str, text: str) -> bool:
        """Whether a scope of a study's client, as text, can be kept to: one of identity can, one whose query is not
        understood cannot."""
        read = self.of_study(study)._clauses
        return all(read(scope.type, scope.query) is not None for scope in understood((text,)))

    def of(self, principal: Principal, letters: str) -> tuple[Limit, ...] | None:
        """The limits of the scopes that allow all `letters` of `cruds`; None when no scope sets any.

        Whether the scopes allow the interaction with the type at all is asked elsewhere.
        """
        return self._made(principal.scopes, principal.patient, letters)

    def permits(self, limits: Sequence[Limit] | None, resource: Resource, placement: Placement) -> bool:
        """Whether limits leave a resource in, read literally: the rule that the store's SQL is tested against."""
        return limits is None or any(self._holds(limit, resource, placement) for limit in limits)

    def _holds(self, limit: Limit, resource: Resource, placement: Placement) -> bool:
        if limit.type not in ("*", resource["resourceType"]):
            return False
        if limit.without_consent and resource["resourceType"] == CONSENT:
            return False
        if limit.among is not None and not _is_among(limit.among, placement):
            return False
        if limit.subject and (placement.study_level or set(placement.subjects) != {limit.subject}):
            return False
        return not limit.clauses or matches(Query(limit.type, limit.clauses), resource, self._parameters)

    def _make(self, scopes: tuple[str, ...], patient: str, letters: str) -> tuple[Limit, ...] | None:
        known = tuple(understood(scopes))
        if all(scope.is_whole for scope in known):
            return None
        wanted = [scope for scope in known if set(letters) <= set(scope.letters)]
        if any(scope.is_whole and scope.type == "*" for scope in wanted):
            return None
        return tuple(dict.fromkeys(limit for scope in wanted for limit in self._limit(scope, patient)))

    def _limit(self, scope: Scope, patient: str) -> Iterable[Limit]:
        clauses = self._clauses(scope.type, scope.query)
        if clauses is None or (scope.context == "patient" and not patient):
            return ()
        return (Limit(scope.type, patient if scope.context == "patient" else "", clauses),)

    def _read(self, type: str, query: str) -> tuple[Clause, ...] | None:
        """The clauses of a scope's query, None when it cannot be kept to."""
        if not query:
            return () if type == "*" or self._parameters.is_type(type) else None
        try:
            pairs = parse_qsl(
                query, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=MAX_PARAMETERS
            )
            found = parse(type, pairs, self._parameters)
        except (ValueError, FhirError):
            return None
        plain = found == Query(type, found.clauses) and bool(found.clauses)
        return found.clauses if plain and all(is_of_one(clause) for clause in found.clauses) else None


def _is_among(patients: frozenset[str], placement: Placement) -> bool:
    return placement.study_level or (bool(placement.subjects) and patients.issuperset(placement.subjects))


def is_of_one(clause: Clause) -> bool:
    """Whether a clause can be answered by a resource alone."""
    if isinstance(clause, NotClause):
        return is_of_one(clause.clause)
    if isinstance(clause, AnyClause):
        return all(is_of_one(one) for one in clause.clauses)
    return not isinstance(clause, ChainClause | HasClause | TextClause)
