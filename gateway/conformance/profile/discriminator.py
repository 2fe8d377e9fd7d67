"""Which slice a value belongs to: discriminators by value, pattern, exists, type and profile.

See https://hl7.org/fhir/R4/profiling.html#discriminator.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from gateway.conformance.profile.occurrence import Occurrence, actual_type
from gateway.conformance.profile.pattern import equals_fixed, matches_pattern
from gateway.conformance.run import Check, Run
from gateway.conformance.values.reference import target_of
from gateway.definitions import Definitions, Element, ElementNode
from gateway.terminology import Terminology

Test = Callable[[Any], bool]
Matcher = Callable[[Occurrence, Run], bool]

_STEP = re.compile(r"(extension\('[^']*'\)|resolve\(\)|ofType\([A-Za-z.]+\)|\$this|[A-Za-z0-9\[\]]+)(?:\.|\Z)")
_EXTENSION = re.compile(r"extension\('([^']*)'\)")


class Discriminators:
    """Builds matchers; `profile_check` gives the check of a profile for discriminators by profile."""

    def __init__(
        self, definitions: Definitions, terminology: Terminology, profile_check: Callable[[str], Check]
    ) -> None:
        self._definitions = definitions
        self._terminology = terminology
        self._profile_check = profile_check

    def matcher(self, part: ElementNode, kind: str, path: str) -> Matcher | None:
        """Whether a value is in the slice `part` by one discriminator; None when the slice says nothing about it."""
        steps = _STEP.findall(path)
        node, rest = self._node_at(part, steps)
        if node is None:
            return None
        if kind in ("value", "pattern"):
            return self._by_value(node, rest, steps)
        if rest:
            return None
        if kind == "exists":
            return _by_existence(node.element, steps)
        if kind == "type":
            return self._by_type(node, steps)
        return self._by_profile(node, steps) if kind == "profile" else None

    def _node_at(self, node: ElementNode, steps: list[str]) -> tuple[ElementNode | None, list[str]]:
        """The node that a path leads to, or the last one with a pattern and the steps that lead into the pattern."""
        for index, step in enumerate(steps):
            if step == "$this":
                continue
            below = self._below(node, step)
            if below is not None:
                node = below
                continue
            if node.element.fixed is not None or node.element.pattern is not None:
                return node, steps[index:]
            return None, []
        return node, []

    def _below(self, node: ElementNode, step: str) -> ElementNode | None:
        if step.startswith("ofType("):
            return node
        if step == "resolve()":
            return self._first_tree(profile for entry in node.element.types for profile in entry.target_profiles)
        extension = _EXTENSION.match(step)
        if extension is not None:
            return self._extension_node(node, extension.group(1))
        child = node.children.get(step) or node.children.get(f"{step}[x]")
        if child is not None:
            return child
        typed = self._first_tree(profile for entry in node.element.types for profile in entry.profiles)
        if typed is None:
            return None
        return typed.children.get(step) or typed.children.get(f"{step}[x]")

    def _extension_node(self, node: ElementNode, url: str) -> ElementNode | None:
        parent = node.children.get("extension")
        for part in parent.slices.values() if parent is not None else ():
            if any(url in entry.profiles for entry in part.element.types):
                return part
        return None

    def _first_tree(self, profiles: Iterator[str]) -> ElementNode | None:
        for profile in profiles:
            tree = self._definitions.tree(profile)
            if tree is not None:
                return tree
        return None

    def _by_value(self, node: ElementNode, rest: list[str], steps: list[str]) -> Matcher | None:
        test = self.test(node) if not rest else _into(node.element, rest)
        if test is None:
            return None
        names = tuple(step for step in steps if step != "$this")
        if names and all(step.isidentifier() for step in names):
            general = _by_names(names, test)
            fixed = node.element.fixed if not rest else None
            return _by_text(names, fixed, general) if isinstance(fixed, str) and len(names) <= 2 else general
        return lambda occurrence, run: any(test(value) for value, _ in values_at(occurrence, steps, run))

    def test(self, node: ElementNode, depth: int = 0) -> Test | None:
        """What the node says about a value's content; None when it says nothing."""
        element = node.element
        if isinstance(element.fixed, str):
            return lambda value: bool(value == element.fixed)
        if element.fixed is not None:
            return lambda value: equals_fixed(value, element.fixed)
        if element.pattern is not None:
            return lambda value: matches_pattern(value, element.pattern)
        inner = [] if depth > 8 else list(self._child_tests(node, depth))
        if element.binding is not None and element.binding.strength == "required" and element.binding.value_set:
            inner.append(_in_value_set(self._terminology, element.binding.value_set))
        return (lambda value: all(test(value) for test in inner)) if inner else None

    def _child_tests(self, node: ElementNode, depth: int) -> Iterator[Test]:
        for name, child in node.children.items():
            stem = name.removesuffix("[x]")
            own = self.test(child, depth + 1)
            if own is not None:
                yield _any_below(stem, own)
            for part in child.slices.values():
                test = self.test(part, depth + 1) if part.element.min > 0 else None
                if test is not None:
                    yield _any_below(stem, test)

    def _by_type(self, node: ElementNode, steps: list[str]) -> Matcher | None:
        codes = {entry.code for entry in node.element.types}
        if not node.element.types and "." not in node.element.path:
            codes = {node.element.path}
        if not codes:
            return None
        is_subtype = self._definitions.is_subtype
        direct = steps in ([], ["$this"])

        def match(occurrence: Occurrence, run: Run) -> bool:
            if direct and occurrence.type in codes:
                return True
            found = [kind for _, kind in values_at(occurrence, steps, run)]
            return any(kind in codes or any(is_subtype(kind, code) for code in codes) for kind in found)

        return match

    def _by_profile(self, node: ElementNode, steps: list[str]) -> Matcher | None:
        urls = [profile for entry in node.element.types for profile in entry.profiles]
        if steps and steps[-1] == "resolve()" and "." not in node.element.path:
            urls = []
        checks = [self._profile_check(url) for url in urls]
        if not checks:
            return None

        def match(occurrence: Occurrence, run: Run) -> bool:
            return any(
                _conforms(check, value, occurrence, run)
                for value, _ in values_at(occurrence, steps, run)
                for check in checks
            )

        return match


