"""Tests of what a profile says of an element: true where its checks surely find nothing; see `sure`.

They are for elements that do not repeat, and say no wherever a rule looks beyond the value.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from gateway.conformance.base.sure import LOOKS_AROUND, all_of, passing, passing_text
from gateway.conformance.base.types import INLINE, json_name
from gateway.conformance.invariants.invariant import Invariants
from gateway.conformance.invariants.shapes import Sure, Whole, sure_of_shape
from gateway.conformance.profile.occurrence import names_of
from gateway.conformance.profile.restriction import fixed_check, length_check, pattern_check, tighter
from gateway.conformance.values.binding import binding_check
from gateway.conformance.values.primitive import FORMATS
from gateway.conformance.values.reference import relative_test
from gateway.definitions import Definitions, Element, ElementNode, TypeRef
from gateway.terminology import Terminology

BY_TYPE = (("type", "$this"),)


@dataclass(frozen=True, slots=True)
class SureMembers:
    """Compiles tests; `level` gives the checks of the elements below a node, for objects of a type or path."""

    definitions: Definitions
    terminology: Terminology
    invariants: Invariants
    level: Callable[[ElementNode, str], Iterator[Whole]]

    def of(self, node: ElementNode, base: Element, path: str) -> dict[str, Sure]:
        """JSON name -> the test of the one value under it."""
        if base.max != 1 or not _takes_one(node.element, base):
            return {}
        found: dict[str, Sure] = {}
        for entry in base.types:
            tests = self._of_type(node, base, path, entry.code)
            if tests is not None:
                found[json_name(base, entry.code)] = all_of(tests) if tests else _yes
        return found

    def _of_type(self, node: ElementNode, base: Element, path: str, code: str) -> list[Sure] | None:
        """The tests of values of one type, slices and children too; None where nobody can be sure."""
        own = self._own(node, base, path, code)
        below = self._below(node, base, path, code)
        sliced = self._sliced(node, base, path, code)
        return None if own is None or below is None or sliced is None else [*own, *below, *sliced]

    def _own(self, node: ElementNode, base: Element, path: str, code: str) -> list[Sure] | None:
        element = node.element
        entry = next((one for one in element.types or base.types if one.code == code), None)
        before = next((one for one in base.types if one.code == code), None)
        if entry is None or before is None or entry.aggregation or set(entry.profiles) - set(before.profiles):
            return None
        if (element.minimum, element.maximum) != (base.minimum, base.maximum):
            return None
        constraints = self._constraints(element, base, path, code)
        if constraints is None:
            return None
        return [*self._of_value(element, base), *self._of_entry(element, base, entry, before), *constraints]

    def _of_value(self, element: Element, base: Element) -> Iterator[Sure]:
        if element.fixed is not None and element.fixed != base.fixed:
            yield _same(element.fixed) if isinstance(element.fixed, str) else passing(fixed_check(element.fixed))
        if element.pattern is not None and element.pattern != base.pattern:
            yield passing(pattern_check(element.pattern))
        if element.max_length is not None and element.max_length != base.max_length:
            yield passing(length_check(element.max_length))

    def _of_entry(self, element: Element, base: Element, entry: TypeRef, before: TypeRef) -> Iterator[Sure]:
        if element.binding is not None and element.binding != base.binding:
            check = binding_check(self.terminology, element.binding, entry.code)
            if check is not None:
                yield passing_text(check) if entry.code in FORMATS else passing(check)
        if entry.code == "Reference" and set(entry.target_profiles) != set(before.target_profiles):
            plain = all(self._is_type(profile) for profile in entry.target_profiles)
            yield relative_test(self.definitions, entry) if plain else _no

    def _is_type(self, profile: str) -> bool:
        found = self.definitions.structure(profile)
        return found is not None and found.derivation != "constraint"

    def _constraints(self, element: Element, base: Element, path: str, code: str) -> list[Sure] | None:
        typed = self.definitions.element(code)
        known = {"ele-1"} | {one.key for one in (*base.constraints, *(typed.constraints if typed else ()))}
        added = [one for one in element.constraints if one.key not in known]
        if any(LOOKS_AROUND.search(one.expression or "") for one in added):
            return None
        wholes = [self.invariants.whole(one, f"{path}.{base.name}" if code in INLINE else code) for one in added]
        return [whole.holds or passing(whole.check) for whole in wholes if whole is not None]

    def _below(self, node: ElementNode, base: Element, path: str, code: str) -> list[Sure] | None:
        if not node.children:
            return []
        codes = {entry.code for entry in node.element.types or base.types}
        start = f"{path}.{base.name}" if code in INLINE or base.content_reference else code
        known = self.definitions.children(start)
        if len(codes) > 1 or code in FORMATS or self.definitions.is_resource(code) or not known:
            return None
        wholes: Sequence[Whole] = tuple(self.level(node, start))
        names = frozenset().union(*map(names_of, known.values()))
        return [sure_of_shape(wholes, names)] if wholes else []

    def _sliced(self, node: ElementNode, base: Element, path: str, code: str) -> list[Sure] | None:
        """Slices of a choice by the type of its value, which the name tells."""
        if not node.slices:
            return []
        slicing = node.element.slicing
        by_type = base.is_choice and (slicing is None or slicing.discriminators == BY_TYPE)
        if not by_type or (slicing is not None and (slicing.ordered or slicing.rules == "openAtEnd")):
            return None
        parts = [part for part in node.slices.values() if code in {entry.code for entry in part.element.types}]
        others = [part for part in node.slices.values() if part not in parts]
        if len(parts) != 1 or any(part.element.min > 0 or not part.element.types for part in others):
            return None
        (part,) = parts
        if part.slices or part.element.max == 0:
            return None
        return self._of_type(part, base, path, code)


def _takes_one(element: Element, base: Element) -> bool:
    low, high = tighter(element, base) or (0, None)
    return low <= 1 and high != 0


def _same(fixed: str) -> Sure:
    return lambda value: bool(value == fixed)


def _yes(_value: object) -> bool:
    return True


def _no(_value: object) -> bool:
    return False
