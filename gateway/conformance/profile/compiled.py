"""Profiles compiled: only what a profile says beyond its base type, since the base type is always checked too.

The tree of the profile's elements (a snapshot, or a differential over its base) is compared with the base type;
each difference becomes a check: cardinality, types, type profiles, fixed, pattern, bindings, invariants, bounds,
reference targets, slices. What is as in the base costs nothing.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

from gateway.conformance.base.remembered import (
    ALONE,
    expressions_of,
    leads_elsewhere,
    remembering_member,
    stands_alone,
)
from gateway.conformance.base.types import INLINE, all_of
from gateway.conformance.invariants.invariant import Invariants
from gateway.conformance.invariants.shapes import Whole, never, of_shape, without
from gateway.conformance.profile.bounds import bound_check
from gateway.conformance.profile.discriminator import Discriminators
from gateway.conformance.profile.occurrence import OccurrenceCheck, collector, names_of, report_count
from gateway.conformance.profile.restriction import (
    fixed_check,
    for_type,
    foreign,
    inside,
    length_check,
    on_value,
    one_of_profiles,
    pattern_check,
    tighter,
    type_check,
)
from gateway.conformance.profile.shorthand import as_slice, shorthand
from gateway.conformance.profile.slicing import SlicesCheck, slice_check
from gateway.conformance.profile.sure import SureMembers
from gateway.conformance.run import Check, Location, Run
from gateway.conformance.values.binding import binding_check
from gateway.conformance.values.reference import aggregation_check, target_check, target_profile_check
from gateway.definitions import Definitions, Element, ElementNode, TypeRef
from gateway.terminology import Terminology


class ProfileCompiler:
    """Compiles profiles; `profile_check` gives the check of another profile by URL, compiled when it is needed."""

    def __init__(
        self,
        definitions: Definitions,
        terminology: Terminology,
        invariants: Invariants,
        profile_check: Callable[[str], Check],
    ) -> None:
        self.definitions = definitions
        self.terminology = terminology
        self.invariants = invariants
        self.profile_check = profile_check
        self.discriminators = Discriminators(definitions, terminology, profile_check)
        self.sure = SureMembers(definitions, terminology, invariants, self.level)

    def compile(self, url: str, type_name: str) -> Check:
        """The check of objects of `type_name` against the profile `url`, which must be known."""
        tree = self.definitions.tree(url)
        if tree is None:
            return all_of([])
        wholes = list(self.level(tree, type_name))
        base = self.definitions.element(type_name)
        known = {entry.key: entry.expression for entry in base.constraints} if base is not None else {}
        for constraint in tree.element.constraints:
            if known.get(constraint.key, "") != constraint.expression:
                whole = self.invariants.whole(constraint, type_name)
                if whole is not None:
                    wholes.append(whole)
        return self._objects(wholes, type_name)

    def _objects(self, wholes: list[Whole], path: str) -> Check:
        """One check for several of objects of a type or backbone path."""
        check = of_shape(wholes, {"resourceType", *chain.from_iterable(map(names_of, self._elements(path)))})

        def of_objects(value: Any, at: Location, run: Run) -> None:
            if isinstance(value, dict):
                check(value, at, run)
            else:
                for whole in wholes:
                    whole.check(value, at, run)

        return of_objects

    def _elements(self, path: str) -> Iterable[Element]:
        return self.definitions.children(path).values()

    def level(self, node: ElementNode, path: str) -> Iterator[Whole]:
        """The checks of the elements below `node`, whose objects are of type or backbone path `path`."""
        known = self.definitions.children(path)
        short = {name: shorthand(name, known.values()) for name in node.children if name not in known}
        chosen = [found[0].name for found in short.values() if found is not None]
        for name, child in node.children.items():
            base = known.get(name)
            if base is None:
                found = short[name]
                if found is None:
                    yield Whole(foreign(name), never)
                    continue
                base, code = found
                alone = chosen.count(base.name) == 1 and base.name not in node.children
                child = as_slice(child, base, code, alone=alone)
            check = self.child(child, base, path)
            if check is not None:
                names = names_of(base)
                remembered = len(base.types) == 1 and base.types[0].code in ALONE
                tests = {} if remembered else self.sure.of(child, base, path)
                yield Whole(check, without(names, check), names, tests)

    def child(self, node: ElementNode, base: Element, path: str) -> Check | None:
        """The check of one element below an object; None when the profile says no more than the base."""
        each = self.occurrence_checks(node, base, path)
        limits = tighter(node.element, base)
        slices = slice_check(self, node, base, path)
        if not each and limits is None and slices is None:
            return None
        check = _whole_check(each, limits, slices, base)
        if len(base.types) == 1 and not leads_elsewhere(node) and stands_alone(base.types[0], expressions_of(node)):
            check = remembering_member(base.name, check)
        quick = _quick_test(node.element, base, each, limits) if slices is None else None
        return _first_quick(quick, check) if quick is not None else check

    def occurrence_checks(self, node: ElementNode, base: Element, path: str) -> list[OccurrenceCheck]:
        """What each value must satisfy, slices apart."""
        element = node.element
        checks: list[OccurrenceCheck] = []
        allowed = {entry.code for entry in element.types}
        if allowed and base.types and allowed != {entry.code for entry in base.types}:
            checks.append(type_check(frozenset(allowed), self.definitions))
        checks += self._type_profiles(element, base)
        checks += [on_value(check) for check in self._value_checks(element, base)]
        checks += self._typed_checks(element, base, path)
        if node.children:
            checks += self._below(node, base, path)
        return checks

    def _value_checks(self, element: Element, base: Element) -> Iterator[Check]:
        if element.fixed is not None and element.fixed != base.fixed:
            yield fixed_check(element.fixed)
        if element.pattern is not None and element.pattern != base.pattern:
            yield pattern_check(element.pattern)
        for bound, known, lower in (
            (element.minimum, base.minimum, True),
            (element.maximum, base.maximum, False),
        ):
            if bound is not None and bound != known:
                yield bound_check(bound, lower=lower)
        if element.max_length is not None and element.max_length != base.max_length:
            yield length_check(element.max_length)

    def _typed_checks(self, element: Element, base: Element, path: str) -> Iterator[OccurrenceCheck]:
        """Bindings, invariants and reference targets, which depend on the type of the value."""
        known = {entry.key for entry in base.constraints}
        by_code = {entry.code: entry for entry in base.types}
        for entry in element.types or base.types:
            checks: list[Check] = []
            if element.binding is not None and element.binding != base.binding and not _is_for_others(entry, element):
                check = binding_check(self.terminology, element.binding, entry.code)
                checks += [check] if check is not None else []
            if entry.code == "Reference" and entry.target_profiles:
                before = by_code.get("Reference")
                if before is None or set(before.target_profiles) != set(entry.target_profiles):
                    wanted = entry.target_profiles
                    found = (
                        target_check(self.definitions, wanted, ""),
                        target_profile_check(self.definitions, wanted, self.profile_check),
                    )
                    checks += [check for check in found if check is not None]
            bound = aggregation_check(entry.aggregation)
            checks += [bound] if bound is not None else []
            inherited = self._inherited(entry.code)
            for constraint in element.constraints:
                if constraint.key not in known and constraint.key not in inherited:
                    start = f"{path}.{base.name}" if entry.code in INLINE else entry.code
                    check = self.invariants.check(constraint, start)
                    checks += [check] if check is not None else []
            if checks:
                yield for_type(entry.code, all_of(checks))

    def _inherited(self, code: str) -> set[str]:
        typed = self.definitions.element(code)
        return {"ele-1"} | ({entry.key for entry in typed.constraints} if typed is not None else set())

    def _type_profiles(self, element: Element, base: Element) -> Iterator[OccurrenceCheck]:
        known = {entry.code: set(entry.profiles) for entry in base.types}
        for entry in element.types:
            added = [profile for profile in entry.profiles if profile not in known.get(entry.code, ())]
            if added:
                yield one_of_profiles(
                    entry.code, [self.profile_check(profile) for profile in added], self.definitions
                )

    def _below(self, node: ElementNode, base: Element, path: str) -> Iterator[OccurrenceCheck]:
        codes = {entry.code for entry in node.element.types or base.types} or {"BackboneElement"}
        for code in sorted(codes):
            start = f"{path}.{base.name}" if code in INLINE or base.content_reference else code
            if self.definitions.is_resource(code) or not self.definitions.children(start):
                continue
            if len(codes) > 1 and not node.children.keys() <= self.definitions.children(start).keys():
                continue
            wholes = list(self.level(node, start))
            if wholes:
                yield inside(code, self._objects(wholes, start), many=len(codes) > 1)


def _is_for_others(entry: TypeRef, element: Element) -> bool:
    """A binding of a choice speaks of its coded types; it binds a Quantity's unit where there is no other type."""
    return entry.code == "Quantity" and len(element.types) > 1


