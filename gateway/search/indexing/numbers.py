"""Numbers and quantities: decimal, integer, Quantity and its kinds, Money, Range.

See https://hl7.org/fhir/R4/search.html#number and #quantity. A SampledData has no value that could be searched for.
"""

from collections.abc import Sequence
from decimal import Decimal
from math import inf
from typing import Any, Final, TypeAlias

from gateway.search.canonical_units import UCUM, base_unit, converted
from gateway.search.entries import IndexEntry, NumberEntry, QuantityEntry
from gateway.search.parameters import Indexed

CURRENCIES: Final = "urn:iso:std:iso:4217"

Bounds: TypeAlias = tuple[Decimal | None, Decimal | None]
"""Both ends of what a value says; None where it is open."""


def add_numbers(entries: list[IndexEntry], parameter: Indexed, values: Sequence[Any]) -> None:
    """Adds each number, and each Range as what it spans."""
    for value in values:
        bounds = _range(value)[1] if isinstance(value, dict) else (_number(value), _number(value))
        if bounds != (None, None):
            entries.append(NumberEntry(parameter.code, *_ends(bounds)))


def add_quantities(entries: list[IndexEntry], parameter: Indexed, values: Sequence[Any]) -> None:
    """Adds each Quantity, Money and Range; a comparator opens the one end."""
    for value in values:
        if isinstance(value, dict):
            unit, bounds = _range(value) if "low" in value or "high" in value else (value, _bounds(value))
            if bounds != (None, None):
                entries.append(_entry(parameter.code, unit, bounds))


def _entry(code: str, quantity: dict[str, Any], bounds: Bounds) -> QuantityEntry:
    currency = _text(quantity, "currency")
    system, name = (CURRENCIES, currency) if currency else (_text(quantity, "system"), _text(quantity, "code"))
    low, high = _ends(bounds)
    base = base_unit(name) if system == UCUM and name else None
    canonical = base[0] if base else ""
    first = -inf if bounds[0] is None else converted(base[1], bounds[0]) if base else 0.0
    last = inf if bounds[1] is None else converted(base[1], bounds[1]) if base else 0.0
    if not base or first is None or last is None:
        canonical, first, last = "", 0.0, 0.0
    return QuantityEntry(code, low, high, system, name, _text(quantity, "unit"), canonical, first, last)


def _range(value: dict[str, Any]) -> tuple[dict[str, Any], Bounds]:
    low, high = value.get("low"), value.get("high")
    first = low if isinstance(low, dict) else {}
    last = high if isinstance(high, dict) else {}
    return first or last, (_number(first.get("value")), _number(last.get("value")))


def _bounds(quantity: dict[str, Any]) -> Bounds:
    number = _number(quantity.get("value"))
    comparator = quantity.get("comparator")
    if comparator in ("<", "<="):
        return None, number
    return (number, None) if comparator in (">", ">=") else (number, number)


def _ends(bounds: Bounds) -> tuple[float, float]:
    low, high = bounds
    return -inf if low is None else float(low), inf if high is None else float(high)


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    return Decimal(value)


def _text(quantity: dict[str, Any], name: str) -> str:
    value = quantity.get(name)
    return value if isinstance(value, str) else ""
