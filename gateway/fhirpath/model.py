"""What the compiler asks of a data model, and FHIR R4 as its definitions answer it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Final, Protocol

from gateway.definitions import Definitions, Element, r4
from gateway.fhirpath.kinds import Kind


@dataclass(frozen=True, slots=True)
class Property:
    """An element below a type: the types it may have, whether it repeats, and its keys in JSON.

    `keys` holds (JSON name, type) pairs: several for a choice, one otherwise; `kind` has the types alone. A type is a
    type name, or the path of an element that has children of its own (`Patient.contact`).
    """

    keys: tuple[tuple[str, str], ...]
    many: bool
    choice: bool = False
    kind: Kind = field(init=False, compare=False)

    def __post_init__(self) -> None:
        types = frozenset(type_name for _, type_name in self.keys)
        object.__setattr__(self, "kind", Kind(types, self.many))


@dataclass(frozen=True, slots=True)
class Branch:
    """What a JSON key below a type leads to: the element's name and type; `is_twin` for the key `_name`."""

    name: str
    type: str
    is_primitive: bool
    is_resource: bool
    is_twin: bool = False


class Model(Protocol):
    """A data model: which elements a type has. All answers are constant, so expressions can be compiled with them."""

    def member(self, type_name: str, name: str) -> Property | None:
        """The element `name` of a type or path; None when it has none."""

    def members(self, type_name: str) -> tuple[str, ...]:
        """The names of a type's elements in order."""

    def branches(self, type_name: str) -> Mapping[str, Branch]:
        """Every JSON key that an item of a type may have, the twins of primitives too; none for an unknown type."""

    def knows(self, type_name: str) -> bool:
        """True for the name of a type or the path of an element with children."""

    def is_subtype(self, type_name: str, of: str) -> bool:
        """True when the type is `of` or derived from it."""

    def is_primitive(self, type_name: str) -> bool:
        """True for a primitive type, whose elements may have a `_name` twin."""

    def is_resource(self, type_name: str) -> bool:
        """True for a resource type, abstract ones included."""

    def definition(self, path: str) -> Mapping[str, Any] | None:
        """The ElementDefinition of a type or element (`Patient`, `Observation.value[x]`) as a tree; None without."""


_INLINE: Final = frozenset(("BackboneElement", "Element", ""))


class FhirModel:
    """`Model` over FHIR definitions; reads nothing before it is asked."""

    def __init__(self, definitions: Callable[[], Definitions]) -> None:
        self._load = definitions
        self.member = lru_cache(maxsize=8192)(self._member)
        self.branches = lru_cache(maxsize=2048)(self._branches)
        self.is_subtype = lru_cache(maxsize=8192)(self._is_subtype)
        self.is_primitive = lru_cache(maxsize=1024)(self._is_primitive)
        self.knows = lru_cache(maxsize=2048)(self._knows)

    @cached_property
    def _definitions(self) -> Definitions:
        return self._load()

    def _member(self, type_name: str, name: str) -> Property | None:
        children = self._definitions.children(type_name)
        element = children.get(name)
        if element is not None:
            return Property(((name, self._type(element)),), element.max != 1)
        element = children.get(f"{name}[x]")
        if element is None:
            return None
        keys = tuple((f"{name}{ref.code[:1].upper()}{ref.code[1:]}", ref.code) for ref in element.types)
        return Property(keys, element.max != 1, choice=True)

    def _type(self, element: Element) -> str:
        if element.content_reference:
            return element.content_reference.rpartition("#")[2]
        code = element.types[0].code if element.types else ""
        return element.path if code in _INLINE and self._definitions.children(element.path) else code

    def members(self, type_name: str) -> tuple[str, ...]:
        """The names of a type's elements in order, a choice without its `[x]`."""
        return tuple(name.removesuffix("[x]") for name in self._definitions.children(type_name))

    def _branches(self, type_name: str) -> Mapping[str, Branch]:
        return {key: branch for name in self.members(type_name) for key, branch in self._keys(type_name, name)}

    def _keys(self, type_name: str, name: str) -> Iterator[tuple[str, Branch]]:
        found = self.member(type_name, name)
        for key, kind in found.keys if found is not None else ():
            is_primitive = self.is_primitive(kind)
            yield key, Branch(name, kind, is_primitive, kind in ("Resource", "DomainResource"))
            if is_primitive:
                yield f"_{key}", Branch(name, kind, is_primitive, is_resource=False, is_twin=True)

    def _knows(self, type_name: str) -> bool:
        return self._definitions.structure(type_name.partition(".")[0]) is not None and (
            "." not in type_name or bool(self._definitions.children(type_name))
        )

    def _is_subtype(self, type_name: str, of: str) -> bool:
        if "." in type_name:
            return of in ("BackboneElement", "Element") or type_name == of
        return self._definitions.is_subtype(type_name, of)

    def _is_primitive(self, type_name: str) -> bool:
        return "." not in type_name and self._definitions.is_primitive(type_name)

    def is_resource(self, type_name: str) -> bool:
        """True for a resource type, abstract ones included."""
        return self._definitions.is_resource(type_name)

    def definition(self, path: str) -> Mapping[str, Any] | None:
        """The ElementDefinition of a type or element; None when there is none."""
        return self._definitions.element_definition(path)


R4: Final = FhirModel(r4)
"""FHIR R4 4.0.1."""
