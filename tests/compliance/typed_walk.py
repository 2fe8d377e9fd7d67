"""A resource's elements with their definitions, walked independently of the validator."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gateway.definitions import Element, r4

INLINE = {"BackboneElement", "Element"}


@dataclass(frozen=True, slots=True)
class Spot:
    """One value: `holder[key]` is it (or its array, when `index` is given), `path` its FHIRPath."""

    holder: dict[str, Any]
    key: str
    index: int | None
    parent: str
    path: str
    element: Element
    type: str

    @property
    def value(self) -> Any:
        """The value itself."""
        found = self.holder[self.key]
        return found if self.index is None else found[self.index]

    def put(self, value: Any) -> None:
        """Replaces the value."""
        if self.index is None:
            self.holder[self.key] = value
        else:
            self.holder[self.key][self.index] = value


def walk(node: dict[str, Any], path: str, where: str) -> Iterator[Spot]:
    """Every value of an object of type or backbone path `path`, whose FHIRPath is `where`; no contained ones."""
    for element in r4().children(path).values():
        for entry in element.types:
            key, step = _names(element, entry.code)
            if key not in node or r4().is_resource(entry.code):
                continue
            many = isinstance(node[key], list)
            for index, value in enumerate(node[key] if many else [node[key]]):
                place = f"{where}.{step}[{index}]" if many else f"{where}.{step}"
                yield Spot(node, key, index if many else None, where, place, element, entry.code)
                if isinstance(value, dict):
                    yield from walk(value, f"{path}.{element.name}" if entry.code in INLINE else entry.code, place)
        if element.content_reference and isinstance(node.get(element.name), list):
            for index, value in enumerate(node[element.name]):
                yield from walk(value, f"{path}.{element.name}", f"{where}.{element.name}[{index}]")


def _names(element: Element, code: str) -> tuple[str, str]:
    if not element.is_choice:
        return element.name, element.name
    return element.name[:-3] + code[:1].upper() + code[1:], f"{element.name[:-3]}.ofType({code})"
