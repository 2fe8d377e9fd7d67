"""Query clauses as pieces: what the SQL of a search depends on, apart from the values.

A piece is a nested tuple of texts; its values stand in a list, in the order in which `conditions` takes them.
Searches that differ in values only share their pieces and so their statement. What parameter has which
rows, `rows` and `indexed` say.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import product
from typing import Any, Final, TypeAlias

from gateway.search.folding import fold
from gateway.search.query import (
    AnyClause,
    ChainClause,
    Clause,
    CompositeClause,
    DateClause,
    HasClause,
    IdClause,
    MissingClause,
    Moment,
    NotClause,
    NumberClause,
    OfTypeClause,
    QuantityClause,
    QuantityValue,
    ReferenceClause,
    ReferenceIdentifierClause,
    StringClause,
    TextClause,
    TokenClause,
    TokenTextClause,
    UriClause,
)
from gateway.store.sql.index.indexed import TypeIndex
from gateway.store.sql.index.indexing import Indexes
from gateway.store.sql.index.rows import (
    TEXT_LENGTH,
    composite_name,
    exact_hash,
    of_type_hash,
    plain_form,
    token_form,
    word_hash,
)
from gateway.store.sql.terms import of_parameter, of_reference, term, wanted_token

Piece: TypeAlias = tuple[Any, ...]
NEVER: Final[Piece] = ("never",)
LAST: Final = "\U0010ffff"
"""Sorts behind every text with the same start."""

_FACETS: Final = frozenset({"facet", "facet-text", "never"})


class Asking:
    """Collects the pieces and values of clauses about one type."""

    def __init__(self, indexes: Indexes, type: str, values: list[Any]) -> None:
        self._indexes = indexes
        self._type = type
        self._how = indexes.of(type)
        self.values = values

    def ask(self, clause: Clause) -> Piece:
        """The piece of a clause; its values are added."""
        return _ASKERS[clause.__class__](self, clause)

    def _any(self, pieces: Iterable[Piece]) -> Piece:
        made = tuple(pieces)
        return made[0] if len(made) == 1 else ("any", made) if made else NEVER

    def _hashes(self, parameter: str, hashes: Sequence[int]) -> Piece:
        """One of the hashes, among those of the facet or the resource's own."""
        if not hashes:
            return NEVER
        self.values.append(list(dict.fromkeys(hashes)))
        return ("term",) if parameter in self._how.own else ("facet",)

    def _terms(self, hashes: Iterable[int]) -> Piece:
        found = list(dict.fromkeys(hashes))
        if not found:
            return NEVER
        self.values.append(found)
        return ("term",)

    def _ids(self, clause: IdClause) -> Piece:
        self.values.append(list(clause.ids))
        return ("ids",)

    def _tokens(self, clause: TokenClause) -> Piece:
        return self._hashes(
            clause.parameter, [wanted_token(self._type, clause.parameter, value) for value in clause.values]
        )

    def _token_texts(self, clause: TokenTextClause) -> Piece:
        return self._facet_texts(clause.parameter, "text", clause.values)

    def _facet_texts(self, parameter: str, form: str, starts: Sequence[str]) -> Piece:
        self.values.append(of_parameter(self._type, parameter, form))
        for text in starts:
            self.values += [text, text + LAST]
        return ("facet-text", len(starts))

    def _of_type(self, clause: OfTypeClause) -> Piece:
        return self._terms(
            of_type_hash(self._type, clause.parameter, one.system, one.code, one.value) for one in clause.values
        )

    def _references(self, clause: ReferenceClause) -> Piece:
        own = self._how.same.get(clause.parameter, clause.parameter)
        targets = [one for one in clause.targets if self._leads(clause.parameter, one)]
        return self._terms(of_reference(self._type, own, target) for target in targets)

    def _leads(self, parameter: str, target: str) -> bool:
        """Whether the parameter itself takes the target; the wider one that has its rows may take more."""
        known = self._indexes.parameters.of(self._type)[parameter]
        kind = target.rsplit("/", 2)[-2] if target.count("/") else ""
        return parameter not in self._how.same or kind not in known.excluded

    def _reference_identifiers(self, clause: ReferenceIdentifierClause) -> Piece:
        name = f"{clause.parameter}:identifier"
        return self._terms(wanted_token(self._type, name, value) for value in clause.values)

    def _dates(self, clause: DateClause) -> Piece:
        if clause.parameter == "_lastUpdated":
            return self._moments("updated", clause.values)
        if clause.parameter == self._how.in_time:
            return self._moments("in-time", clause.values)
        self.values.append(of_parameter(self._type, clause.parameter, "date"))
        return self._moments("dates", clause.values)

    def _moments(self, kind: str, moments: Sequence[Moment]) -> Piece:
        for moment in moments:
            margin = (moment.high - moment.low) // 10 if moment.prefix == "ap" else 0
            self.values += [moment.low - margin, moment.high + margin]
        return (kind, tuple(moment.prefix for moment in moments))

    def _numbers(self, clause: NumberClause) -> Piece:
        self.values.append(of_parameter(self._type, clause.parameter, "number"))
        for one in clause.values:
            self.values += [one.low, one.high]
        return ("numbers", tuple(one.prefix for one in clause.values))

    def _quantities(self, clause: QuantityClause) -> Piece:
        parts = self._how.unions.get(clause.parameter)
        if parts:
            return self._any([self._quantities(replace(clause, parameter=part)) for part in parts])
        self.values.append(of_parameter(self._type, clause.parameter, "number"))
        return ("quantities", tuple(self._quantity(value) for value in clause.values))

    def _quantity(self, value: QuantityValue) -> Piece:
        if value.canonical_range is not None:
            self.values += [value.canonical, value.canonical_range.low, value.canonical_range.high]
            return ("canonical", value.canonical_range.prefix)
        named = tuple(name for name in ("system", "code") if getattr(value, name) is not None)
        self.values += [getattr(value, name) for name in named]
        self.values += [value.range.low, value.range.high]
        return (named, value.range.prefix)

    def _strings(self, clause: StringClause) -> Piece:
        self.values.append(of_parameter(self._type, clause.parameter, "string"))
        for text in clause.values:
            if clause.how == "exact":
                self.values += [fold(text), exact_hash(text)]
            else:
                self.values += [text, text + LAST] if clause.how == "starts" else [text]
        return ("strings", clause.how, len(clause.values))

    def _uris(self, clause: UriClause) -> Piece:
        name = clause.parameter
        asked = [uri for value in clause.values for uri in (_above(value) if clause.how == "above" else [value])]
        exact = self._hashes(name, [term(self._type, name, "uri", uri) for uri in asked])
        if clause.how != "below":
            return exact
        starts = [(value.rstrip("/") + "/")[:TEXT_LENGTH] for value in clause.values]
        if name not in self._how.own:
            return ("any", (exact, self._facet_texts(name, "sort", starts)))
        self.values.append(of_parameter(self._type, name, "sort"))
        for start in starts:
            self.values += [start, start + LAST]
        return ("any", (exact, ("strings", "starts", len(starts))))

    def _missing(self, clause: MissingClause) -> Piece:
        if clause.parameter == "_lastUpdated":
            return NEVER if clause.missing else ("not", NEVER)
        told = self._how.unions.get(clause.parameter, (clause.parameter,))
        self.values.append([of_parameter(self._type, one, "present") for one in told])
        return ("not", ("facet",)) if clause.missing else ("facet",)

    def _text(self, clause: TextClause) -> Piece:
        for phrase in clause.values:
            self.values += [word_hash(self._type, clause.where, word) for word in phrase]
        return ("words", tuple(len(phrase) for phrase in clause.values))

    def _composite(self, clause: CompositeClause) -> Piece:
        together = self._how.together.get(clause.parameter)
        if not together:
            return self._any([self._group(clause.parameter, group) for group in clause.values])
        names, other = together
        pieces = [("all", tuple(self.ask(one) for one in _named(names, group))) for group in clause.values]
        return self._any([*pieces, *([self._composite(replace(clause, parameter=other))] if other else [])])

    def _group(self, parameter: str, group: Sequence[Any]) -> Piece:
        discrete = [_forms(one) for one in group if one.__class__ in _DISCRETE]
        ordered = [(place, one) for place, one in enumerate(group) if one.__class__ not in _DISCRETE]
        names = [composite_name(parameter, forms) for forms in product(*discrete)]
        if not ordered:
            return self._terms(term(self._type, name, "composite") for name in names)
        return self._any([self._parts(name, ordered) for name in names])

    def _parts(self, name: str, ordered: Sequence[tuple[int, Any]]) -> Piece:
        return ("parts", tuple(self.ask(replace(one, parameter=f"{name}${place}")) for place, one in ordered))

    def _not(self, clause: NotClause) -> Piece:
        return ("not", self.ask(clause.clause))

    def _any_of(self, clause: AnyClause) -> Piece:
        alone = [Asking(self._indexes, self._type, []) for _ in clause.clauses]
        pieces = [asking.ask(one) for asking, one in zip(alone, clause.clauses, strict=True)]
        if pieces and all(piece == ("term",) for piece in pieces):
            # A compartment that several references lead to: one list of hashes, which an index can be read by.
            return self._terms(one for asking in alone for hashes in asking.values for one in hashes)
        self.values += [value for asking in alone for value in asking.values]
        return self._any(pieces)

    def _chain(self, clause: ChainClause) -> Piece:
        return self._any([self._chain_to(clause, target) for target in clause.targets])

    def _chain_to(self, clause: ChainClause, target: str) -> Piece:
        own = self._how.same.get(clause.parameter, clause.parameter)
        self.values += [of_parameter(self._type, own, "reference"), target]
        return ("chain", Asking(self._indexes, target, self.values).ask(clause.clause))

    def _has(self, clause: HasClause) -> Piece:
        how = self._indexes.of(clause.type)
        known = self._indexes.parameters.of(clause.type)[clause.parameter]
        if clause.parameter in how.same and self._type not in known.targets:
            return NEVER
        own = how.same.get(clause.parameter, clause.parameter)
        self.values += [of_parameter(clause.type, own, "reference"), clause.type]
        return ("has", Asking(self._indexes, clause.type, self.values).ask(clause.clause))


