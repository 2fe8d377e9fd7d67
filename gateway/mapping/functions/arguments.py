"""How functions read their focus and arguments."""

from decimal import Decimal
from typing import Any

from gateway.mapping.scope import report


def argument(values: list[Any], what: str) -> Any:
    """The one value of an argument; None when it is empty. Several are reported."""
    if len(values) > 1:
        report("mapping.multiple-values")
        return None
    return values[0] if values else None


def text_of(value: Any, what: str) -> str | None:
    """The text of a text, a FHIRPath date or time, or an HL7 field (its first component); else None, reported."""
    if type(value) is str:
        return value
    if type(value) is dict and type(value.get("c1")) is str:
        first: str = value["c1"]
        return first
    if value is None or isinstance(value, dict | list | bool | int | Decimal | float):
        report("mapping.wrong-value", what=what)
        return None
    return str(value)


def number_of(value: Any, what: str) -> Decimal | int | None:
    """The number; anything else, a text with digits included, is reported."""
    if type(value) is Decimal or type(value) is int:
        return value
    report("mapping.wrong-value", what=what)
    return None
