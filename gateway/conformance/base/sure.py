"""Tests of values that are surely good: no findings, whatever is around them, told without looking where they are.

What these tests let pass needs no check; all else has its checks, which tell what is wrong and where. So a test says
no whenever it is in doubt: of extensions, contained resources, narratives, and of rules that look beyond the value.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from gateway.conformance.base.remembered import ALONE
from gateway.conformance.base.types import INLINE, OWN_RULES, json_name
from gateway.conformance.invariants.invariant import Invariants
from gateway.conformance.invariants.shapes import LONGEST_SHAPE, MOST_SHAPES, Shape, Sure, Whole, never, passes
from gateway.conformance.run import Check, Location, Run
from gateway.conformance.values.binding import binding_check
from gateway.conformance.values.coding import CodeChecks
from gateway.conformance.values.primitive import FORMATS
from gateway.conformance.values.reference import relative_test
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
        if found is None:
            found = self._tests[path] = object_test(lambda: self._compile(path))
        return found

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
        bound = list(self._bound(element, code))
        own = self._own_constraints(path, element, code)
        if own is None:
            return None
        whole = all_of([first, *bound, *own])
        return known_text(whole) if bound and code in FORMATS else whole

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
                yield passing(check)

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

    def _compile(self, path: str) -> "ObjectRules | None":
        """What is to be tested of a type's objects; None where no object is surely good."""
        fields = self.fields(path)
        fields.pop("id", None)  # so that an object of this shape has content: ele-1
        root = self._definitions.element(path) if "." not in path else None
        stated = [one for one in (root.constraints if root is not None else ()) if one.key != "ele-1"]
        wholes = self._wholes(stated, path)
        if wholes is None or path in CONTEXTUAL:
            return None
        own = [passing(check) for check in OWN_RULES.get(path, ())] + [*self._codes.tests(path)]
        checked = [Whole(_finds_nothing, never, holds=test) for test in own]
        return ObjectRules(fields, self._presence(path), [*wholes, *checked])

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


class ObjectRules(NamedTuple):
    """What objects of a type must satisfy: the tests of their members by name, which names there must be, and what
    looks at the object as a whole."""

    fields: Mapping[str, Sure]
    presence: Callable[[Shape], bool]
    wholes: Sequence[Whole]

    def of(self, shape: Shape) -> _Tests:
        """The tests of the members of a shape, in their order, and of the object itself."""
        if not all(name in self.fields for name in shape) or not self.presence(shape):
            return _NEVER
        own = tuple(whole.holds or passing(whole.check) for whole in self.wholes if not whole.settles(shape))
        return tuple(self.fields[name] for name in shape), own


class _Shapes:
    """The tests of the shapes of a type's objects; its rules are `compiled` when the first object comes."""

    __slots__ = ("_compiled", "_rules", "known")

    def __init__(self, compiled: Callable[[], ObjectRules | None]) -> None:
        self._compiled = compiled
        self._rules: list[ObjectRules | None] = []
        self.known: dict[Shape, _Tests] = {}

    def tests(self, shape: Shape) -> _Tests:
        """The tests of a shape that is not known yet."""
        if not self._rules:
            self._rules.append(self._compiled())
        rules = self._rules[0]
        if len(shape) > LONGEST_SHAPE or rules is None:
            return _NEVER
        found = rules.of(shape)
        if found is not _NEVER and len(self.known) < MOST_SHAPES:
            self.known[shape] = found
        return found


def object_test(compiled: Callable[[], ObjectRules | None]) -> Sure:
    """The test of an object: its shape says which tests its members, and itself, have to pass."""
    shapes = _Shapes(compiled)
    known = shapes.known

    def test(value: Any) -> bool:
        if value.__class__ is not dict:
            return False
        shape = tuple(value)
        each, whole = known.get(shape) or shapes.tests(shape)
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
    """The same for texts of which few come again and again."""
    return known_text(passing(check))


def known_text(full: Sure) -> Sure:
    """The same test of texts of which few come again and again, such as codes of a value set."""
    known: set[str] = set()

    def test(value: Any) -> bool:
        if value.__class__ is not str:
            return False
        if value in known:
            return True
        good = full(value)
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


_NEVER: _Tests = ((), (lambda _value: False,))
"""The tests of an object that nobody can be sure of."""


def _finds_nothing(_value: Any, _at: Location, _run: Run) -> None:
    return None


def _string(value: Any) -> bool:
    return value.__class__ is str and value.isprintable() and 0 < len(value) < LONGEST_LINE and not value.isspace()


LONGEST_LINE = 4096

QUICK: Mapping[str, Sure] = {"string": _string, "markdown": _string}
"""Primitive type -> a quicker test than that of its format."""
