"""Paths of element definitions, followed through types: where `Observation.value[x].coding` leads to.

See https://hl7.org/fhir/R4/elementdefinition.html and https://hl7.org/fhir/R4/profiling.html#discriminator.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.conformance.base.types import INLINE, json_name
from gateway.definitions import Definitions, Element, TypeRef

_STEP = re.compile(r"(extension\('[^']*'\)|resolve\(\)|ofType\([A-Za-z.]+\)|\$this|[A-Za-z0-9\[\]]+)(?:\.|\Z)")


@dataclass(frozen=True, slots=True)
class Place:
    """What a path leads to: elements, and the types or backbone paths that they have.

    `anything` is True below an element whose content is told by the data: a resource, or what a reference points to.
    """

    elements: tuple[Element, ...]
    paths: tuple[str, ...]
    anything: bool = False

    @property
    def codes(self) -> frozenset[str]:
        """The codes of the types that the elements may have."""
        return frozenset(entry.code for element in self.elements for entry in element.types)


ANYTHING = Place((), (), anything=True)


class ElementPaths:
    """Follows paths through the base types of the definitions."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions

    def root(self, type_name: str) -> Place | None:
        """The place of a type itself; None when it is unknown."""
        element = self._definitions.element(type_name)
        return Place((element,), (type_name,)) if element is not None else None

    def at(self, path: str) -> Place | None:
        """The place of a path from its type on; None when there is no such element."""
        first, *steps = path.split(".")
        place = self.root(first)
        for step in steps:
            place = self._below(place, step) if place is not None else None
        return place

    def discriminator(self, place: Place, path: str) -> bool:
        """Whether the path of a discriminator leads somewhere from a place."""
        steps, end = [], 0
        for found in _STEP.finditer(path):
            if found.start() != end:
                return False
            steps.append(found.group(1))
            end = found.end()
        if end != len(path) or not steps:
            return False
        current: Place | None = place
        for step in steps:
            current = self._step(current, step) if current is not None else None
        return current is not None

    def _step(self, place: Place, step: str) -> Place | None:
        if step == "$this":
            return place
        if step.startswith("ofType("):
            return self._of_types(place.elements, (TypeRef(step[7:-1]),)) if not place.anything else place
        if step == "resolve()":
            return ANYTHING if place.anything or place.codes & {"Reference", "canonical"} else None
        return self._below(place, "extension" if step.startswith("extension(") else step)

    def _below(self, place: Place, step: str) -> Place | None:
        if place.anything:
            return ANYTHING
        found = [(path, element) for path in place.paths for element in self._named(path, step)]
        if not found:
            return None
        elements = tuple(element for _, element in found)
        if any(self._definitions.is_resource(entry.code) for element in elements for entry in element.types):
            return Place(elements, (), anything=True)
        inline = tuple(
            f"{path}.{element.name}"
            for path, element in found
            if element.content_reference or any(entry.code in INLINE for entry in element.types)
        )
        return self._of_types(elements, (entry for one in elements for entry in one.types), inline)

    def _of_types(
        self, elements: tuple[Element, ...], types: Iterable[TypeRef], inline: tuple[str, ...] = ()
    ) -> Place:
        codes = dict.fromkeys(entry.code for entry in types if entry.code not in INLINE or not inline)
        return Place(elements, (*inline, *codes))

    def _named(self, path: str, step: str) -> Iterable[Element]:
        known = self._definitions.children(path)
        for name in (step, f"{step}[x]"):
            if name in known:
                return (known[name],)
        return [
            element
            for element in known.values()
            if element.is_choice and any(json_name(element, entry.code) == step for entry in element.types)
        ]
