"""`+ - * / div mod &` and the signs.

Overflow and division by zero give no result (None). See https://hl7.org/fhirpath/N1/#math.
"""

from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal, DecimalException
from typing import Any, Final

from gateway.fhirpath.errors import Fault
from gateway.fhirpath.values import measures
from gateway.fhirpath.values.bounds import MAX_BITS
from gateway.fhirpath.values.calendar import shift
from gateway.fhirpath.values.items import any_temporal_text, is_number, plain, to_quantity
from gateway.fhirpath.values.quantity import Quantity
from gateway.fhirpath.values.temporal import Temporal


def _wrong(operation: str) -> Fault:
    return Fault("fhirpath.operand", operation=operation)


def _guard(action: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    try:
        found = action(left, right)
    except (DecimalException, OverflowError):
        return None
    return None if found.__class__ is int and found.bit_length() > MAX_BITS else found


def add(left: Any, right: Any) -> Any:
    """Numbers and quantities added, texts joined, a duration added to a date or time."""
    left, right = plain(left), plain(right)
    if left is None or right is None:
        return None
    if is_number(left) and is_number(right):
        return _guard(lambda a, b: a + b, left, right)
    if left.__class__ is str and right.__class__ is str:
        return left + right
    return _shifted(left, right, 1) if _is_moment(left, right) else _quantities(measures.add, left, right, "+")


def subtract(left: Any, right: Any) -> Any:
    """Numbers and quantities subtracted, a duration taken from a date or time."""
    left, right = plain(left), plain(right)
    if left is None or right is None:
        return None
    if is_number(left) and is_number(right):
        return _guard(lambda a, b: a - b, left, right)
    return _shifted(left, right, -1) if _is_moment(left, right) else _quantities(measures.subtract, left, right, "-")


def _is_moment(left: Any, right: Any) -> bool:
    return left.__class__ is Temporal or (left.__class__ is str and right.__class__ is Quantity)


def _shifted(left: Any, right: Any, sign: int) -> Temporal | None:
    moment = any_temporal_text(left) if left.__class__ is str else left
    duration = right if right.__class__ is Quantity else None
    if duration is None and right.__class__ is dict:
        duration = to_quantity(right)
    if moment is None or duration is None:
        raise _wrong("Date arithmetic")
    return shift(moment, duration, sign)


def _quantities(action: Callable[[Quantity, Quantity], Any], left: Any, right: Any, operator: str) -> Any:
    ours, theirs = to_quantity(left), to_quantity(right)
    if ours is None or theirs is None:
        raise _wrong(operator)
    return _guard(action, ours, theirs)


def multiply(left: Any, right: Any) -> Any:
    """Numbers and quantities multiplied."""
    left, right = plain(left), plain(right)
    if left is None or right is None:
        return None
    if is_number(left) and is_number(right):
        return _guard(lambda a, b: a * b, left, right)
    return _quantities(measures.multiply, left, right, "*")


def divide(left: Any, right: Any) -> Any:
    """The decimal quotient; None for division by zero."""
    left, right = plain(left), plain(right)
    if left is None or right is None:
        return None
    if is_number(left) and is_number(right):
        return None if right == 0 else _guard(lambda a, b: Decimal(a) / Decimal(b), left, right)
    return _quantities(measures.divide, left, right, "/")


def whole_divide(left: Any, right: Any) -> Any:
    """The quotient without its fraction, towards zero; None for division by zero."""
    left, right = _numbers(left, right, "div")
    if left is None or right is None or right == 0:
        return None
    return _guard(lambda a, b: int((Decimal(a) / Decimal(b)).to_integral_value(ROUND_DOWN)), left, right)


def modulo(left: Any, right: Any) -> Any:
    """The rest of `div`, with the sign of the left operand; None for division by zero."""
    left, right = _numbers(left, right, "mod")
    if left is None or right is None or right == 0:
        return None
    if left.__class__ is int and right.__class__ is int:
        rest = abs(left) % abs(right)
        return -rest if left < 0 else rest
    return _guard(lambda a, b: Decimal(a) % Decimal(b), left, right)


def _numbers(left: Any, right: Any, operator: str) -> tuple[Any, Any]:
    left, right = plain(left), plain(right)
    for value in (left, right):
        if value is not None and not is_number(value):
            raise _wrong(operator)
    return left, right


def negate(value: Any) -> Any:
    """The number or quantity with the other sign."""
    value = plain(value)
    if value is None:
        return None
    if is_number(value):
        return -value
    if value.__class__ is Quantity:
        return Quantity(-value.value, value.unit, value.calendar)
    raise _wrong("-")


def positive(value: Any) -> Any:
    """The number or quantity itself."""
    value = plain(value)
    if value is None or is_number(value) or value.__class__ is Quantity:
        return value
    raise _wrong("+")


def concatenate(left: Any, right: Any) -> str:
    """`&`: the texts joined, an empty side being an empty text."""
    left, right = plain(left), plain(right)
    if not (left is None or left.__class__ is str) or not (right is None or right.__class__ is str):
        raise _wrong("&")
    return (left or "") + (right or "")


OPERATORS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "div": whole_divide,
    "mod": modulo,
}
"""The function of each operator that gives nothing when a side is empty."""
