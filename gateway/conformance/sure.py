"""Tests of values that are surely good: no findings, whatever is around them, told without looking where they are.

What these tests let pass needs no check; all else has its checks, which tell what is wrong and where. So a test says
no whenever it is in doubt: of extensions, contained resources, narratives, and of rules that look beyond the value.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from gateway.conformance.base import INLINE, OWN_RULES, json_name
from gateway.conformance.binding import binding_check
from gateway.conformance.coding import CodeChecks
from gateway.conformance.invariant import Invariants
from gateway.conformance.primitive import FORMATS
from gateway.conformance.reference import relative_test
from gateway.conformance.remembered import ALONE
from gateway.conformance.run import Check, Location, Run
from gateway.conformance.shapes import LONGEST_SHAPE, MOST_SHAPES, Shape, Sure, Whole, never, passes
from gateway.definitions import Constraint, Definitions, Element, TypeRef
from gateway.terminology import Terminology

MOST_KNOWN = 512
LONGEST_KNOWN = 600
"""How many values a test keeps its verdict of, and how many bytes the text of one has at most."""

CONTEXTUAL = frozenset({"Extension", "Narrative", "Signature"})
"""Types whose rules look around."""

LOOKS_AROUND = re.compile(r"%|resolve|now|today|timeOfDay|conformsTo|memberOf|htmlChecks|slice")
_encode = msgspec.json.Encoder(decimal_format="number").encode

_Tests = tuple[tuple[Sure, ...], tuple[Sure, ...]]


class SureTypes:
    """Compiles types of the definitions into tests of their values, at first use."""

    def __init__(self, definitions: Definitions, terminology: Terminology, invariants: Invariants) -> None:
        self._definitions = definitions
        self._terminology = terminology
        self._invariants = invariants
        self._codes = CodeChecks(definitions, terminology)
        self._tests: dict[str, Sure] = {}

    def fields(self, path: str) -> dict[str, Sure]:
        """JSON name -> test, for the elements of a type that have one."""
        found: dict[str, Sure] = {}
        for element in self._definitions.children(path).values():
            for entry in element.types or (TypeRef("BackboneElement"),):
                test = self._field(path, element, entry)
                if test is not None:
                    found[json_name(element, entry.code)] = test
        return found

    def of(self, path: str) -> Sure:
        """The test of a type's or backbone path's objects."""
        found = self._tests.get(path)
        if found is not None:
            return found
        compiled: list[Sure] = []

        def late(value: Any) -> bool:
            if not compiled:
                compiled.append(self._compile(path))
                self._tests[path] = compiled[0]
            return compiled[0](value)

        self._tests[path] = late
        return late

    def value(self, path: str, element: Element, entry: TypeRef) -> Sure | None:
        """The test of a value of one of an element's types; None where no value is surely good."""
        code = entry.code
        if entry.profiles or entry.aggregation or code in CONTEXTUAL or self._definitions.is_resource(code):
            return None
        if code == "Reference":
            first = relative_test(self._definitions, entry)
        elif code in FORMATS:
            first = QUICK.get(code, FORMATS[code])
        else:
            first = self.of(path if code in INLINE or element.content_reference else code)
        tests = [first, *self._bound(element, code)]
        own = self._own_constraints(path, element, code)
        return all_of([*tests, *own]) if own is not None else None

    def _field(self, path: str, element: Element, entry: TypeRef) -> Sure | None:
        each = self.value(f"{path}.{element.name}", element, entry)
        if each is None:
            return None
        test = _every(each) if element.max != 1 else each
        return remembering(test) if entry.code in ALONE else test

    def _bound(self, element: Element, code: str) -> Iterable[Sure]:
        if element.binding is not None:
            check = binding_check(self._terminology, element.binding, code)
            if check is not None:
                yield passing_text(check) if code in FORMATS else passing(check)

    def _own_constraints(self, path: str, element: Element, code: str) -> list[Sure] | None:
        """The tests of the element's own constraints; None when one of them looks around."""
        typed = self._definitions.element(code) if code not in INLINE else None
        inherited = {"ele-1", *(entry.key for entry in (typed.constraints if typed is not None else ()))}
        own = [entry for entry in element.constraints if entry.key not in inherited]
        found = self._wholes(own, path if code in INLINE else code)
        return None if found is None else [whole.holds or passing(whole.check) for whole in found]

    def _wholes(self, constraints: Iterable[Constraint], base: str) -> list[Whole] | None:
        """The constraints as checks of the value alone; None when one of them looks around."""
        found = [self._invariants.whole(constraint, base) for constraint in constraints]
        if any(LOOKS_AROUND.search(constraint.expression or "") for constraint in constraints):
            return None
        return [whole for whole in found if whole is not None]

    def _compile(self, path: str) -> Sure:
        fields = self.fields(path)
        fields.pop("id", None)  # so that an object of this shape has content: ele-1
        root = self._definitions.element(path) if "." not in path else None
        stated = [one for one in (root.constraints if root is not None else ()) if one.key != "ele-1"]
        wholes = self._wholes(stated, path)
        if wholes is None or path in CONTEXTUAL:
            return _no
        own = [passing(check) for check in OWN_RULES.get(path, ())] + [*self._codes.tests(path)]
        checked = [Whole(_finds_nothing, never, holds=test) for test in own]
        return object_test(fields, self._presence(path), [*wholes, *checked])

    def _presence(self, path: str) -> Callable[[Shape], bool]:
        """Whether a shape has what is required, and of each choice only one."""
        required: list[frozenset[str]] = []
        choices: list[frozenset[str]] = []
        for element in self._definitions.children(path).values():
            names = frozenset(json_name(element, entry.code) for entry in element.types) or {element.name}
            if element.min > 0:
                required.append(frozenset(names))
            if element.is_choice:
                choices.append(frozenset(names))
        return lambda shape: (
            bool(shape)
            and not any(names.isdisjoint(shape) for names in required)
            and all(len(names.intersection(shape)) < 2 for names in choices)
        )


