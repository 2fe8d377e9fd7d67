"""What the text of a search parameter's expression tells without evaluating it.

Most expressions are plain paths. For those it is known which top-level elements a resource must have to give
anything, so that most parameters are passed over at once, and what type of element they end in. For every other
expression the answer is "unknown", which costs time and nothing else.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

from gateway.core import Resource
from gateway.definitions import Definitions, Element
from gateway.definitions.search_parameter import ABSTRACT, split_union

_RESOLVED = re.compile(r"\.where\(resolve\(\) is (\w+)\)")
_HEAD = re.compile(r"\(?(?:([A-Z]\w*)\.)?([a-z]\w*)(?:\('[^']*'\))?")
_STEP = re.compile(r"\.where\([^()]*(?:\([^()]*\))?\)|\.(?:as|ofType)\(\w+\)|\.[a-z]\w*(?!\()\b|\[\d+\]")
_WHERE = re.compile(r"\.where\([^()]*\)")
_CAST = re.compile(r"(?: as |\.as\(|\.ofType\()(\w+)\)")
_PLAIN = re.compile(r"[A-Z]\w*(?:\.[a-z]\w*)+\Z")
_FUNCTIONS = frozenset({"extension"})

Walk: TypeAlias = tuple[tuple[str, str], ...]
"""A way down from a resource: the JSON name of each step, and that of its twin for extensions, `_name`."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """An expression without its `where(resolve() is X)`, and the types X; no type when there was none."""

    text: str
    types: tuple[str, ...]


def without_resolve(expression: str) -> Resolved:
    """Asks no longer what a reference resolves to: the literal reference tells its type without fetching it."""
    return Resolved(_RESOLVED.sub("", expression), tuple(_RESOLVED.findall(expression)))


def roots(expression: str, type: str, definitions: Definitions) -> frozenset[str] | None:
    """The JSON properties of which a resource of the type has at least one when the expression gives something.

    None when that cannot be told.
    """
    found: set[str] = set()
    for part in split_union(expression):
        names = _roots_of_part(part, type, definitions)
        if names is None:
            return None
        found |= names
    return frozenset(found) if found else None


def _roots_of_part(part: str, type: str, definitions: Definitions) -> set[str] | None:
    head = _HEAD.match(part)
    if head is None or head[1] not in (None, type, *ABSTRACT):
        return None
    place = head.end()
    cast = _CAST.match(part, place)
    place = cast.end() if cast else place
    while step := _STEP.match(part, place) or _CAST.match(part, place):
        place = step.end()
    return _properties(head[2], cast[1] if cast else "", type, definitions) if place == len(part) else None


def _properties(name: str, cast: str, type: str, definitions: Definitions) -> set[str] | None:
    children = definitions.children(type)
    if name in children or name in _FUNCTIONS:
        return {name, f"_{name}"}
    choice = children.get(f"{name}[x]")
    if choice is None:
        return None
    types = [cast] if cast else [reference.code for reference in choice.types]
    return {prefix + name + one[0].upper() + one[1:] for one in types for prefix in ("", "_")}


def elements(expression: str, definitions: Definitions) -> list[Element]:
    """The elements that the plain paths of an expression end in, filters (`where`) aside.

    Empty when one of its parts is no such path.
    """
    found: list[Element] = []
    for part in split_union(expression):
        path = _WHERE.sub("", part)
        element = _element(path, definitions) if _PLAIN.match(path) else None
        if element is None:
            return []
        found.append(element)
    return found


def walks(expression: str, definitions: Definitions) -> tuple[Walk, ...]:
    """The ways to all values that an expression of plain paths gives.

    None at all when one of its parts is no such path, or goes through a choice of types.
    """
    found = [_walk(part, definitions) for part in split_union(expression)]
    return tuple(found) if all(found) else ()


def _walk(path: str, definitions: Definitions) -> Walk:
    if not _PLAIN.match(path):
        return ()
    place, *names = path.split(".")
    for name in names:
        element = definitions.children(place).get(name)
        if element is None:
            return ()
        place = element.path if definitions.children(element.path) else _type(element)
    return tuple((name, f"_{name}") for name in names)


def walked(resource: Resource, ways: Iterable[Walk]) -> list[Any] | None:
    """The values at the ends of all ways; None for a resource that is not plainly told: with extensions in the place
    of values, or nulls."""
    values: list[Any] = []
    for way in ways:
        level: list[Any] = [resource]
        for name, twin in way:
            below: list[Any] = []
            for node in level:
                if node.__class__ is not dict or twin in node:
                    return None
                value = node.get(name)
                if value is None:
                    continue
                if value.__class__ is list:
                    below += value
                else:
                    below.append(value)
            level = below
            if not level:
                break
        else:
            values += level
    return None if None in values else values


def _element(path: str, definitions: Definitions) -> Element | None:
    place, *names = path.split(".")
    element: Element | None = None
    for name in names:
        children = definitions.children(place) or (definitions.children(_type(element)) if element else {})
        element = children.get(name) or children.get(f"{name}[x]")
        if element is None:
            return None
        place = element.path
    return element


def _type(element: Element) -> str:
    return element.types[0].code if element.types else element.path


def focus_type(expression: str, definitions: Definitions) -> str | None:
    """The base that expressions relative to a plain path are compiled for: a type, or a backbone path."""
    if "." not in expression:
        return expression
    element = _element(expression, definitions) if _PLAIN.match(expression) else None
    if element is None:
        return None
    code = _type(element)
    return element.path if code in ("BackboneElement", "Element") else code
