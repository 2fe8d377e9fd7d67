"""minValue[x] and maxValue[x]: numbers, quantities of the same unit, dates and times.

See https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.minValue_x_.
"""

from decimal import Decimal
from typing import Any

from gateway.conformance.run import Check, Location, Run
from gateway.core.instants import parse_interval

TEMPORAL = frozenset({"Date", "DateTime", "Instant"})


def bound_check(bound: tuple[str, Any], *, lower: bool) -> Check | None:
    """The check of a bound; None for a bound that cannot be compared with values (a relative duration)."""
    kind, limit = bound
    rule = "conformance.below-minimum" if lower else "conformance.above-maximum"

    def check(value: Any, at: Location, run: Run) -> None:
        if _compare(kind, value, limit, lower) is False:
            run.report(rule, at)

    return check


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
