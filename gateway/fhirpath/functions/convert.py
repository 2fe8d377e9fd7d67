"""An item as the Python value that a function takes; None for an element without a value."""

from decimal import Decimal
from typing import Any

from gateway.fhirpath.errors import Fault
from gateway.fhirpath.values.items import Element, plain, raw
from gateway.fhirpath.values.temporal import Temporal


def text(item: Any) -> str | None:
    """The text of a string, or of a date as it is written; raises `Fault` for other items."""
    value = raw(item)
    if value is None or value.__class__ is str:
        return value
    if value.__class__ is Temporal and item.__class__ is Element:
        return str(value)
    raise Fault("fhirpath.operand", operation="A text function")


def integer(item: Any) -> int | None:
    """The integer; raises `Fault` for other items."""
    value = plain(item)
    if value is None or value.__class__ is int:
        return value
    if value.__class__ is Decimal and value == value.to_integral_value():
        return int(value)
    raise Fault("fhirpath.operand", operation="A function of whole numbers")


def number(item: Any) -> int | Decimal | None:
    """The integer or decimal; raises `Fault` for other items."""
    value = plain(item)
    if value is None or value.__class__ is int or value.__class__ is Decimal:
        return value
    raise Fault("fhirpath.operand", operation="A function of numbers")


def truth(item: Any) -> bool | None:
    """A boolean as it is; any other single item is true."""
    value = plain(item)
    if value is None or value.__class__ is bool:
        return value
    return True
