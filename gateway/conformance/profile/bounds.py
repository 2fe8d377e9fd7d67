"""minValue[x] and maxValue[x]: numbers, quantities of the same unit, dates and times.

A duration bounds dates relative to now: it is taken from now for a minimum and added for a maximum.
See https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.minValue_x_.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from gateway.conformance.run import Check, Location, Run
from gateway.core.instants import micros, parse_interval

TEMPORAL = frozenset({"Date", "DateTime", "Instant"})
DURATIONS = frozenset({"Duration", "Quantity"})
UCUM = "http://unitsofmeasure.org"

SECONDS: Mapping[str, int] = {
    "a": 31_557_600,
    "mo": 2_629_800,
    "wk": 604_800,
    "d": 86_400,
    "h": 3600,
    "min": 60,
    "s": 1,
}
"""UCUM unit of time -> its seconds."""

LONGEST = 10**12


def bound_check(bound: tuple[str, Any], *, lower: bool) -> Check:
    """The check of a bound."""
    kind, limit = bound
    rule = "conformance.below-minimum" if lower else "conformance.above-maximum"

    if kind in DURATIONS:
        return _either(rule, kind, limit, lower)

    def check(value: Any, at: Location, run: Run) -> None:
        if _compare(kind, value, limit, lower) is False:
            run.report(rule, at)

    return check


def _either(rule: str, kind: str, limit: Any, lower: bool) -> Check:
    """A quantity as bound: of a date it is relative to now, of a quantity it is what it says."""
    span = _micros(limit)

    def check(value: Any, at: Location, run: Run) -> None:
        if not isinstance(value, str):
            if _compare("Quantity", value, limit, lower) is False:
                run.report(rule, at)
            return
        found = parse_interval(value)
        if found is None:
            return
        if run.now is None or span is None:
            run.report("conformance.bound-unchecked", at)
            return
        moment = micros(run.now)
        if found.high <= moment - span if lower else found.low > moment + span:
            run.report(rule, at)

    return check


def _micros(duration: Any) -> int | None:
    """The microseconds of a duration; None for what is none."""
    if not isinstance(duration, dict) or duration.get("system") != UCUM:
        return None
    value, unit = duration.get("value"), duration.get("code")
    size = SECONDS.get(unit) if isinstance(unit, str) else None
    if size is None or not isinstance(value, int | Decimal):
        return None
    number = Decimal(value)
    return int(number * size * 1_000_000) if number.is_finite() and abs(number) <= LONGEST else None


def _compare(kind: str, value: Any, limit: Any, lower: bool) -> bool | None:
    """Whether the value keeps the bound; None when the two do not compare."""
    if kind == "Quantity":
        if not isinstance(value, dict) or not isinstance(limit, dict) or _unit(value) != _unit(limit):
            return None
        value, limit = value.get("value"), limit.get("value")
    if isinstance(value, str) and isinstance(limit, str):
        return _compare_text(kind, value, limit, lower)
    if isinstance(value, int | Decimal | float) and isinstance(limit, int | Decimal | float):
        return value >= limit if lower else value <= limit
    return None


def _unit(quantity: dict[str, Any]) -> tuple[Any, Any]:
    return quantity.get("system"), quantity.get("code", quantity.get("unit"))


def _compare_text(kind: str, value: str, limit: str, lower: bool) -> bool | None:
    if kind not in TEMPORAL:
        return value >= limit if lower else value <= limit
    found, stated = parse_interval(value), parse_interval(limit)
    if found is None or stated is None:
        return None
    return found.high > stated.low if lower else found.low < stated.high