def _by_names(names: tuple[str, ...], test: Test) -> Matcher:
    """The same for a path of element names only, the common case; others than these are left to `values_at`."""
    last = names[-1]

    def match(occurrence: Occurrence, run: Run) -> bool:
        nodes = [occurrence.inside]
        for name in names[:-1]:
            nodes = [inner for node in nodes for inner in _plain_members(node, name)]
        return any(test(value) for node in nodes for value in _plain_members(node, last))

    return match


def _by_text(names: tuple[str, ...], fixed: str, general: Matcher) -> Matcher:
    """The same for a fixed text at most two steps away: found at once in what is usually sent."""
    first, last = names[0], names[-1]

    def match_below(occurrence: Occurrence, run: Run) -> bool:
        value = occurrence.value
        below = value.get(first) if isinstance(value, dict) else None
        for node in below if isinstance(below, list) else ():
            if isinstance(node, dict) and node.get(last) == fixed:
                return True
        return general(occurrence, run)

    def match(occurrence: Occurrence, run: Run) -> bool:
        value = occurrence.value
        if isinstance(value, dict) and value.get(last) == fixed:
            return True
        return general(occurrence, run)

    return match if len(names) == 1 else match_below


def _plain_members(node: Any, name: str) -> Any:
    found = node.get(name) if isinstance(node, dict) else None
    if found is None:
        return [value for value, _ in _members(node, name)] if isinstance(node, dict) else ()
    return found if isinstance(found, list) else (found,)


def _conforms(check: Check, value: Any, occurrence: Occurrence, run: Run) -> bool:
    attempt = run.trial()
    check(value, occurrence.at, attempt)
    return not attempt.has_errors


def _by_existence(element: Element, steps: list[str]) -> Matcher | None:
    if element.max == 0:
        return lambda occurrence, run: not any(True for _ in values_at(occurrence, steps, run))
    if element.min > 0:
        return lambda occurrence, run: any(True for _ in values_at(occurrence, steps, run))
    return None


def _into(element: Element, rest: list[str]) -> Test | None:
    """The part of a pattern or fixed value that the remaining steps lead to."""
    fixed = element.fixed is not None
    expected = [element.fixed if fixed else element.pattern]
    for step in rest:
        below = [node.get(step) for node in expected if isinstance(node, dict)]
        expected = [item for node in below for item in (node if isinstance(node, list) else [node])]
    expected = [node for node in expected if node is not None]
    if not expected:
        return None
    same = equals_fixed if fixed else matches_pattern
    return lambda value: any(same(value, wanted) for wanted in expected)


def _any_below(stem: str, test: Test) -> Test:
    return lambda value: any(test(inner) for inner, _ in _members(value, stem))


def _in_value_set(terminology: Terminology, value_set: str) -> Test:
    def test(value: Any) -> bool:
        if isinstance(value, str):
            return terminology.validate_code(None, value, value_set).result is True
        codings = value.get("coding", [value]) if isinstance(value, dict) else []
        return any(
            terminology.validate_code(coding.get("system", ""), coding["code"], value_set).result is True
            for coding in (codings if isinstance(codings, list) else [])
            if isinstance(coding, dict) and isinstance(coding.get("code"), str)
        )

    return test


def values_at(occurrence: Occurrence, steps: list[str], run: Run) -> list[tuple[Any, str]]:
    """The values (with their types where the JSON tells) that the path of a discriminator leads to."""
    current = [(occurrence.value, actual_type(occurrence))]
    if steps not in ([], ["$this"]) and occurrence.twin is not None:
        current = [(occurrence.inside, occurrence.type)]
    for step in steps:
        if step == "$this":
            continue
        current = [found for value, kind in current for found in _step(value, kind, step, run)]
    return [(value, kind) for value, kind in current if value is not None]


def _step(value: Any, kind: str, step: str, run: Run) -> Iterator[tuple[Any, str]]:
    if step == "resolve()":
        target = target_of(value, run)
        if target is not None:
            yield target, str(target.get("resourceType", ""))
    elif step.startswith("ofType("):
        if kind == step[7:-1]:
            yield value, kind
    elif step.startswith("extension("):
        url = step[len("extension('") : -2]
        yield from (
            (entry, kind)
            for entry, kind in _members(value, "extension")
            if isinstance(entry, dict) and entry.get("url") == url
        )
    else:
        yield from _members(value, step)


def _members(value: Any, name: str) -> Iterator[tuple[Any, str]]:
    """The values of an element of an object, with the type that a choice's JSON name carries."""
    if not isinstance(value, dict):
        return
    keys = [name] if name in value else [key for key in value if _is_choice_of(key, name)]
    for key in keys:
        suffix = key[len(name) :]
        inner = value[key]
        for item in inner if isinstance(inner, list) else [inner]:
            kind = item.get("resourceType", suffix) if isinstance(item, dict) else suffix
            yield item, kind if isinstance(kind, str) else suffix


def _is_choice_of(key: str, name: str) -> bool:
    return key.startswith(name) and len(key) > len(name) and key[len(name)].isupper()
