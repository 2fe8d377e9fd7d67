"""Functions of numbers. See https://hl7.org/fhirpath/N1/#math-1."""

from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_UP, Decimal, DecimalException
from typing import Any, Final

from gateway.fhirpath.errors import Fault
from gateway.fhirpath.functions.registry import function
from gateway.fhirpath.kinds import DECIMAL, INTEGER, Kind
from gateway.fhirpath.values.items import is_number, plain
from gateway.fhirpath.values.quantity import Quantity

MAX_PLACES: Final = 28
"""How many decimal places round() keeps at most."""

_MAX_RESULT_DIGITS: Final = 1000


@function("abs", "5.7.1", focus="Item", returns=Kind(None, many=False), examples=("(-5.5).abs() = 5.5",))
def absolute(value: Any) -> Any:
    """The number or quantity without its sign."""
    found = plain(value)
    if found.__class__ is Quantity:
        return Quantity(abs(found.value), found.unit, found.calendar)
    if found is not None and not is_number(found):
        raise Fault("fhirpath.operand", operation="abs()")
    return None if found is None else abs(found)


def _whole(value: Decimal | int, rounding: str) -> int | None:
    try:
        return int(Decimal(value).to_integral_value(rounding))
    except (DecimalException, OverflowError):
        return None


@function("ceiling", "5.7.2", focus="Number", returns=INTEGER, examples=("1.1.ceiling() = 2",))
def ceiling(value: Decimal | int) -> int | None:
    """The smallest integer that is not less."""
    return _whole(value, ROUND_CEILING)


@function("floor", "5.7.4", focus="Number", returns=INTEGER, examples=("(-2.1).floor() = -3",))
def floor(value: Decimal | int) -> int | None:
    """The largest integer that is not greater."""
    return _whole(value, ROUND_FLOOR)


@function("truncate", "5.7.10", focus="Number", returns=INTEGER, examples=("(-1.56).truncate() = -1",))
def truncate(value: Decimal | int) -> int | None:
    """The integer without the fraction."""
    return _whole(value, ROUND_DOWN)


@function(
    "round",
    "5.7.8",
    focus="Number",
    takes=("Integer",),
    optional=1,
    returns=DECIMAL,
    examples=("3.14159.round(3) = 3.142",),
)
def round_half_up(value: Decimal | int, places: int = 0) -> Decimal | None:
    """The number rounded to decimal places, halves away from zero."""
    if places < 0:
        raise Fault("fhirpath.operand", operation="round() to less than 0 places")
    try:
        return Decimal(value).quantize(Decimal(1).scaleb(-min(places, MAX_PLACES)), ROUND_HALF_UP)
    except DecimalException:
        return None


@function("exp", "5.7.3", focus="Number", returns=DECIMAL, examples=("0.exp() = 1",))
def exp(value: Decimal | int) -> Decimal | None:
    """e to the power of the number."""
    return _finite(Decimal(value), Decimal.exp)


@function("ln", "5.7.5", focus="Number", returns=DECIMAL, examples=("1.ln() = 0.0",))
def ln(value: Decimal | int) -> Decimal | None:
    """The natural logarithm; nothing for numbers that have none."""
    return _finite(Decimal(value), Decimal.ln) if value > 0 else None


@function("log", "5.7.6", focus="Number", takes=("Number",), returns=DECIMAL, examples=("16.log(2) = 4.0",))
def log(value: Decimal | int, base: Decimal | int) -> Decimal | None:
    """The logarithm to a base, to 15 digits after the point; nothing where there is none."""
    if value <= 0 or base <= 0 or base == 1:
        return None
    quotient = _finite(Decimal(value), lambda number: number.ln() / Decimal(base).ln())
    return None if quotient is None else quotient.quantize(Decimal("1e-15"), ROUND_HALF_UP).normalize()


@function("power", "5.7.7", focus="Number", takes=("Number",), returns=DECIMAL, examples=("2.power(3) = 8",))
def power(value: Decimal | int, exponent: Decimal | int) -> Decimal | int | None:
    """The number to a power; nothing where there is none."""
    if value.__class__ is int and exponent.__class__ is int and exponent >= 0:
        if value.bit_length() * exponent > _MAX_RESULT_DIGITS * 4:
            return None
        return value**exponent  # type: ignore[no-any-return]
    return _finite(Decimal(value), lambda number: number ** Decimal(exponent))


@function("sqrt", "5.7.9", focus="Number", returns=DECIMAL, examples=("81.sqrt() = 9.0",))
def sqrt(value: Decimal | int) -> Decimal | None:
    """The square root; nothing for negative numbers."""
    return _finite(Decimal(value), Decimal.sqrt) if value >= 0 else None


def _finite(value: Decimal, action: Any) -> Decimal | None:
    try:
        found: Decimal = action(value)
    except (DecimalException, ArithmeticError, ValueError):
        return None
    return found if found.is_finite() else None