def apart(how: TypeIndex, clause: Clause) -> Sequence[Clause]:
    """The clauses that a clause says as one: those of a composite whose components stand once in a resource, so that
    one of them can drive the search."""
    if not isinstance(clause, CompositeClause) or len(clause.values) != 1:
        return (clause,)
    names, other = how.together.get(clause.parameter, ((), ""))
    return _named(names, clause.values[0]) if names and not other else (clause,)


def _named(names: Sequence[str], group: Sequence[Any]) -> list[Any]:
    """The components of a composite as clauses of the parameters that hold their values."""
    return [replace(one, parameter=name) for name, one in zip(names, group, strict=True)]


def of_facets_only(piece: Piece) -> bool:
    """Whether the facet alone answers the piece."""
    kind = piece[0]
    if kind == "not":
        return of_facets_only(piece[1])
    if kind in ("any", "all"):
        return all(of_facets_only(one) for one in piece[1])
    return kind in _FACETS


def _above(uri: str) -> list[str]:
    """The URIs that are a start of this one, whole path segments, and it itself."""
    starts = [uri[:place] for place, character in enumerate(uri) if character == "/"]
    return [uri, *(one + end for one in starts for end in ("", "/"))]


def _forms(clause: Any) -> list[str]:
    if isinstance(clause, TokenClause):
        return [token_form(value.system, value.code) for value in clause.values]
    return [plain_form(text) for text in (clause.targets if isinstance(clause, ReferenceClause) else clause.values)]


_DISCRETE: Final = frozenset({TokenClause, ReferenceClause, UriClause})

_ASKERS: Final[dict[Any, Callable[[Asking, Any], Piece]]] = {
    IdClause: Asking._ids,
    TokenClause: Asking._tokens,
    TokenTextClause: Asking._token_texts,
    OfTypeClause: Asking._of_type,
    ReferenceClause: Asking._references,
    ReferenceIdentifierClause: Asking._reference_identifiers,
    DateClause: Asking._dates,
    NumberClause: Asking._numbers,
    QuantityClause: Asking._quantities,
    StringClause: Asking._strings,
    UriClause: Asking._uris,
    MissingClause: Asking._missing,
    TextClause: Asking._text,
    CompositeClause: Asking._composite,
    NotClause: Asking._not,
    AnyClause: Asking._any_of,
    ChainClause: Asking._chain,
    HasClause: Asking._has,
}
