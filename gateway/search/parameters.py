"""The search parameters of every resource type, each with its compiled expression, compiled at first use of the type.

See https://hl7.org/fhir/R4/searchparameter-registry.html.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, TypeAlias, get_args

from gateway.core import Resource
from gateway.definitions import Definitions, SearchParameter
from gateway.definitions.search_parameter import split_union
from gateway.fhirpath import Expression, FhirPathError, compile
from gateway.search.paths import Walk, elements, focus_type, roots, walks, without_resolve
from gateway.terminology.code_system import CodeSystem

OWN: Final = frozenset({"_id", "_lastUpdated"})
"""Parameters that are columns of a resource and not entries."""

REFUSED: Final = frozenset({"_filter", "_query", "near", "_contained", "_containedType"})
"""Parameters of R4 that are refused by name."""

TEXTS: Final = ("_text", "_content")
"""Full text over the narrative, and over all texts of the resource; neither has an expression."""

_SWAPPED: Final = "http://hl7.org/fhir/SearchParameter/DocumentReference-relationship"
"""R4 gives its two components each the expression of the other, by which it finds nothing."""

MAX_SHAPES: Final = 256
"""For how many shapes of a type it is kept which parameters have a value."""

Kind: TypeAlias = Literal["token", "reference", "date", "number", "quantity", "string", "uri", "composite", "text"]
_KINDS: Final[Mapping[str, Kind]] = MappingProxyType({kind: kind for kind in get_args(Kind) if kind != "text"})


@dataclass(frozen=True, slots=True)
class Focus:
    """Where the components of a composite stand together, and each component as a parameter of that place."""

    expression: Expression
    components: "tuple[Indexed, ...]"


@dataclass(frozen=True, slots=True)
class Indexed:
    """A parameter of one type.

    `expression` is None for full text and composites, whose `focuses` say where to look. `roots`: see
    `gateway.search.paths.roots`. `targets` are the types that a reference may lead to, `excluded` those that it may
    not. `systems` are those that the codes of an element of type `code` have without saying so. `folded`: tokens
    are plain strings, which compare without case. `is_canonical`: references are canonical URLs. `details` asks for
    the entries of modifiers too. `walks` are the ways to all values that the expression gives, none where it has to
    be evaluated.
    """

    code: str
    kind: Kind
    expression: Expression | None = None
    roots: frozenset[str] | None = None
    targets: frozenset[str] = frozenset()
    excluded: frozenset[str] = frozenset()
    systems: frozenset[str] = frozenset()
    folded: bool = False
    is_canonical: bool = False
    focuses: tuple[Focus, ...] = ()
    details: bool = False
    url: str = ""
    walks: tuple[Walk, ...] = ()


class Parameters:
    """The indexed parameters of every resource type, compiled at first use of the type.

    `without` leaves parameters out by their code; `_content` is the dear one. Resources are indexed when they are
    written: with another set, stored ones must be indexed again, see `digest`. What is in the folder of a study holds
    for that study alone: `study` names it, and `of_study` gives its parameters.
    """

    def __init__(self, definitions: Definitions, *, without: Iterable[str] = (), study: str = "") -> None:
        self._definitions = definitions
        self._without = frozenset(without)
        self._left_out = OWN | REFUSED | self._without
        self._study = study
        self._studies: dict[str, Parameters] = {}
        self._types: dict[str, Mapping[str, Indexed]] = {}
        self._shapes: dict[str, dict[tuple[str, ...], tuple[Indexed, ...]]] = {}
        self._systems: dict[str, CodeSystem] = {}
        self._digest = ""

    def of_study(self, study: str) -> "Parameters":
        """Those that hold for a study: these, and the ones of its folder; the same object where it has none."""
        if study == self._study or not self._definitions.has_own_parameters(study):
            return self
        found = self._studies.get(study)
        if found is None:
            made = Parameters(self._definitions, without=self._without, study=study)
            found = self._studies.setdefault(study, made)
        return found

    def of(self, type: str) -> Mapping[str, Indexed]:
        """Code -> parameter of a type, in the order of the codes; empty for a name that is no resource type."""
        found = self._types.get(type)
        if found is None:
            compiler = _Compiler(type, self._definitions)
            compiled = (compiler.compiled(one) for one in self._wanted(type))
            found = self._types[type] = MappingProxyType({one.code: one for one in compiled if one})
        return found

    def _wanted(self, type: str) -> list[SearchParameter]:
        known = self._definitions.search_parameters(type, self._study)
        return [known[code] for code in sorted(known) if code not in self._left_out]

    def leading_to(self, type: str, targets: Iterable[str]) -> Iterator[str]:
        """The codes of a type's references, in order; of those that may lead to some of `targets`, if there are any.

        Of a type that nothing was asked of yet no more is compiled than these.
        """
        wanted, known = frozenset(targets), self._types.get(type)
        if known is not None:
            yield from (
                one.code for one in known.values() if one.kind == "reference" and (not wanted or one.targets & wanted)
            )
            return
        compiler = _Compiler(type, self._definitions)
        for one in self._wanted(type):
            if one.type == "reference" and (not wanted or compiler.targets(one) & wanted) and compiler.compiled(one):
                yield one.code

    def told_by(self, resource: Resource) -> tuple[Indexed, ...]:
        """The parameters of the resource's type that its top-level elements may give a value for.

        Resources of one source have few shapes: the answers for the first ones are kept.
        """
        shape = tuple(resource)
        type = resource["resourceType"]
        shapes = self._shapes.setdefault(type, {})
        found = shapes.get(shape)
        if found is None:
            found = tuple(
                one for one in self.of(type).values() if one.roots is None or not one.roots.isdisjoint(shape)
            )
            if len(shapes) < MAX_SHAPES:
                shapes[shape] = found
        return found

    def is_type(self, type: str) -> bool:
        """True for the name of an R4 resource type; the abstract ones are none."""
        return type in self._definitions.types()

    @property
    def types(self) -> frozenset[str]:
        """The names of all resource types."""
        return self._definitions.types()

    def compartment(self, name: str) -> Mapping[str, tuple[str, ...]]:
        """Resource type -> codes of the parameters that put it into the compartment; empty for an unknown one."""
        return self._definitions.compartment(name)

    def has_element(self, type: str, name: str) -> bool:
        """True when resources of the type have a top-level element of this name; a choice is without its `[x]`, or
        with one of its types in place of it, as JSON has it."""
        known = self._definitions.children(type)
        if name in known or f"{name}[x]" in known:
            return True
        return any(name in element.written_names for element in known.values() if element.is_choice)

    def code_system(self, url: str) -> CodeSystem | None:
        """The code system with its hierarchy; None when its content is not here."""
        if url not in self._systems:
            resource = self._definitions.code_system(url)
            if resource is None or not resource.get("concept"):
                return None
            self._systems[url] = CodeSystem(resource)
        return self._systems[url]

    def faults(self) -> list[tuple[str, str]]:
        """(type, code) of the parameters whose expression does not compile; they find nothing and are refused."""
        return [
            (type, one.code)
            for type in sorted(self.types)
            for one in self._wanted(type)
            if one.expression and one.type in _KINDS and one.code not in self.of(type)
        ]

    @property
    def digest(self) -> str:
        """Says whether two sets index alike: the same for the same parameters, whatever the order they came in."""
        if not self._digest:
            state = hashlib.blake2b(digest_size=16)
            for type in sorted(self.types):
                for one in self._wanted(type):
                    told = (type, one.code, one.type, one.expression, sorted(one.targets), one.components)
                    state.update(repr(told).encode())
            self._digest = state.hexdigest()
        return self._digest


class _Compiler:
    """Compiles the parameters of one type."""

    def __init__(self, type: str, definitions: Definitions) -> None:
        self._type = type
        self._definitions = definitions

    def compiled(self, parameter: SearchParameter) -> Indexed | None:
        """The parameter, None when it cannot be indexed: it has no expression, or one that does not compile."""
        if parameter.code in TEXTS:
            return Indexed(parameter.code, "text", details=True, url=parameter.url)
        kind = _KINDS.get(parameter.type)
        if kind is None or not parameter.expression:
            return None
        try:
            if kind == "composite":
                return self._composite(parameter)
            return self._simple(parameter.code, kind, parameter.expression, parameter.targets, parameter.url)
        except FhirPathError:
            return None

    def targets(self, parameter: SearchParameter) -> frozenset[str]:
        """The types that a reference may lead to, by its definition and what its expression asks of them."""
        if not parameter.expression:
            return frozenset()
        resolved = without_resolve(parameter.expression)
        return frozenset(resolved.types or parameter.targets) or self._definitions.types()

    def _simple(self, code: str, kind: Kind, expression: str, targets: Iterable[str], url: str) -> Indexed:
        resolved = without_resolve(expression)
        wanted = frozenset(resolved.types or targets) or self._definitions.types()
        found = elements(resolved.text, self._definitions) if kind in ("token", "reference") else []
        kinds = {one.code for element in found for one in element.types}
        return Indexed(
            code,
            kind,
            compile(resolved.text, base=self._type),
            roots(resolved.text, self._type, self._definitions),
            targets=wanted if kind == "reference" else frozenset(),
            excluded=self._definitions.types() - wanted if kind == "reference" else frozenset(),
            systems=self._systems(kinds, [element.binding.value_set for element in found if element.binding]),
            folded=kinds == {"string"},
            is_canonical=bool(kinds) and kinds <= {"canonical", "uri"},
            details=True,
            url=url,
            walks=walks(resolved.text, self._definitions),
        )

    def _systems(self, kinds: set[str], value_sets: list[str | None]) -> frozenset[str]:
        """The systems of the value sets to which elements of type `code` are bound."""
        if kinds != {"code"}:
            return frozenset()
        found = (self._definitions.value_set(url) or {} for url in value_sets if url)
        included = (one for value_set in found for one in value_set.get("compose", {}).get("include", ()))
        return frozenset(one["system"] for one in included if isinstance(one.get("system"), str))

    def _composite(self, parameter: SearchParameter) -> Indexed | None:
        focuses: list[Focus] = []
        names: frozenset[str] | None = frozenset()
        for part in split_union(parameter.expression):
            base = focus_type(part, self._definitions)
            made = [self._component(url, text, base) for url, text in _components(parameter)]
            components = tuple(one for one in made if one)
            if not components or len(components) < len(made):
                return None
            focuses.append(Focus(compile(part, base=self._type), components))
            own = components[-1].roots if base == self._type else roots(part, self._type, self._definitions)
            names = None if names is None or own is None else names | own
        return Indexed(
            parameter.code, "composite", None, names, focuses=tuple(focuses), details=True, url=parameter.url
        )

    def _component(self, url: str, text: str, base: str | None) -> Indexed | None:
        definition = self._definitions.canonical(url) or {}
        kind = _KINDS.get(definition.get("type", ""))
        if kind is None or kind == "composite":
            return None
        targets = frozenset(definition.get("target", ())) or self._definitions.types()
        names = roots(text, base, self._definitions) if base else None
        excluded = self._definitions.types() - targets if kind == "reference" else frozenset()
        code = definition["code"]
        return Indexed(code, kind, compile(text, base=base), names, targets=targets, excluded=excluded)


def _components(parameter: SearchParameter) -> Iterable[tuple[str, str]]:
    """The definition and the expression of each component; R4 writes FHIR's type `dateTime` as `DateTime` in one."""
    told = [(url, text.replace("as(DateTime)", "as(dateTime)")) for url, text in parameter.components]
    if parameter.url == _SWAPPED:
        return zip((url for url, _ in told), (text for _, text in reversed(told)), strict=True)
    return told
