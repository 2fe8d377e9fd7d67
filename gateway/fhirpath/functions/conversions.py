"""Functions that convert, and those that tell whether a conversion is possible.

See https://hl7.org/fhirpath/N1/#conversion.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from gateway.fhirpath.functions.registry import Function, function
from gateway.fhirpath.kinds import BOOLEAN, DATE, DATETIME, DECIMAL, INTEGER, LONG, QUANTITY, STRING, TIME
from gateway.fhirpath.values.items import looks_like_quantity, plain, to_quantity
from gateway.fhirpath.values.long import LEAST, MOST
from gateway.fhirpath.values.measures import in_unit
from gateway.fhirpath.values.quantity import CALENDAR_UNITS, Quantity
from gateway.fhirpath.values.temporal import Temporal, parse_datetime, parse_time

_TRUE: Final = frozenset(("true", "t", "yes", "y", "1", "1.0"))
_FALSE: Final = frozenset(("false", "f", "no", "n", "0", "0.0"))
_INTEGER = re.compile(r"[+-]?\d{1,1000}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?\d{1,1000}(?:\.\d{1,1000})?", re.ASCII)
_QUANTITY = re.compile(r"([+-]?\d+(?:\.\d+)?)(?:\s*'([^']+)'|\s+([a-z]+))?", re.ASCII)


@function("toBoolean", "5.5.2", focus="Item", returns=BOOLEAN, examples=("'true'.toBoolean()",))
def to_boolean(item: Any) -> bool | None:
    """The boolean that a text or number stands for."""
    value = plain(item)
    if value.__class__ is bool:
        return value
    if value.__class__ is str:
        word = value.lower()
        return True if word in _TRUE else False if word in _FALSE else None
    if value.__class__ is int or value.__class__ is Decimal:
        return True if value == 1 else False if value == 0 else None
    return None


@function("toInteger", "5.5.3", focus="Item", returns=INTEGER, examples=("'1'.toInteger() = 1",))
def to_integer(item: Any) -> int | None:
    """The integer that a text or boolean stands for."""
    value = plain(item)
    if value.__class__ is int:
        return value
    if value.__class__ is bool:
        return int(value)
    if value.__class__ is str and _INTEGER.fullmatch(value):
        return int(value)
    return None


@function("toLong", "STU: toLong", focus="Item", returns=LONG, examples=("'1'.toLong() = 1L",))
def to_long(item: Any) -> int | None:
    """The whole number of 64 bits that a text, integer or boolean stands for."""
    found: int | None = to_integer.call(item)
    return found if found is not None and LEAST <= found <= MOST else None


@function("toDecimal", "5.5.6", focus="Item", returns=DECIMAL, examples=("'1.50'.toDecimal() = 1.5",))
def to_decimal(item: Any) -> Decimal | None:
    """The decimal that a text, integer or boolean stands for; a text's digits are kept."""
    value = plain(item)
    if value.__class__ is Decimal:
        return value
    if value.__class__ is int or value.__class__ is bool:
        return Decimal(value)
    if value.__class__ is str and _DECIMAL.fullmatch(value):
        return Decimal(value)
    return None


@function("toString", "5.5.8", focus="Item", returns=STRING, examples=("1.50.toString() = '1.50'",))
def to_string(item: Any) -> str | None:
    """The text of a boolean, number, date, time or quantity."""
    value = plain(item)
    kind = value.__class__
    if isinstance(value, str):
        return value
    if kind is bool:
        return "true" if value else "false"
    if kind is int or kind is Temporal or kind is Quantity:
        return str(value)
    if kind is Decimal:
        return format(value, "f")
    if kind is dict and looks_like_quantity(value):
        quantity = to_quantity(value)
        return None if quantity is None else str(quantity)
    return None


@function("toDate", "5.5.4", focus="Item", returns=DATE, examples=("'2015-02'.toDate() = @2015-02",))
def to_date(item: Any) -> Temporal | None:
    """The date that a text says, or the date of a date and time."""
    value = plain(item)
    if value.__class__ is str:
        value = parse_datetime(value)
    if value.__class__ is not Temporal or value.sort == "Time":
        return None
    return value if value.sort == "Date" else Temporal("Date", value.parts[:3])


@function("toDateTime", "5.5.5", focus="Item", returns=DATETIME, examples=("'2015-02-04T14'.toDateTime().exists()",))
def to_datetime(item: Any) -> Temporal | None:
    """The date and time that a text says; a date is one without a time."""
    value = plain(item)
    if value.__class__ is str:
        return parse_datetime(value)
    if value.__class__ is not Temporal or value.sort == "Time":
        return None
    return Temporal("DateTime", value.parts, value.digits, value.offset)


@function("toTime", "5.5.9", focus="Item", returns=TIME, examples=("'14:30'.toTime() = @T14:30",))
def to_time(item: Any) -> Temporal | None:
    """The time of day that a text says."""
    value = plain(item)
    if value.__class__ is str:
        return parse_time(value.removeprefix("T"))
    return value if value.__class__ is Temporal and value.sort == "Time" else None


@function(
    "toQuantity",
    "5.5.7",
    focus="Item",
    takes=("String",),
    optional=1,
    returns=QUANTITY,
    examples=("'1 day'.toQuantity() = 1 day",),
)
def quantity_of(item: Any, unit: str | None = None) -> Quantity | None:
    """The quantity that a number, boolean or text stands for, in `unit` where one is given."""
    value = plain(item)
    if value.__class__ is bool:
        value = int(value)
    found = _quantity_of_text(value) if value.__class__ is str else to_quantity(value)
    if found is None or unit is None:
        return found
    return in_unit(found, unit)


def _quantity_of_text(value: str) -> Quantity | None:
    found = _QUANTITY.fullmatch(value)
    if found is None:
        return None
    number, unit, word = found.groups()
    if word is not None:
        return Quantity(Decimal(number), word, calendar=True) if word in CALENDAR_UNITS else None
    return Quantity(Decimal(number), unit or "1")


def _converts(name: str, section: str, convert: Function) -> Function:
    call: Callable[..., Any] = convert.call

    def converts(*arguments: Any) -> bool:
        return call(*arguments) is not None

    converts.__doc__ = f"Whether {convert.name}() gives a result."
    example = convert.examples[0].split(".to")[0]
    return function(
        name,
        section,
        focus="Item",
        takes=convert.takes,
        optional=convert.optional,
        returns=BOOLEAN,
        examples=(f"{example}.{name}()",),
    )(converts)


CONVERTS: Final = tuple(
    _converts(convert.name.replace("to", "convertsTo", 1), convert.section, convert)
    for convert in (
        to_boolean,
        to_integer,
        to_long,
        to_decimal,
        to_string,
        to_date,
        to_datetime,
        to_time,
        quantity_of,
    )
)
"""One convertsTo function for each conversion."""
