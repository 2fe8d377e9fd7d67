"""Values of an element as they occur in an object: gathered once, then given to all that a profile says of them."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from gateway.conformance.base.types import json_name, step_name
from gateway.conformance.run import Location, Run
from gateway.conformance.values.primitive import FORMATS
from gateway.definitions import Element


class Occurrence(NamedTuple):
    """One value of an element: its location, its type, and the `_name` twin of a primitive.

    `value` is None for a primitive that has extensions only.
    """

    value: Any
    at: Location
    type: str
    twin: Any = None

    @property
    def inside(self) -> Any:
        """The object that holds the children: the value itself, or the twin of a primitive."""
        return self.twin if self.type in FORMATS else self.value


Collect = Callable[[dict[str, Any], Location], list[Occurrence]]
OccurrenceCheck = Callable[[Occurrence, Run], None]


def names_of(base: Element) -> frozenset[str]:
    """The JSON names under which an element can be in an object, those of twins too."""
    entries = {json_name(base, entry.code) for entry in base.types} or {base.name}
    return frozenset(name for entry in entries for name in (entry, f"_{entry}"))


def collector(base: Element) -> Collect:
    """Gathers the values of an element from an object."""
    entries = [(json_name(base, entry.code), step_name(base, entry.code), entry.code) for entry in base.types]
    if not entries:
        entries = [(base.name, base.name, "BackboneElement")]
    if len(entries) == 1 and entries[0][2] not in FORMATS:
        return _complex_collector(*entries[0])
    names = [(name, f"_{name}" if code in FORMATS else None, step, code) for name, step, code in entries]

    by_key = {key: entry for entry in names for key in entry[:2] if key is not None}
    keys = by_key.keys()

    def collect(node: dict[str, Any], at: Location) -> list[Occurrence]:
        if keys.isdisjoint(node):
            return []
        present = keys & node.keys()
        found: list[Occurrence] = []
        for name, twin_name, step, code in (by_key[present.pop()],) if len(present) == 1 else names:
            value = node.get(name)
            twin = node.get(twin_name) if twin_name is not None else None
            if value is None and twin is None:
                continue
            if isinstance(value, list) or isinstance(twin, list):
                found += _occurrences(value, twin, at, step, code)
            else:
                found.append(Occurrence(value, (at, step, -1), code, twin))
        return found

    return collect


def _complex_collector(name: str, step: str, code: str) -> Collect:
    """The same for an element of one complex type, which has no twins."""

    def collect(node: dict[str, Any], at: Location) -> list[Occurrence]:
        value = node.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            return [Occurrence(value, (at, step, -1), code)]
        return [Occurrence(item, (at, step, index), code) for index, item in enumerate(value)]

    return collect


def _occurrences(value: Any, twin: Any, at: Location, step: str, code: str) -> Iterator[Occurrence]:
    values = value if isinstance(value, list) else []
    twins = twin if isinstance(twin, list) else []
    for index in range(max(len(values), len(twins))):
        item = values[index] if index < len(values) else None
        extra = twins[index] if index < len(twins) else None
        yield Occurrence(item, (at, step, index), code, extra)


def actual_type(occurrence: Occurrence) -> str:
    """The type of the value itself: a resource says it, everything else has the type of its element."""
    value = occurrence.value
    if isinstance(value, dict) and isinstance(value.get("resourceType"), str):
        return str(value["resourceType"])
    return occurrence.type


def report_count(found: int, limits: tuple[int, int | None], name: str, at: Location, run: Run) -> None:
    """Reports when the number of values is not within the limits."""
    low, high = limits
    if found < low:
        run.report("conformance.minimum", at, element=name, minimum=low, found=found)
    if high is not None and found > high:
        run.report("conformance.maximum", at, element=name, maximum=high, found=found)
