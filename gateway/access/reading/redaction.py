"""What a role does not see of the resources that it may see: who participants are, and which arm they are in.

Of identifying types the elements that stay are listed, so that what nobody thought of goes. A search on what is not
seen would tell it, and is refused.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

from msgspec import structs

from gateway.core.codec import dumps, loads
from gateway.core.errors import Forbidden
from gateway.core.issues import issue
from gateway.core.resources import Stored
from gateway.search import Query
from gateway.search.query import (
    AnyClause,
    ChainClause,
    Clause,
    HasClause,
    IdClause,
    NotClause,
    ReferenceIdentifierClause,
    SortKey,
    TextClause,
    TokenClause,
)

IDENTITY: Final = "identity"
ARM: Final = "arm"

_META: Final = frozenset({"resourceType", "id", "meta", "implicitRules"})
_STAY: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "Patient": _META | {"identifier", "active", "gender", "managingOrganization"},
        "Person": _META | {"active", "gender"},
        "RelatedPerson": _META | {"active", "gender", "patient"},
    }
)
"""Of these types nothing else stays; of identifiers the study's own."""

_GO: Final[Mapping[str, Mapping[str, frozenset[str]]]] = MappingProxyType(
    {
        IDENTITY: {"Consent": frozenset({"sourceAttachment"})},
        ARM: {"ResearchSubject": frozenset({"assignedArm", "actualArm", "_assignedArm", "_actualArm", "extension"})},
    }
)
_ASKED: Final = frozenset({"_id", "_lastUpdated", "_profile", "_tag", "active", "gender", "organization", "patient"})
"""What may be searched by, and followed, of the types of `_STAY`."""

_ASKED_OF_SUBJECTS: Final = frozenset(
    {"_id", "_lastUpdated", "_profile", "_security", "_source", "_tag"}
    | {"date", "identifier", "individual", "patient", "status", "study"}
)
"""What may be searched by of a ResearchSubject whose arm is not seen: a study's own parameters may be about it."""

_NEWEST_FIRST: Final = (SortKey("_lastUpdated", True),)
"""The order in the place of the one that nobody asked for, which is by dates: of birth, of people."""

_OF_REFERENCE: Final = frozenset(
    {"id", "extension", "reference", "type", "identifier", "display", "_reference", "_type", "_display"}
)
_NAMING: Final = frozenset({"reference", "identifier", "display"})
_LITERAL: Final = re.compile(r"(?:^|/)([A-Z][A-Za-z]+)/[A-Za-z0-9\-.]{1,64}(?:/_history/[^/]*)?\Z")
_MASKED: Final[Mapping[str, Any]] = MappingProxyType(
    {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}]}
)
"""In the place of a reference of which nothing stays: an object is never empty."""

_PSEUDONYM: Final = "urn:trial-fhir-gateway:study:"


