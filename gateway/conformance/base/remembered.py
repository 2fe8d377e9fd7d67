"""Good values that come again and again, such as the code of every sample of a device, are checked once.

A value is remembered when it had no finding and its verdict depends on nothing around it: it is made of objects,
arrays and text alone (equal text is the same text, while `1`, `1.0` and `true` are equal and not the same), without
extensions and without references, and the resource names no language, in which displays might be good that are not.
A copy is kept, since the value itself may be changed later.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

from gateway.conformance.run import Check, Location, Run
from gateway.definitions import ElementNode, TypeRef

FieldCheck = Callable[[Any, dict[str, Any], Location, Run], None]
"""Checks the value under one JSON name; the object itself is given for the sake of its `_name` twins."""

ALONE = frozenset({"CodeableConcept", "Coding", "Meta"})
"""Types whose values often are the same, and cost more to check than to compare."""

LANGUAGE = "language"
KEPT = 8
LONGEST_TEXT = 256
MOST_NODES = 64

_ELSEWHERE = re.compile(r"%|resolve|now|today|timeOfDay")
_CONTEXTUAL = frozenset({"extension", "modifierExtension", "reference"})


class Remembered:
    """The last `KEPT` good values that one check has seen."""

    __slots__ = ("_next", "values")

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._next = 0

    def add(self, value: Any) -> None:
        """Keeps a copy of a good value, in place of the oldest, if its verdict depends on nothing around it."""
        copied = _copy(value, [MOST_NODES])
        if copied is None:
            return
        if len(self.values) < KEPT:
            self.values.append(copied)
        else:
            self.values[self._next % KEPT] = copied
            self._next += 1


def remembering_field(check: FieldCheck) -> FieldCheck:
    """The same check of a field, which passes over the values that it has found good."""
    good = Remembered()
    known = good.values

    def quicker(value: Any, node: dict[str, Any], at: Location, run: Run) -> None:
        if value in known:
            return
        before = len(run.issues)
        check(value, node, at, run)
        if len(run.issues) == before and LANGUAGE not in run.scope.resource:
            good.add(value)

    return quicker


def remembering_member(name: str, check: Check) -> Check:
    """The same check of an object of which it reads nothing but the member `name`."""
    good = Remembered()
    known = good.values

    def quicker(value: Any, at: Location, run: Run) -> None:
        member = value.get(name) if isinstance(value, dict) else None
        if member is not None and member in known:
            return
        before = len(run.issues)
        check(value, at, run)
        if member is not None and len(run.issues) == before and LANGUAGE not in run.scope.resource:
            good.add(member)

    return quicker


def stands_alone(entry: TypeRef, expressions: Iterable[str | None]) -> bool:
    """True when the verdict on values of a type under these constraints depends on the values alone."""
    return (
        entry.code in ALONE
        and not entry.profiles
        and not entry.aggregation
        and not any(text is not None and _ELSEWHERE.search(text) for text in expressions)
    )


def expressions_of(node: ElementNode) -> Iterable[str | None]:
    """The expressions of all constraints in a tree of elements."""
    yield from (constraint.expression for constraint in node.element.constraints)
    for part in (*node.children.values(), *node.slices.values()):
        yield from expressions_of(part)


def leads_elsewhere(node: ElementNode) -> bool:
    """True when a tree of elements has type profiles, aggregation modes, or slices told by what is referred to."""
    element = node.element
    if any(entry.profiles or entry.aggregation for entry in element.types):
        return True
    if element.slicing is not None and any("resolve" in path for _, path in element.slicing.discriminators):
        return True
    return any(leads_elsewhere(part) for part in (*node.children.values(), *node.slices.values()))


def _copy(value: Any, budget: list[int]) -> Any:
    """A copy of a value whose verdict depends on nothing around it; None for any other."""
    budget[0] -= 1
    if budget[0] < 0:
        return None
    if type(value) is str:
        return value if len(value) <= LONGEST_TEXT else None
    if type(value) is list:
        return _copy_list(value, budget)
    return _copy_object(value, budget) if type(value) is dict else None


def _copy_list(value: list[Any], budget: list[int]) -> list[Any] | None:
    items = []
    for inner in value:
        copied = _copy(inner, budget)
        if copied is None:
            return None
        items.append(copied)
    return items


def _copy_object(value: dict[str, Any], budget: list[int]) -> dict[str, Any] | None:
    found = {}
    for name, inner in value.items():
        copied = found[name] = None if name in _CONTEXTUAL else _copy(inner, budget)
        if copied is None:
            return None
    return found
