"""Slicing: which values belong to which slice, what each slice requires, and what the rules say of the rest.

See https://hl7.org/fhir/R4/profiling.html#slicing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from gateway.conformance.profile.discriminator import Discriminators, Matcher
from gateway.conformance.profile.occurrence import Occurrence, OccurrenceCheck, report_count
from gateway.conformance.run import Location, Run
from gateway.definitions import Element, ElementNode
from gateway.definitions.element import Slicing

SlicesCheck = Callable[[list[Occurrence], Location, Run], None]

BY_URL = Slicing((("value", "url"),), "open", False)
BY_TYPE = Slicing((("type", "$this"),), "open", False)
"""How extensions and choices are sliced where a differential does not say it."""


class SliceCompiler(Protocol):
    """What compiles the parts of slices; `gateway.conformance.profile.compiled.ProfileCompiler` is one."""

    discriminators: Discriminators

    def occurrence_checks(self, node: ElementNode, base: Element, path: str) -> list[OccurrenceCheck]:
        """What each value of a node must satisfy."""


@dataclass(frozen=True, slots=True)
class Slice:
    """A compiled slice; `inner` are its own slices, if it is sliced again."""

    name: str
    matches: Matcher
    checks: tuple[OccurrenceCheck, ...]
    limits: tuple[int, int | None]
    inner: SlicesCheck | None = None


def slice_check(compiler: SliceCompiler, node: ElementNode, base: Element, path: str) -> SlicesCheck | None:
    """The check of all slices of an element; None when it has none."""
    if not node.slices:
        return None
    slicing = node.element.slicing or (BY_TYPE if base.is_choice else BY_URL)
    parents = {name: _parent_of(name, node.slices) for name in node.slices}
    return _SliceCheck(compiler, node.slices, parents, base, path).of("", slicing)


def slice_matcher(compiler: SliceCompiler, node: ElementNode, base: Element, path: str, name: str) -> Matcher:
    """Whether a value of a sliced element is in its slice `name`, and in those that this one is a slice of."""
    slicing = node.element.slicing or (BY_TYPE if base.is_choice else BY_URL)
    parents = {part: _parent_of(part, node.slices) for part in node.slices}
    within = [name]
    while parents[within[-1]]:
        within.append(parents[within[-1]])
    compiled, matchers = _SliceCheck(compiler, node.slices, parents, base, path), []
    for part in reversed(within):
        matchers.append(compiled.compile(part, slicing).matches)
        slicing = node.slices[part].element.slicing or slicing
    return _all(tuple(matchers))


def _parent_of(name: str, known: Mapping[str, ElementNode]) -> str:
    """The slice that a slice of a slice (`a/b`) belongs to; empty for the others."""
    above = name.rpartition("/")[0]
    return above if above in known else ""


@dataclass(frozen=True, slots=True)
class _SliceCheck:
    """Compiles the slices of one element, and those of each slice that is sliced again."""

    compiler: SliceCompiler
    nodes: Mapping[str, ElementNode]
    parents: Mapping[str, str]
    base: Element
    path: str

    def of(self, parent: str, slicing: Slicing) -> SlicesCheck:
        """The check of the slices of `parent`, of the element itself where that is empty."""
        slices = tuple(self.compile(name, slicing) for name, above in self.parents.items() if above == parent)
        element = self.base.name
        paths = ", ".join(f"{kind} of {where}" for kind, where in slicing.discriminators) or "their content"
        closed = slicing.rules == "closed"
        in_order = slicing.ordered or slicing.rules == "openAtEnd"
        limited = [(number, part) for number, part in enumerate(slices) if part.limits != (0, None)]
        again = [(number, part.inner) for number, part in enumerate(slices) if part.inner is not None]

        def check(found: list[Occurrence], at: Location, run: Run) -> None:
            counts = [0] * len(slices)
            members: dict[int, list[Occurrence]] = {number: [] for number, _ in again}
            order = _Order(slicing.ordered, slicing.rules == "openAtEnd") if in_order else None
            for occurrence in found:
                position = _assign(occurrence, slices, run)
                if position is not None:
                    counts[position] += 1
                    if position in members:
                        members[position].append(occurrence)
                elif closed:
                    run.report("conformance.slice-closed", occurrence.at, element=element, discriminators=paths)
                if order is not None and not order.accepts(position):
                    run.report("conformance.slice-order", occurrence.at, element=element)
            for number, part in limited:
                report_count(counts[number], part.limits, f"{element}:{part.name}", at, run)
            for number, inner in again:
                inner(members[number], at, run)

        return check

    def compile(self, name: str, slicing: Slicing) -> Slice:
        """One slice, of an element or slice that is sliced in this way."""
        part = self.nodes[name]
        checks = tuple(self.compiler.occurrence_checks(part, self.base, self.path))
        discriminators = self.compiler.discriminators
        found = [discriminators.matcher(part, kind, where) for kind, where in slicing.discriminators]
        matchers = tuple(matcher for matcher in found if matcher is not None)
        limits = (max(part.element.min, 0), part.element.max if part.element.max != -1 else None)
        inner = self.of(name, part.element.slicing or slicing) if name in self.parents.values() else None
        return Slice(name, _all(matchers) if matchers else _conforming(checks), checks, limits, inner)


class _Order:
    """Tracks whether slices come in their order, and unmatched values at the end."""

    def __init__(self, ordered: bool, at_end: bool) -> None:
        self.ordered = ordered
        self.at_end = at_end
        self.last = -1
        self.unmatched = False

    def accepts(self, position: int | None) -> bool:
        if position is None:
            self.unmatched = True
            return True
        if self.at_end and self.unmatched:
            return False
        in_order = not self.ordered or position >= self.last
        self.last = max(self.last, position)
        return in_order


def _assign(occurrence: Occurrence, slices: tuple[Slice, ...], run: Run) -> int | None:
    """The position of the slice of a value, whose checks it must pass; None when it is in none."""
    matching = [number for number, part in enumerate(slices) if part.matches(occurrence, run)]
    if not matching:
        return None
    chosen = slices[matching[0]]
    for number in matching[1:]:
        run.report("conformance.slice-ambiguous", occurrence.at, slices=f"{chosen.name}, {slices[number].name}")
    for check in chosen.checks:
        check(occurrence, run)
    return matching[0]


def _all(matchers: tuple[Matcher, ...]) -> Matcher:
    if len(matchers) == 1:
        return matchers[0]
    return lambda occurrence, run: all(matcher(occurrence, run) for matcher in matchers)


def _conforming(checks: tuple[OccurrenceCheck, ...]) -> Matcher:
    """Where no discriminator helps, a value is in a slice when it satisfies all that the slice says."""

    def match(occurrence: Occurrence, run: Run) -> bool:
        attempt = run.trial()
        for check in checks:
            check(occurrence, attempt)
        return not attempt.has_errors

    return match