@dataclass(frozen=True, slots=True)
class Redaction:
    """What is taken away; `what` is of `IDENTITY` and `ARM`."""

    what: frozenset[str]

    def shown(self, stored: Stored) -> Stored:
        """The version as the role sees it."""
        if stored.deleted or not stored.body:
            return stored
        return structs.replace(stored, body=dumps(self.resource(loads(stored.body))))

    def resource(self, tree: Any) -> Any:
        """The same without what is not seen, in contained resources and references too."""
        if isinstance(tree, list):
            return [self.resource(one) for one in tree]
        if not isinstance(tree, dict):
            return tree
        kind = tree.get("resourceType")
        found = self._elements(tree, kind) if isinstance(kind, str) else self._reference(tree)
        return {name: self.resource(value) for name, value in found.items()}

    def require(self, query: Query) -> None:
        """Raises `Forbidden` for a search that would tell what is not seen."""
        for kind in _kinds(query):
            for clause in query.clauses:
                self._require(kind, clause)
            for key in query.sort:
                self._require_parameter(kind, key.parameter)
        for kind, clause in query.within:
            self._require(kind, clause)

    def narrowed(self, query: Query) -> Query:
        """The search without what it would tell unasked: an order by what is not seen, references that are not."""
        if IDENTITY not in self.what:
            return query
        kept = tuple(one for one in query.includes if one.source not in _STAY or one.parameter in _ASKED)
        sort = query.sort or (() if _STAY.keys().isdisjoint(_kinds(query)) else _NEWEST_FIRST)
        return replace(query, includes=kept, sort=sort)

    def included(self, found: Iterable[Stored]) -> tuple[Stored, ...]:
        """What comes along with a search as the role sees it, people last and in an order that tells nothing."""
        shown = [self.shown(one) for one in found]
        if IDENTITY in self.what:
            shown.sort(key=lambda one: (one.key.type, one.key.id) if one.key.type in _STAY else ())
        return tuple(shown)

    def _elements(self, tree: Mapping[str, Any], kind: str) -> dict[str, Any]:
        gone = {"text"}.union(*(_GO[what].get(kind, frozenset()) for what in self.what))
        found = {name: value for name, value in tree.items() if name not in gone}
        if IDENTITY not in self.what:
            return found
        if kind in _STAY:
            found = {name: value for name, value in found.items() if name in _STAY[kind]}
        if "identifier" in found and kind in (*_STAY, "ResearchSubject"):
            found["identifier"] = [one for one in found["identifier"] if _is_pseudonym(one.get("system"))]
            found = {name: value for name, value in found.items() if value != []}
        return found

    def _reference(self, tree: Mapping[str, Any]) -> Mapping[str, Any]:
        """A reference that may be about a person, without what names her; anything else as it is."""
        if IDENTITY not in self.what or not _names_a_person(tree):
            return tree
        return {name: value for name, value in tree.items() if name in ("reference", "type")} or _MASKED

    def _require(self, kind: str, clause: Clause) -> None:
        if isinstance(clause, NotClause):
            self._require(kind, clause.clause)
        elif isinstance(clause, AnyClause):
            for one in clause.clauses:
                self._require(kind, one)
        elif isinstance(clause, ChainClause):
            self._require_parameter(kind, clause.parameter)
            for target in clause.targets:
                self._require(target, clause.clause)
        elif isinstance(clause, HasClause):
            self._require_parameter(clause.type, clause.parameter)
            self._require(clause.type, clause.clause)
        elif isinstance(clause, TextClause) or (
            IDENTITY in self.what and isinstance(clause, ReferenceIdentifierClause)
        ):
            raise Forbidden(issue("consent.redacted-search", parameter=clause.parameter))
        elif not isinstance(clause, IdClause) and not _is_pseudonymous(clause):
            self._require_parameter(kind, clause.parameter)

    def _require_parameter(self, kind: str, parameter: str) -> None:
        is_subject = kind == "ResearchSubject"
        names = (kind in _STAY and parameter not in _ASKED) or (is_subject and parameter == "identifier")
        parts = is_subject and parameter not in _ASKED_OF_SUBJECTS
        if (IDENTITY in self.what and names) or (ARM in self.what and parts):
            raise Forbidden(issue("consent.redacted-search", parameter=parameter))


def redaction_of(redacts: Iterable[str]) -> Redaction | None:
    """The redaction of a role; None when it sees all."""
    what = frozenset(redacts)
    return Redaction(what) if what else None


def _kinds(query: Query) -> Iterable[str]:
    """The types that a search is of, those of people for one of every type."""
    return (query.type,) if query.type else query.types or tuple(_STAY)


def _names_a_person(tree: Mapping[str, Any]) -> bool:
    """Whether an object is a Reference to one of `_STAY`, or to what cannot be told: contained, or named alone."""
    text, type = tree.get("reference"), tree.get("type")
    if isinstance(text, str):
        found = _LITERAL.search(text)
        return found is None or found[1] in _STAY
    is_reference = tree.keys() <= _OF_REFERENCE and not _NAMING.isdisjoint(tree)
    return is_reference and (type is None or (isinstance(type, str) and type in _STAY))


def _is_pseudonym(system: Any) -> bool:
    return isinstance(system, str) and system.startswith(_PSEUDONYM) and system.endswith(":subject")


def _is_pseudonymous(clause: Clause) -> bool:
    """Whether the clause asks for subject numbers of the study alone."""
    return (
        isinstance(clause, TokenClause)
        and clause.parameter == "identifier"
        and bool(clause.values)
        and all(_is_pseudonym(token.system) for token in clause.values)
    )