def object_test(fields: Mapping[str, Sure], presence: Callable[[Shape], bool], wholes: list[Whole]) -> Sure:
    """The test of an object: its shape says which tests its members, and itself, have to pass."""
    known: dict[Shape, _Tests] = {}

    def tests_of(shape: Shape) -> _Tests:
        if len(shape) > LONGEST_SHAPE or not all(name in fields for name in shape) or not presence(shape):
            return (), (_no,)
        own = tuple(whole.holds or passing(whole.check) for whole in wholes if not whole.settles(shape))
        found = tuple(fields[name] for name in shape), own
        if len(known) < MOST_SHAPES:
            known[shape] = found
        return found

    def test(value: Any) -> bool:
        if value.__class__ is not dict:
            return False
        shape = tuple(value)
        each, whole = known.get(shape) or tests_of(shape)
        for one, member in zip(each, value.values(), strict=False):
            if not one(member):
                return False
        for one in whole:  # noqa: SIM110 - as above: a generator costs twice as much
            if not one(value):
                return False
        return True

    return test


def remembering(test: Sure) -> Sure:
    """The same test, which knows by their texts what it said of some values."""
    known: dict[bytes, bool] = {}

    def quicker(value: Any) -> bool:
        try:
            text = _encode(value)
        except (TypeError, ValueError, OverflowError, RecursionError):
            return False
        said = known.get(text)
        if said is None:
            said = test(value)
            if len(text) <= LONGEST_KNOWN:
                if len(known) >= MOST_KNOWN:
                    known.clear()
                known[text] = said
        return said

    return quicker


def passing(check: Check) -> Sure:
    """A check that looks at the value alone, as a test."""
    return lambda value: passes(check, value)


def passing_text(check: Check) -> Sure:
    """The same for texts of which few come again and again, such as codes of a value set."""
    known: set[str] = set()

    def test(value: Any) -> bool:
        if value.__class__ is not str:
            return False
        if value in known:
            return True
        good = passes(check, value)
        if good and len(known) < MOST_KNOWN:
            known.add(value)
        return good

    return test


def all_of(tests: list[Sure]) -> Sure:
    """One test for several."""
    if len(tests) == 1:
        return tests[0]
    first, *others = tests

    def test(value: Any) -> bool:
        if not first(value):
            return False
        for other in others:  # noqa: SIM110 - a generator costs twice as much
            if not other(value):
                return False
        return True

    return test


def _every(each: Sure) -> Sure:
    def test(value: Any) -> bool:
        if value.__class__ is not list or not value:
            return False
        for item in value:  # noqa: SIM110 - a generator costs twice as much
            if not each(item):
                return False
        return True

    return test


def _finds_nothing(_value: Any, _at: Location, _run: Run) -> None:
    return None


def _no(_value: Any) -> bool:
    return False


def _string(value: Any) -> bool:
    return value.__class__ is str and value.isprintable() and 0 < len(value) < LONGEST_LINE and not value.isspace()


LONGEST_LINE = 4096

QUICK: Mapping[str, Sure] = {"string": _string, "markdown": _string}
"""Primitive type -> a quicker test than that of its format."""
