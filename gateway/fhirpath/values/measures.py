"""Quantities with units: equality, order and arithmetic through UCUM.

See https://hl7.org/fhirpath/N1/#quantity-equality and https://hl7.org/fhirpath/N1/#math.
"""

from decimal import Decimal

from gateway.fhirpath.values.quantity import CALENDAR_UNITS, NEAR_UCUM_OF_CALENDAR, Quantity
from gateway.terminology import ucum


def _definite(left: Quantity, right: Quantity) -> tuple[Decimal, Decimal] | None:
    """Both values in one unit; None when the units do not compare."""
    if left.unit == right.unit and left.calendar == right.calendar:
        return left.value, right.value
    if left.calendar and right.calendar:
        in_months = _months(left), _months(right)
        if in_months[0] is not None and in_months[1] is not None:
            return in_months[0], in_months[1]
    ours, theirs = left.definite_unit, right.definite_unit
    if ours is None or theirs is None:
        return None
    return _in_one_unit(left.value, ours, right.value, theirs)


def _months(quantity: Quantity) -> Decimal | None:
    return {"year": 12 * quantity.value, "month": quantity.value}.get(CALENDAR_UNITS[quantity.unit])


def _in_one_unit(left: Decimal, unit: str, right: Decimal, other: str) -> tuple[Decimal, Decimal] | None:
    if unit == other:
        return left, right
    try:
        return left, ucum.convert(right, other, unit)
    except ucum.UcumError:
        return None


def quantities_equal(left: Quantity, right: Quantity) -> bool | None:
    """Whether two quantities are equal; None when a calendar year or month meets a definite unit."""
    values = _definite(left, right)
    if values is not None:
        return values[0] == values[1]
    return None if left.calendar or right.calendar else False


def quantities_equivalent(left: Quantity, right: Quantity) -> bool:
    """Whether two quantities are equal when both are in the larger unit and rounded to the lesser precision.

    A calendar year is equivalent to the UCUM `a`, a month to `mo`.
    """
    ours, theirs = _near(left), _near(right)
    if ours == theirs:
        return numbers_equivalent(left.value, right.value)
    try:
        if ucum.convert(Decimal(1), ours, theirs) >= 1:
            return numbers_equivalent(left.value, ucum.convert(right.value, theirs, ours))
        return numbers_equivalent(ucum.convert(left.value, ours, theirs), right.value)
    except ucum.UcumError:
        return False


def _near(quantity: Quantity) -> str:
    return NEAR_UCUM_OF_CALENDAR[CALENDAR_UNITS[quantity.unit]] if quantity.calendar else quantity.unit


def order_quantities(left: Quantity, right: Quantity) -> int | None:
    """-1, 0 or 1; None when the units do not compare."""
    values = _definite(left, right)
    return None if values is None else (values[0] > values[1]) - (values[0] < values[1])


def numbers_equivalent(left: Decimal | int, right: Decimal | int) -> bool:
    """Whether two numbers are equal when both are rounded to the places of the less precise one."""
    ours, theirs = Decimal(left), Decimal(right)
    if ours == theirs:
        return True
    places = max(_exponent(ours), _exponent(theirs))
    if places < -28:
        return False
    step = Decimal(1).scaleb(places)
    return ours.quantize(step) == theirs.quantize(step) if max(ours.adjusted(), theirs.adjusted()) < 20 else False


def _exponent(value: Decimal) -> int:
    """Where the last digit that counts stands; trailing zeros after the point do not count."""
    exponent = value.normalize().as_tuple().exponent
    return min(exponent, 0) if isinstance(exponent, int) else 0


def in_unit(quantity: Quantity, unit: str) -> Quantity | None:
    """The quantity in another unit; None when the units do not compare."""
    source = quantity.definite_unit
    if source is None:
        return None
    try:
        return Quantity(ucum.convert(quantity.value, source, unit), unit)
    except ucum.UcumError:
        return None


def comparable(left: Quantity, right: Quantity) -> bool:
    """Whether the units have the same dimensions."""
    try:
        return ucum.comparable(_near(left), _near(right))
    except ucum.UcumError:
        return False


def add(left: Quantity, right: Quantity) -> Quantity | None:
    """The sum, in the left unit; None when the units do not compare."""
    values = _definite(left, right)
    return None if values is None else Quantity(values[0] + values[1], left.unit, left.calendar)


def subtract(left: Quantity, right: Quantity) -> Quantity | None:
    """The difference, in the left unit; None when the units do not compare."""
    values = _definite(left, right)
    return None if values is None else Quantity(values[0] - values[1], left.unit, left.calendar)


def multiply(left: Quantity, right: Quantity) -> Quantity | None:
    """The product, in base units unless one side is a plain number."""
    if right.unit == "1":
        return Quantity(left.value * right.value, left.unit, left.calendar)
    if left.unit == "1":
        return Quantity(left.value * right.value, right.unit, right.calendar)
    return _combined(left, right, ".")


def divide(left: Quantity, right: Quantity) -> Quantity | None:
    """The quotient, in base units unless the divisor is a plain number; None for division by zero."""
    if right.value == 0:
        return None
    if right.unit == "1":
        return Quantity(left.value / right.value, left.unit, left.calendar)
    return _combined(left, right, "/")


def _combined(left: Quantity, right: Quantity, operator: str) -> Quantity | None:
    ours, theirs = left.definite_unit, right.definite_unit
    if ours is None or theirs is None:
        return None
    try:
        (value, unit), (other, by) = ucum.canonical(left.value, ours), ucum.canonical(right.value, theirs)
        result = value * other if operator == "." else value / other
        return Quantity(result, ucum.base_code(f"({unit}){operator}({by})"))
    except ucum.UcumError:
        return None
