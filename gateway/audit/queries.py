"""What an audit event tells of a search: which parameters were asked, and of their values those that name nobody.

BALP wants the request as it came. A search by name, identifier or address holds a participant's data, though, and any
text that a client puts where a code belongs may do so. Kept are the names of parameters, which are the definitions'
own, codes that have the form of LOINC's or SNOMED CT's, and dates, but none of those of people. All else is `*`.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final, TypeAlias

from gateway.core.instants import format_instant, from_micros
from gateway.search import Query
from gateway.search.query import (
    AnyClause,
    ChainClause,
    Clause,
    DateClause,
    HasClause,
    IdClause,
    MissingClause,
    Moment,
    NotClause,
    Token,
    TokenClause,
)

HIDDEN: Final = "*"
PEOPLE: Final = frozenset({"Patient", "Person", "RelatedPerson", "Practitioner", "PractitionerRole"})
"""Types of which no value is told, but when they were last changed."""

MAX_LENGTH: Final = 500
_LOINC: Final = re.compile(r"[0-9]{1,7}-[0-9]\Z")
_FORMS: Final = {"http://loinc.org": _LOINC, "http://snomed.info/sct": re.compile(r"[1-9][0-9]{5,17}\Z")}
"""Code system -> how its codes look: no word does."""

_Told: TypeAlias = tuple[str, str]
"""A parameter's name, and its values."""


def told(queries: Iterable[Query]) -> str:
    """The searches as text, in the form of a request: `Observation?code=http://loinc.org|8867-4&subject=*`."""
    return " ".join(map(_query, queries))[:MAX_LENGTH]


@lru_cache(maxsize=1024)
def _query(query: Query) -> str:
    """The text of one search; clients ask the same again and again."""
    asked = [f"{name}={values}" for name, values in (_clause(query.type, clause) for clause in query.clauses)]
    return f"{query.type}?{'&'.join((*asked, *_results(query)))}"


def _results(query: Query) -> Iterator[str]:
    """The parameters that say what of the matches is sent, and how."""
    if query.sort:
        yield "_sort=" + ",".join(("-" if key.descending else "") + key.parameter for key in query.sort)
    for one in query.includes:
        yield f"{'_revinclude' if one.reverse else '_include'}={one.source}:{one.parameter}"
    if query.count is not None:
        yield f"_count={query.count}"
    if query.total:
        yield f"_total={query.total}"
    if query.summary != "false":
        yield f"_summary={query.summary}"


def _clause(kind: str, clause: Clause) -> _Told:
    if isinstance(clause, TokenClause):
        return clause.parameter, HIDDEN if kind in PEOPLE else ",".join(map(_token, clause.values))
    if isinstance(clause, DateClause):
        is_told = kind not in PEOPLE or clause.parameter == "_lastUpdated"
        return clause.parameter, ",".join(map(_moment, clause.values)) if is_told else HIDDEN
    if isinstance(clause, MissingClause):
        return f"{clause.parameter}:missing", "true" if clause.missing else "false"
    return _composed(kind, clause)


def _composed(kind: str, clause: Clause) -> _Told:
    """Of clauses that hold others; of all the rest the name alone."""
    if isinstance(clause, NotClause):
        name, values = _clause(kind, clause.clause)
        return f"{name}:not", values
    if isinstance(clause, ChainClause):
        name, values = _clause(clause.targets[0] if len(clause.targets) == 1 else "Patient", clause.clause)
        return f"{clause.parameter}.{name}", values
    if isinstance(clause, HasClause):
        name, values = _clause(clause.type, clause.clause)
        return f"_has:{clause.type}:{clause.parameter}:{name}", values
    if isinstance(clause, AnyClause):
        return "|".join(dict.fromkeys(_clause(kind, one)[0] for one in clause.clauses)) or "none", HIDDEN
    return "_id" if isinstance(clause, IdClause) else clause.parameter, HIDDEN


def _token(token: Token) -> str:
    code = token.code or ""
    if token.system is None:
        return code if _LOINC.match(code) else HIDDEN
    form = _FORMS.get(token.system)
    return f"{token.system}|{code if form.match(code) else HIDDEN}" if form else HIDDEN


def _moment(moment: Moment) -> str:
    """The first instant that is meant; of one before or after all years nothing."""
    try:
        return f"{moment.prefix}{format_instant(from_micros(moment.low))}"
    except (OverflowError, ValueError):
        return HIDDEN
