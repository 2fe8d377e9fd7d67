"""lowBoundary, highBoundary, precision, comparable. See https://hl7.org/fhirpath/#boundary-functions."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, Final

from gateway.fhirpath.functions.registry import function
from gateway.fhirpath.kinds import BOOLEAN, INTEGER, Kind
from gateway.fhirpath.values import measures
from gateway.fhirpath.values.items import any_temporal_text, plain, to_quantity
from gateway.fhirpath.values.quantity import Quantity
from gateway.fhirpath.values.temporal import Temporal, days_in_month

_ONE: Final = Kind(None, many=False)
_PLACES: Final = 8
_MAX_PLACES: Final = 28
_DIGITS: Final = {"Date": (4, 6, 8), "DateTime": (4, 6, 8, 10, 12, 17), "Time": (2, 4, 9)}
_LOWEST_ZONE: Final = 14 * 60
_HIGHEST_ZONE: Final = -12 * 60
_NANO: Final = 1_000_000_000


def _boundary(item: Any, digits: int | None, *, low: bool) -> Any:
    value = plain(item)
    if value.__class__ is str:
        value = any_temporal_text(value)
    if value.__class__ is Temporal:
        return _temporal_boundary(value, digits, low=low)
    if value.__class__ is int or value.__class__ is Decimal:
        return _decimal_boundary(Decimal(value), digits, low=low)
    quantity = to_quantity(value) if value is not None else None
    if quantity is None:
        return None
    edge = _decimal_boundary(quantity.value, digits, low=low)
    return None if edge is None else Quantity(edge, quantity.unit, quantity.calendar)


def _decimal_boundary(value: Decimal, digits: int | None, *, low: bool) -> Decimal | None:
    places = _PLACES if digits is None else digits
    exponent = value.as_tuple().exponent
    if not 0 <= places <= _MAX_PLACES or not isinstance(exponent, int):
        return None
    if value and abs(value) < Decimal(1).scaleb(-places):
        # The official suite has no digit left of 0.0034 at one place, in either direction.
        return Decimal(0).scaleb(-places).copy_sign(value)
    half = Decimal(5).scaleb(exponent - 1)
    edge = value - half if low else value + half
    return edge.quantize(Decimal(1).scaleb(-places), ROUND_FLOOR if low else ROUND_CEILING)


def _temporal_boundary(value: Temporal, digits: int | None, *, low: bool) -> Temporal | None:
    known = _DIGITS[value.sort if value.sort != "Date" else "Date"]
    wanted = known[-1] if digits is None else digits
    choices = _DIGITS["DateTime"] if value.sort != "Time" else known
    if wanted not in choices:
        return None
    parts = _filled(value, low=low)
    count = choices.index(wanted) + 1
    sort = value.sort if count <= 3 or value.sort == "Time" else "DateTime"
    if sort == "Time":
        return Temporal("Time", parts[:count], 3 if count > 2 else 0)
    if count <= 3:
        return Temporal(sort, parts[:count])
    offset = value.offset if value.offset is not None else _LOWEST_ZONE if low else _HIGHEST_ZONE
    return Temporal(sort, parts[:count], 3 if count == 6 else 0, offset)


def _filled(value: Temporal, *, low: bool) -> tuple[int, ...]:
    """All parts, those that were not given at their lowest or highest."""
    parts = list(value.parts)
    last_second = 59 * _NANO + 999_000_000
    if len(parts) == len(_DIGITS[value.sort]) and value.sort != "Date" and not low and value.digits < 3:
        # Seconds and their fraction are one part: what the fraction leaves open is filled to milliseconds.
        parts[-1] += 10 ** (9 - value.digits) - 1_000_000
    if value.sort == "Time":
        return (*parts, *((0, 0) if low else (59, last_second))[len(parts) - 1 :])
    if low:
        return (*parts, *(1, 1, 0, 0, 0)[len(parts) - 1 :])
    if len(parts) == 1:
        parts.append(12)
    if len(parts) == 2:
        parts.append(days_in_month(parts[0], parts[1]))
    if len(parts) == 4:
        # An hour without minutes is no FHIR dateTime; the official suite reads it as the hour's first minute.
        parts.append(0)
    return (*parts, *(23, 59, last_second)[len(parts) - 3 :])


@function(
    "lowBoundary",
    "STU: lowBoundary",
    focus="Item",
    takes=("Integer",),
    optional=1,
    returns=_ONE,
    typed="primitive",
    examples=("1.587.lowBoundary(2) = 1.58", "@2014.lowBoundary(6) = @2014-01"),
)
def low_boundary(item: Any, digits: int | None = None) -> Any:
    """The least value that the number, quantity, date or time may stand for, to a number of digits."""
    return _boundary(item, digits, low=True)


@function(
    "highBoundary",
    "STU: highBoundary",
    focus="Item",
    takes=("Integer",),
    optional=1,
    returns=_ONE,
    typed="primitive",
    examples=("1.587.highBoundary(2) = 1.59", "@2014.highBoundary(6) = @2014-12"),
)
def high_boundary(item: Any, digits: int | None = None) -> Any:
    """The greatest value that the number, quantity, date or time may stand for, to a number of digits."""
    return _boundary(item, digits, low=False)


@function(
    "precision",
    "STU: precision",
    focus="Item",
    returns=INTEGER,
    typed="primitive",
    examples=("1.58700.precision() = 5",),
)
def precision(item: Any) -> int | None:
    """The digits after the point of a number, or the digits of a date or time."""
    value = plain(item)
    if value.__class__ is int:
        return 0
    if value.__class__ is Decimal:
        exponent = value.as_tuple().exponent
        return max(-exponent, 0) if isinstance(exponent, int) else None
    if value.__class__ is not Temporal:
        return None
    count = len(value.parts)
    known = _DIGITS["Time" if value.sort == "Time" else "DateTime"]
    if count < len(known):
        return known[count - 1]
    return known[-2] + 2 + value.digits


@function(
    "comparable",
    "STU: comparable",
    focus="Item",
    takes=("Item",),
    returns=BOOLEAN,
    examples=("1 'cm'.comparable(1 '[in_i]')",),
)
def comparable(item: Any, other: Any) -> bool | None:
    """Whether two quantities have units of the same dimension."""
    ours, theirs = to_quantity(item), to_quantity(other)
    return None if ours is None or theirs is None else measures.comparable(ours, theirs)
