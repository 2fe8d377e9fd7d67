"""Numbers and quantities: exact scaling, sums, ranges, UCUM units."""

import re
from collections.abc import Callable, Mapping
from decimal import Context, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from gateway.mapping.functions.arguments import argument, number_of
from gateway.mapping.plan import Table
from gateway.mapping.scope import report
from gateway.mapping.tables import targets_of
from gateway.terminology import ucum

UCUM = "http://unitsofmeasure.org"

_NUMBER = r"[+-]?\d+(?:\.\d+)?"
_BETWEEN = re.compile(rf"\s*({_NUMBER})\s*(?:-|\.\.|to)\s*({_NUMBER})\s*\Z")
_BELOW = re.compile(rf"\s*<=?\s*({_NUMBER})\s*\Z")
_ABOVE = re.compile(rf"\s*>=?\s*({_NUMBER})\s*\Z")
_LONGEST_RANGE = 200
_MAX_EXPONENT = 100
_NO_FOCUS: list[Any] = []


def scaled(focus: list[Any], exponent: list[Any]) -> list[Any]:
    """Each number times ten to the power of the exponent, exact."""
    power = argument(exponent, "scaled()")
    if power is None:
        return []
    if type(power) is not int or abs(power) > _MAX_EXPONENT:
        report("mapping.wrong-value", what="scaled()")
        return []
    numbers = (number_of(value, "scaled()") for value in focus)
    return [_plain(Decimal(number).scaleb(power)) for number in numbers if number is not None]


def _plain(number: Decimal) -> Decimal:
    """The number without a positive exponent, which would be written as 7E+1."""
    exponent = number.as_tuple().exponent
    return Decimal(int(number)) if isinstance(exponent, int) and exponent > 0 else number


def total(focus: list[Any]) -> list[Any]:
    """The sum of numbers, exact; nothing for nothing."""
    numbers = [number for value in focus if (number := number_of(value, "sum()")) is not None]
    return [sum(numbers[1:], numbers[0])] if numbers else []


def limits(focus: list[Any]) -> list[Any]:
    """`{low, high}` of reference ranges such as `4.0-5.5`, `<5`, `>=3.2`; nothing for other texts."""
    results: list[Any] = []
    for value in focus:
        text = value if isinstance(value, str) and len(value) <= _LONGEST_RANGE else ""
        if found := _BETWEEN.match(text):
            results.append({"low": Decimal(found[1]), "high": Decimal(found[2])})
        elif found := _BELOW.match(text):
            results.append({"high": Decimal(found[1])})
        elif found := _ABOVE.match(text):
            results.append({"low": Decimal(found[1])})
    return results


@lru_cache(maxsize=1024)
def unit_is_valid(unit: str) -> bool:
    """True for a UCUM unit."""
    return ucum.validate(unit)


def units_compare(unit: str, target: str) -> bool:
    """True where a number of a UCUM unit can be told in another."""
    try:
        ucum.convert(Decimal(1), unit, target)
    except ValueError:
        return False
    return True


def _converted(number: Decimal, unit: str, target: str) -> Decimal:
    """The number in the target unit, with the significant digits of the source and two more."""
    exact = ucum.convert(number, unit, target)
    digits = len(number.as_tuple().digits) + 2
    rounded = Context(prec=max(digits, 4)).plus(exact)
    return _plain(rounded.normalize()) if rounded != exact or len(exact.as_tuple().digits) > digits else exact


def _quantity(number: Decimal | int, unit: str, code: str, target: str | None) -> dict[str, Any] | None:
    if target is None or target == code:
        return {"value": number, "unit": unit, "system": UCUM, "code": code}
    try:
        value = _converted(Decimal(number), code, target)
    except (ValueError, ArithmeticError, InvalidOperation):
        return None
    return {"value": value, "unit": target, "system": UCUM, "code": target}


def quantity_function(tables: Mapping[str, Table], keep_original: bool) -> Callable[..., list[Any]]:
    """`quantity(unit [, map [, target]])` over the concept maps of one mapping.

    With `keep_original` a quantity of an unknown unit keeps value and unit text, without a code.
    """

    def quantity(
        focus: list[Any], unit: list[Any], name: list[Any] = _NO_FOCUS, target: list[Any] = _NO_FOCUS
    ) -> list[Any]:
        given, wanted = argument(unit, "quantity()"), argument(target, "quantity()")
        results = []
        for value in focus:
            number = number_of(value, "quantity()")
            if number is None:
                continue
            code = _ucum_code(given, argument(name, "quantity()"), tables)
            made = _quantity(number, given, code, wanted) if code is not None else None
            if made is None:
                report("mapping.unit-unmapped", unit=wanted or "UCUM")
                if keep_original:
                    made = {"value": number, "unit": given} if isinstance(given, str) and given else {"value": number}
            if made is not None:
                results.append(made)
        return results

    return quantity


def _ucum_code(unit: Any, name: str | None, tables: Mapping[str, Table]) -> str | None:
    if not isinstance(unit, str):
        return None
    if name:
        targets = targets_of(tables[name], unit)
        return targets[0].get("code") if len(targets) == 1 else None
    return unit if unit_is_valid(unit) else None


NUMBERS: dict[str, tuple[int, int, Callable[..., list[Any]]]] = {
    "scaled": (1, 1, scaled),
    "sum": (0, 0, total),
    "range": (0, 0, limits),
}
