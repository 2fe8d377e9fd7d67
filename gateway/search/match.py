"""The query answered in memory: the oracle of every store's search, written to be right and not to be fast."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gateway.core import Resource
from gateway.core.instants import parse_interval
from gateway.search.compare import compares, compares_numbers, compares_quantity
from gateway.search.entries import ComponentEntry
from gateway.search.extract import extract
from gateway.search.parameters import Parameters
from gateway.search.query import (
    AnyClause,
    ChainClause,
    Clause,
    CompositeClause,
    CompositeEntry,
    DateClause,
    DateEntry,
    HasClause,
    IdClause,
    IndexEntry,
    MissingClause,
    NotClause,
    NumberClause,
    NumberEntry,
    OfType,
    OfTypeClause,
    OfTypeEntry,
    QuantityClause,
    QuantityEntry,
    Query,
    ReferenceClause,
    ReferenceEntry,
    ReferenceIdentifierClause,
    ReferenceIdentifierEntry,
    StringClause,
    StringEntry,
    TextClause,
    TextEntry,
    Token,
    TokenClause,
    TokenEntry,
    TokenTextClause,
    TokenTextEntry,
    UriClause,
    UriEntry,
)


def matches(query: Query, resource: Resource, parameters: Parameters, among: Iterable[Resource] = ()) -> bool:
    """True when the resource is of the query's type and every clause holds; what is not a clause plays no part.

    Chains and `_has` look among the resources `among`.
    """
    types = (query.type,) if query.type else query.types
    if types and resource["resourceType"] not in types:
        return False
    subject = Subject(resource, parameters, tuple(among))
    return all(holds(clause, subject) for clause in query.clauses_of(resource["resourceType"]))


@dataclass(slots=True)
class Subject:
    """A resource that clauses are asked of, and the others that it stands among; its entries are made once."""

    resource: Resource
    parameters: Parameters
    among: tuple[Resource, ...]
    found: dict[str, list[IndexEntry]] | None = None

    def entries(self, parameter: str) -> Sequence[IndexEntry]:
        """The entries of one parameter; `_lastUpdated` among them."""
        if self.found is None:
            self.found = {}
            for entry in extract(self.resource, self.parameters):
                self.found.setdefault(entry.parameter, []).append(entry)
        if parameter == "_lastUpdated":
            interval = parse_interval(self.resource.get("meta", {}).get("lastUpdated", ""))
            return [DateEntry(parameter, interval.low, interval.high)] if interval else []
        return self.found.get(parameter, [])

    @property
    def reference(self) -> str:
        """`Type/id` of the resource."""
        return f"{self.resource['resourceType']}/{self.resource.get('id', '')}"

    def other(self, resource: Resource) -> "Subject":
        """Another resource among the same ones."""
        return Subject(resource, self.parameters, self.among)


def holds(clause: Clause, subject: Subject) -> bool:
    """Whether a clause holds of the resource."""
    if isinstance(clause, IdClause):
        return subject.resource.get("id") in clause.ids
    if isinstance(clause, NotClause):
        return not holds(clause.clause, subject)
    if isinstance(clause, AnyClause):
        return any(holds(one, subject) for one in clause.clauses)
    if isinstance(clause, MissingClause):
        return clause.missing is not bool(subject.entries(clause.parameter))
    if isinstance(clause, ChainClause):
        return _leads(clause, subject)
    if isinstance(clause, HasClause):
        return _is_referred(clause, subject)
    return any(_answers(clause, entry) for entry in subject.entries(clause.parameter))


def _leads(clause: ChainClause, subject: Subject) -> bool:
    targets = {entry.target for entry in subject.entries(clause.parameter) if isinstance(entry, ReferenceEntry)}
    others = (subject.other(one) for one in subject.among if one["resourceType"] in clause.targets)
    return any(other.reference in targets and holds(clause.clause, other) for other in others)


def _is_referred(clause: HasClause, subject: Subject) -> bool:
    wanted = ReferenceEntry(clause.parameter, subject.reference)
    others = (subject.other(one) for one in subject.among if one["resourceType"] == clause.type)
    return any(wanted in other.entries(clause.parameter) and holds(clause.clause, other) for other in others)


def _answers(clause: Clause, entry: IndexEntry) -> bool:
    """Whether one entry of the clause's parameter is one of the clause's values."""
    match clause, entry:
        case TokenClause(values=tokens), TokenEntry():
            return any(_same_token(value, entry.system, entry.code) for value in tokens)
        case ReferenceIdentifierClause(values=tokens), ReferenceIdentifierEntry():
            return any(_same_token(value, entry.system, entry.value) for value in tokens)
        case TokenTextClause(values=texts), TokenTextEntry():
            return any(entry.normal.startswith(text) for text in texts)
        case OfTypeClause(values=wanted), OfTypeEntry():
            return OfType(entry.system, entry.code, entry.value) in wanted
        case TextClause(values=phrases), TextEntry():
            return any(set(words) <= set(entry.words.split()) for words in phrases)
        case CompositeClause(values=groups), CompositeEntry():
            return any(_together(group, entry.components) for group in groups)
    return _compares(clause, entry)


def _compares(clause: Clause, entry: IndexEntry) -> bool:
    match clause, entry:
        case ReferenceClause(targets=targets), ReferenceEntry():
            return entry.target in targets
        case DateClause(values=moments), DateEntry():
            return any(compares(value, entry.low, entry.high) for value in moments)
        case NumberClause(values=ranges), NumberEntry():
            return any(compares_numbers(value, entry.low, entry.high) for value in ranges)
        case QuantityClause(values=quantities), QuantityEntry():
            return any(compares_quantity(value, entry) for value in quantities)
        case StringClause(), StringEntry():
            return any(_same_text(value, clause.how, entry) for value in clause.values)
        case UriClause(), UriEntry():
            return any(_same_uri(value, clause.how, entry.uri) for value in clause.values)
    return False


def _together(group: Sequence[Clause], components: Sequence[ComponentEntry]) -> bool:
    return len(group) == len(components) and all(map(_answers, group, components))


def _same_token(value: Token, system: str, code: str) -> bool:
    return value.system in (None, system) and value.code in (None, code)


def _same_text(value: str, how: str, entry: StringEntry) -> bool:
    if how == "exact":
        return entry.exact == value
    return value in entry.normal if how == "contains" else entry.normal.startswith(value)


def _same_uri(value: str, how: str, uri: str) -> bool:
    if how == "below":
        return uri == value or uri.startswith(value.rstrip("/") + "/")
    if how == "above":
        return uri == value or value.startswith(uri.rstrip("/") + "/")
    return uri == value
