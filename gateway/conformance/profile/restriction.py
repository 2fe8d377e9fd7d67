"""The single things that a profile can say about the values of an element, each as a check."""

from typing import Any

from gateway.conformance.profile.occurrence import Occurrence, OccurrenceCheck, actual_type
from gateway.conformance.profile.pattern import equals_fixed, matches_pattern
from gateway.conformance.run import Check, Location, Run
from gateway.conformance.values.primitive import FORMATS
from gateway.definitions import Definitions, Element


def tighter(element: Element, base: Element) -> tuple[int, int | None] | None:
    """The limits (low, high) that a profile sets beyond its base; None when it sets none."""
    low = element.min if element.min > base.min else 0
    high = element.max if element.max != -1 and element.max != base.max else None
    if high is not None and base.max is not None and high >= base.max:
        high = None
    return (low, high) if low or high is not None else None


def foreign(name: str) -> Check:
    """The finding of a profile that constrains an element which its base does not have."""

    def check(value: Any, at: Location, run: Run) -> None:
        run.report("conformance.profile-fault", at, element=name)

    return check


def on_value(check: Check) -> OccurrenceCheck:
    """The check applied to values; a primitive that has extensions only is passed over."""

    def inner(occurrence: Occurrence, run: Run) -> None:
        if occurrence.value is not None:
            check(occurrence.value, occurrence.at, run)

    return inner


def for_type(code: str, check: Check) -> OccurrenceCheck:
    """The check applied to values of one type of a choice."""

    def inner(occurrence: Occurrence, run: Run) -> None:
        if occurrence.value is not None and occurrence.type == code:
            check(occurrence.value, occurrence.at, run)

    return inner


def inside(code: str, check: Check, *, many: bool) -> OccurrenceCheck:
    """The check applied to the object below a value: the value itself, or the twin of a primitive."""

    def inner(occurrence: Occurrence, run: Run) -> None:
        if not many or occurrence.type == code:
            check(occurrence.inside if occurrence.inside is not None else {}, occurrence.at, run)

    return inner


def type_check(allowed: frozenset[str], definitions: Definitions) -> OccurrenceCheck:
    """The check that a value has one of the types that a profile leaves."""
    names = ", ".join(sorted(allowed))

    def inner(occurrence: Occurrence, run: Run) -> None:
        found = actual_type(occurrence)
        if found not in allowed and not any(definitions.is_subtype(found, name) for name in allowed):
            run.report("conformance.type", occurrence.at, type=_name(found, definitions), allowed=names)

    return inner


def _name(found: str, definitions: Definitions) -> str:
    return found if definitions.structure(found) is not None else "an unknown type"


def one_of_profiles(code: str, checks: list[Check], definitions: Definitions) -> OccurrenceCheck:
    """A value must conform to one of the profiles of its type; with several, none of the failures is the reason."""

    def inner(occurrence: Occurrence, run: Run) -> None:
        value = occurrence.value if occurrence.type not in FORMATS else occurrence.twin
        actual = actual_type(occurrence)
        if value is None or (actual != code and not definitions.is_subtype(actual, code)):
            return
        if len(checks) == 1:
            checks[0](value, occurrence.at, run)
            return
        for check in checks:
            attempt = run.trial()
            check(value, occurrence.at, attempt)
            if not attempt.has_errors:
                run.issues += attempt.issues
                return
        run.report("conformance.no-profile-matches", occurrence.at)

    return inner


def fixed_check(fixed: Any) -> Check:
    """The check that a value is exactly the fixed one."""
    if isinstance(fixed, str):
        return _fixed_text(fixed)

    def check(value: Any, at: Location, run: Run) -> None:
        if not equals_fixed(value, fixed):
            run.report("conformance.fixed", at)

    return check


def _fixed_text(fixed: str) -> Check:
    def check(value: Any, at: Location, run: Run) -> None:
        if value != fixed:
            run.report("conformance.fixed", at)

    return check


def pattern_check(pattern: Any) -> Check:
    """The check that a value has all that a pattern has."""

    def check(value: Any, at: Location, run: Run) -> None:
        if not matches_pattern(value, pattern):
            run.report("conformance.pattern", at)

    return check


def length_check(limit: int) -> Check:
    """The check that a text has at most `limit` characters."""

    def check(value: Any, at: Location, run: Run) -> None:
        if isinstance(value, str) and len(value) > limit:
            run.report("conformance.too-long", at, limit=limit)

    return check
