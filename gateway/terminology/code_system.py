"""A CodeSystem compiled for look-up: concepts by code, the hierarchy above and below each, filters.

See https://hl7.org/fhir/R4/codesystem.html and https://hl7.org/fhir/R4/valueset-filter-operator.html.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property, lru_cache
from typing import Any

import re2  # type: ignore[import-untyped]

from gateway.core import Resource
from gateway.terminology.port import Concept

ABOVE = ("parent", "subsumedBy")
BELOW = ("child",)

MAX_MEMORY = 1 << 22
"""How many bytes a compiled regular expression may take."""


class CodeSystem:
    """The concepts of one CodeSystem resource.

    `complete` is True when all its codes are here, so that a code that is not here is wrong.
    """

    def __init__(self, resource: Resource) -> None:
        self.url: str = resource["url"]
        self.version: str = resource.get("version", "")
        self.complete = resource.get("content") == "complete"
        self.case_sensitive = resource.get("caseSensitive", True) is not False
        self._concepts: dict[str, Concept] = {}
        below: dict[str, list[str]] = {}
        for node, parents in _walk(resource.get("concept", ()), ()):
            concept = _concept(self.url, node, parents)
            self._concepts.setdefault(self.key(concept.code), concept)
            for parent in concept.parents:
                below.setdefault(parent, []).append(concept.code)
            for name, value in concept.properties:
                if name in BELOW and isinstance(value, str):
                    below.setdefault(concept.code, []).append(value)
        self._below = below

    def key(self, code: str) -> str:
        """The code as it is compared: folded where case does not matter."""
        return code if self.case_sensitive else code.casefold()

    def concept(self, code: str) -> Concept | None:
        """The concept of a code; None when it is not here."""
        return self._concepts.get(self.key(code))

    def concepts(self) -> Iterable[Concept]:
        """Every concept in the order of the resource."""
        return self._concepts.values()

    @cached_property
    def codes(self) -> frozenset[str]:
        """Every code."""
        return frozenset(concept.code for concept in self._concepts.values())

    def descendants(self, code: str) -> set[str]:
        """The codes below a code at any distance, itself excluded; a circle in the hierarchy does no harm."""
        return _reached(self._below, code)

    def ancestors(self, code: str) -> set[str]:
        """The codes above a code at any distance, itself excluded."""
        return _reached(self._above, code)

    @cached_property
    def _above(self) -> dict[str, list[str]]:
        above: dict[str, list[str]] = {}
        for parent, children in self._below.items():
            for child in children:
                above.setdefault(child, []).append(parent)
        return above

    def children(self, code: str) -> tuple[str, ...]:
        """The codes directly below a code."""
        return tuple(self._below.get(code, ()))

    def filtered(self, property_name: str, operator: str, value: str) -> frozenset[str] | None:
        """The codes that a ValueSet filter picks; None when operator or pattern are not understood."""
        by_hierarchy = _HIERARCHY.get(operator)
        if by_hierarchy is not None and property_name in ("concept", "code"):
            return frozenset(by_hierarchy(self, value) & self.codes)
        test = _TESTS.get(operator)
        if test is None:
            return None
        matches = test(value)
        if matches is None:
            return None
        return frozenset(
            concept.code for concept in self.concepts() if matches(_property_values(self, concept, property_name))
        )


def _reached(next_codes: Mapping[str, list[str]], code: str) -> set[str]:
    found: set[str] = set()
    open_codes = list(next_codes.get(code, ()))
    while open_codes:
        current = open_codes.pop()
        if current not in found:
            found.add(current)
            open_codes.extend(next_codes.get(current, ()))
    found.discard(code)
    return found


def _walk(nodes: Iterable[Mapping[str, Any]], parents: tuple[str, ...]) -> Iterator[tuple[Any, tuple[str, ...]]]:
    open_nodes = [(node, parents) for node in reversed(list(nodes))]
    while open_nodes:
        node, above = open_nodes.pop()
        yield node, above
        open_nodes.extend((child, (node["code"],)) for child in reversed(node.get("concept", ())))


def _concept(system: str, node: Mapping[str, Any], parents: tuple[str, ...]) -> Concept:
    properties = tuple((entry["code"], _property_value(entry)) for entry in node.get("property", ()))
    stated = tuple(value for name, value in properties if name in ABOVE and isinstance(value, str))
    names = tuple(entry["value"] for entry in node.get("designation", ()))
    return Concept(system, node["code"], node.get("display", ""), (*parents, *stated), properties, names)


def _property_value(entry: Mapping[str, Any]) -> object:
    value = next((value for name, value in entry.items() if name.startswith("value")), None)
    return value.get("code") if isinstance(value, dict) else value


def _property_values(system: CodeSystem, concept: Concept, name: str) -> list[str]:
    if name in ("code", "concept"):
        return [concept.code]
    if name == "display":
        return [concept.display]
    if name == "parent":
        return list(concept.parents)
    if name == "child":
        return system._below.get(concept.code, [])
    return [_text(value) for stated, value in concept.properties if stated == name]


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


Matches = Callable[[list[str]], bool]


@lru_cache(maxsize=256)
def _pattern(text: str) -> Any:
    """The pattern on an engine whose time is linear in the text; None when it does not take it."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = MAX_MEMORY
    try:
        return re2.compile(text, options)
    except re2.error:
        return None


def _regex(value: str) -> Matches | None:
    pattern = _pattern(value)
    if pattern is None:
        return None
    return lambda values: any(pattern.fullmatch(text) for text in values)


def _one_of(value: str) -> Matches:
    wanted = {part.strip() for part in value.split(",")}
    return lambda values: not wanted.isdisjoint(values)


def _none_of(value: str) -> Matches:
    wanted = {part.strip() for part in value.split(",")}
    return lambda values: wanted.isdisjoint(values)


_TESTS: Mapping[str, Callable[[str], Matches | None]] = {
    "=": lambda value: lambda values: value in values,
    "in": _one_of,
    "not-in": _none_of,
    "exists": lambda value: lambda values: bool(values) == (value == "true"),
    "regex": _regex,
}


_HIERARCHY: Mapping[str, Callable[[CodeSystem, str], set[str]]] = {
    "is-a": lambda system, code: system.descendants(code) | {code},
    "descendent-of": lambda system, code: system.descendants(code),
    "descendant-of": lambda system, code: system.descendants(code),
    "child-of": lambda system, code: set(system.children(code)),
    "is-not-a": lambda system, code: set(system.codes) - system.descendants(code) - {code},
    "generalizes": lambda system, code: system.ancestors(code) | {code},
}