def _whole_check(
    each: list[OccurrenceCheck], limits: tuple[int, int | None] | None, slices: SlicesCheck | None, base: Element
) -> Check:
    """Counts the values of an element, checks each, and shares them out among the slices."""
    collect, checks, name = collector(base), tuple(each), base.name

    def check(value: Any, at: Location, run: Run) -> None:
        found = collect(value, at) if isinstance(value, dict) else []
        if not found and limits is None and slices is None:
            return
        if limits is not None:
            report_count(len(found), limits, name, at, run)
        for occurrence in found:
            for inner in checks:
                inner(occurrence, run)
        if slices is not None:
            slices(found, at, run)

    return check


def _quick_test(
    element: Element, base: Element, each: list[OccurrenceCheck], limits: tuple[int, int | None] | None
) -> Callable[[dict[str, Any]], bool] | None:
    """A test that, when true, leaves nothing to check: the fixed text is there, or the one value that must be."""
    if base.is_choice or base.max != 1 or not base.types or (limits is not None and limits[1] is not None):
        return None
    name, fixed = base.name, element.fixed
    if not each:
        return lambda node: node.get(name) is not None
    if isinstance(fixed, str) and fixed != base.fixed and len(each) == 1:
        return lambda node: bool(node.get(name) == fixed)
    return None


def _first_quick(quick: Callable[[dict[str, Any]], bool], check: Check) -> Check:
    def quicker(value: Any, at: Location, run: Run) -> None:
        if not isinstance(value, dict) or not quick(value):
            check(value, at, run)

    return quicker
