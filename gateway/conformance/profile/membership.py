"""Whether a value is in a slice that a profile names: what FHIRPath's `slice()` asks.

See https://hl7.org/fhir/R4/fhirpath.html#functions and https://hl7.org/fhir/R4/profiling.html#discriminator.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.conformance.base.types import INLINE
from gateway.conformance.profile.discriminator import Matcher, values_at
from gateway.conformance.profile.occurrence import Collect, Occurrence, collector
from gateway.conformance.profile.shorthand import as_slice, shorthand
from gateway.conformance.profile.slicing import SliceCompiler, slice_matcher
from gateway.conformance.run import Location, Run
from gateway.definitions import Definitions, Element, ElementNode


@dataclass(frozen=True, slots=True)
class Sliced:
    """A slice: the steps to its element, how the values of that are gathered, and which of them are in it."""

    steps: tuple[str, ...]
    type: str
    collect: Collect
    matches: Matcher


class Membership:
    """Answers by the discriminators of the profile's slices; each slice is compiled once."""

    def __init__(self, definitions: Definitions, compiler: SliceCompiler) -> None:
        self._definitions = definitions
        self._compiler = compiler
        self._known: dict[tuple[str, str], tuple[Sliced, ...]] = {}

    def holds(self, value: Any, profile: str, name: str, run: Run) -> bool | None:
        """Whether a value is in the slice `name` of a profile; None when the profile or the slice is unknown.

        Where several elements have a slice of this name, it is that of the element that the value stands at in the
        resource in hand. A value of another resource, such as an entry of a Bundle, is judged by what it says alone.
        """
        structure = self._definitions.structure(profile)
        slices = self._slices(profile, name) if structure is not None else ()
        if structure is None or not slices:
            return None
        kind = run.scope.resource.get("resourceType")
        at: Location = (None, structure.type, -1)
        if isinstance(kind, str) and self._definitions.is_subtype(kind, structure.type):
            here = [(part, _places(part, at, run).get(id(value))) for part in slices]
        else:
            here = [(part, Occurrence(value, at, part.type)) for part in slices]
        return any(part.matches(found, run) for part, found in here if found is not None)

    def _slices(self, profile: str, name: str) -> tuple[Sliced, ...]:
        found = self._known.get((profile, name))
        if found is None:
            structure, tree = self._definitions.structure(profile), self._definitions.tree(profile)
            if structure is None or tree is None:
                return ()
            found = tuple(self._below(tree, structure.type, (), name))
            if found:
                # What is unknown is not remembered: an expression may take the name from data.
                self._known[profile, name] = found
        return found

    def _below(self, node: ElementNode, path: str, steps: tuple[str, ...], name: str) -> Iterator[Sliced]:
        known = self._definitions.children(path)
        for child_name, child in node.children.items():
            base = known.get(child_name)
            if base is None:
                short = shorthand(child_name, known.values())
                if short is None:
                    continue
                base, code = short
                child = as_slice(child, base, code, alone=False)
            there = (*steps, base.name.removesuffix("[x]"))
            if name in child.slices:
                kind = base.types[0].code if len(base.types) == 1 else ""
                yield Sliced(there, kind, collector(base), slice_matcher(self._compiler, child, base, path, name))
            for start in self._starts(child, base, path):
                for part in (child, *child.slices.values()):
                    yield from self._below(part, start, there, name)

    def _starts(self, node: ElementNode, base: Element, path: str) -> Iterator[str]:
        """The types, or the backbone path, whose elements are below an element."""
        for code in sorted({entry.code for entry in node.element.types or base.types} or INLINE):
            start = f"{path}.{base.name}" if code in INLINE or base.content_reference else code
            if self._definitions.children(start):
                yield start


def _places(part: Sliced, at: Location, run: Run) -> Mapping[int, Occurrence]:
    """The values of a slice's element in the resource in hand, by their identity."""
    known = run.scope.places
    found: dict[int, Occurrence] | None = known.get(part.steps)
    if found is None:
        whole = Occurrence(run.scope.resource, at, at[1])
        holders = values_at(whole, list(part.steps[:-1]), run)
        found = known[part.steps] = {
            id(value.value): value
            for holder, _ in holders
            for value in (part.collect(holder, at) if isinstance(holder, dict) else ())
            if value.value is not None
        }
    return found
