"""Where an element of a resource is: the object that holds it, its name there, its number in a list."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from gateway.core.types import Resource
from gateway.definitions import Definitions, Element

_INLINE: Final = frozenset({"BackboneElement", "Element"})


@dataclass(frozen=True, slots=True)
class Place:
    """`holder[name]`, or `holder[name][index]`; `within` is the type or backbone path of the holder."""

    holder: dict[str, Any]
    name: str
    index: int | None
    within: str


def element_of(definitions: Definitions, within: str, name: str) -> tuple[Element, str] | None:
    """The element that is written as `name` in a type or backbone path, and its type; None for no such element."""
    children = definitions.children(within)
    found = children.get(name)
    if found is not None and not found.is_choice:
        return found, found.types[0].code if found.types else "BackboneElement"
    for element in children.values():
        for entry in element.types if element.is_choice else ():
            if name == element.name[:-3] + entry.code[:1].upper() + entry.code[1:]:
                return element, entry.code
    return None


def written_names(definitions: Definitions, within: str, name: str) -> tuple[str, ...]:
    """The names that an element may have in JSON: one, or those of a choice (`value`: `valueString` ...)."""
    choice = definitions.children(within).get(f"{name}[x]")
    return (name,) if choice is None else choice.written_names


def below(definitions: Definitions, within: str, name: str, value: Any) -> str:
    """The type or backbone path of an object that is the value of an element."""
    if isinstance(value, dict) and isinstance(value.get("resourceType"), str):
        return str(value["resourceType"])
    found = element_of(definitions, within, name)
    if found is None:
        return ""
    element, code = found
    inline = code in _INLINE or element.content_reference
    return f"{within}.{element.name}" if inline else code


def place_of(definitions: Definitions, root: Resource, wanted: Any) -> Place | None:
    """The place of an object of the tree, which is looked for by identity; None when it is not there."""
    pending: list[tuple[dict[str, Any], str]] = [(root, root["resourceType"])]
    while pending:
        holder, within = pending.pop()
        for name, index, value in _objects(holder):
            if value is wanted:
                return Place(holder, name, index, within)
            pending.append((value, below(definitions, within, name, value)))
    return None


def _objects(holder: dict[str, Any]) -> Iterator[tuple[str, int | None, dict[str, Any]]]:
    for name, value in holder.items():
        if isinstance(value, dict):
            yield name, None, value
        elif isinstance(value, list):
            yield from ((name, index, entry) for index, entry in enumerate(value) if isinstance(entry, dict))
