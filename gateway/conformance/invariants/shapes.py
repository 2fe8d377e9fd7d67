"""What the names in an object settle by themselves: most rules speak of elements that most objects do not have.

The names of an object, in their order, are its shape; few shapes come again and again. What a shape settles is found
out once, and never asked again of the objects that have it.
"""

import re
from collections.abc import Callable, Collection, Container, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from gateway.conformance.invariants.native import ABSENT
from gateway.conformance.run import Check, Location, Run, Scope
from gateway.fhirpath import Expression, FhirPathError

Shape = tuple[str, ...]
Sure = Callable[[Any], bool]
"""True for a value that surely has no finding, whatever is around it; False says nothing."""

Settles = Callable[[Shape], bool]

MOST_SHAPES = 1024
LONGEST_SHAPE = 64

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_AROUND = re.compile(
    r"[%$]|children|descendants|resolve|now|today|timeOfDay|hasValue|conformsTo|memberOf|htmlChecks|"
    r"\b(?:is|as|type|ofType)\b"
)
_NOWHERE: Location = (None, "Resource", -1)


class Whole(NamedTuple):
    """A check of an object as a whole, and whether a shape alone says that it finds nothing.

    Where it reads one element alone, `names` are the element's, and `tests` spare the check: each says by the value
    under one name, if there is none under the others, that nothing is found. `holds` is such a test of the object.
    """

    check: Check
    settles: Settles
    names: frozenset[str] = frozenset()
    tests: Mapping[str, Sure] = MappingProxyType({})
    holds: Sure | None = None

    def test(self, shape: Shape) -> tuple[str, Sure] | None:
        """The test for objects of a shape, with the name of what to test; None where there is none."""
        present = [name for name in shape if name in self.names]
        test = self.tests.get(present[0]) if len(present) == 1 else None
        return (present[0], test) if test is not None else None


def never(_shape: Shape) -> bool:
    """Nothing is settled by names."""
    return False


def of_shape(wholes: Sequence[Whole], names: Container[str]) -> Check:
    """One check for several, which leaves out what the shape of the object settles; shapes with other names than
    `names` are not kept, since a name that data make up could be data."""
    known: dict[Shape, tuple[Check, ...]] = {}

    def left(shape: Shape) -> tuple[Check, ...]:
        if len(shape) > LONGEST_SHAPE or not all(name in names for name in shape):
            return tuple(one.check for one in wholes)
        checks = tuple(_tested(one, shape) for one in wholes if not one.settles(shape))
        if len(known) < MOST_SHAPES:
            known[shape] = checks
        return checks

    def check(value: Any, at: Location, run: Run) -> None:
        shape = tuple(value)
        checks = known.get(shape)
        for one in left(shape) if checks is None else checks:
            one(value, at, run)

    return check


def _tested(whole: Whole, shape: Shape) -> Check:
    found, check = whole.test(shape), whole.check
    if found is None:
        return check
    name, test = found

    def quicker(value: Any, at: Location, run: Run) -> None:
        if not test(value[name]):
            check(value, at, run)

    return quicker


def sure_of_shape(wholes: Sequence[Whole], names: Container[str]) -> Sure:
    """The test of objects that pass all checks by their shape, or by tests."""
    known: dict[Shape, tuple[tuple[str, Sure], ...]] = {}

    def tests_of(shape: Shape) -> tuple[tuple[str, Sure], ...]:
        if len(shape) > LONGEST_SHAPE or not all(name in names for name in shape):
            return _NEVER
        found = [one.test(shape) for one in wholes if not one.settles(shape)]
        tests = tuple(one for one in found if one is not None)
        tests = tests if len(tests) == len(found) else _NEVER
        if len(known) < MOST_SHAPES:
            known[shape] = tests
        return tests

    def sure(value: Any) -> bool:
        if value.__class__ is not dict:
            return False
        shape = tuple(value)
        tests = known.get(shape)
        for name, test in tests_of(shape) if tests is None else tests:
            if name not in value or not test(value[name]):
                return False
        return True

    return sure


_NEVER: tuple[tuple[str, Sure], ...] = (("", lambda value: False),)
"""The tests of a shape that nobody can be sure of."""


def passes(check: Check, value: Any) -> bool:
    """Whether a check that looks at nothing around the value has no finding."""
    run = Run(Scope({}, {}))
    check(value, _NOWHERE, run)
    return not run.issues


def names_alone(check: Check) -> Settles:
    """For a check that reads nothing but names."""
    return lambda shape: passes(check, dict.fromkeys(shape))


def without(names: Collection[str], check: Check) -> Settles:
    """For a check that reads nothing but the members `names`: it is settled where there is none of them."""
    wanted = frozenset(names)
    absent: list[bool] = []

    def settles(shape: Shape) -> bool:
        if not wanted.isdisjoint(shape):
            return False
        if not absent:
            absent.append(passes(check, {}))
        return absent[0]

    return settles


def without_mentioned(text: str, expression: Expression | None) -> Settles:
    """For an invariant: it is settled where nothing that it mentions is there, and it then holds."""
    stated = ABSENT.get(text)
    if stated is not None:
        return lambda shape: _free_of(shape, (stated,))
    if expression is None or _AROUND.search(text):
        return never
    words = tuple(set(_WORD.findall(text)))
    holds: list[bool] = []

    def settles(shape: Shape) -> bool:
        if not _free_of(shape, words):
            return False
        if not holds:
            holds.append(_holds(expression))
        return holds[0]

    return settles


def _free_of(shape: Shape, names: tuple[str, ...]) -> bool:
    """Whether no name in the shape is one of these, its `_name` twin, or a choice of it such as `valueString`."""
    return not any(key.removeprefix("_").startswith(names) for key in shape)


def _holds(expression: Expression) -> bool:
    try:
        result = expression.evaluate({})
    except (FhirPathError, RecursionError):
        return False
    return bool(result) and result[0] is not False
