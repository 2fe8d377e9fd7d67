"""The items of a collection, and what a FHIR element is as a value of the System types.

An item is a plain Python value of the tree, a value of an expression (Temporal, Quantity), or an `Element` where the
tree alone would not tell: its FHIR type, or a primitive that has extensions and no value.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from gateway.fhirpath.values.quantity import Quantity
from gateway.fhirpath.values.temporal import Temporal, parse_date, parse_datetime, parse_time

UCUM: Final = "http://unitsofmeasure.org"

QUANTITIES: Final = frozenset(("Quantity", "Age", "Distance", "Duration", "Count", "SimpleQuantity", "MoneyQuantity"))
_QUANTITY_KEYS: Final = frozenset(("value", "unit", "system", "code", "comparator", "id", "extension"))
_TEMPORAL_PARSERS: Final = {
    "date": parse_date,
    "dateTime": parse_datetime,
    "instant": parse_datetime,
    "time": parse_time,
}


@dataclass(frozen=True, slots=True, eq=False)
class Element:
    """An element with its FHIR type; `value` is None for a primitive that has no value.

    `extra` is the tree of the primitive's id and extensions (`_birthDate`), None without any.
    """

    value: Any
    type: str
    extra: Mapping[str, Any] | None = None


def plain(item: Any) -> Any:
    """The item as a System value where its type is known to be one; None for an element without a value."""
    if item.__class__ is not Element:
        return item
    value = item.value
    if value.__class__ is str:
        parser = _TEMPORAL_PARSERS.get(item.type)
        if parser is not None:
            return parser(value) or value
    elif value.__class__ is int and item.type == "decimal":
        return Decimal(value)
    elif value.__class__ is dict and item.type in QUANTITIES:
        return as_quantity(value) or value
    return value


def raw(item: Any) -> Any:
    """The value of the tree without its type."""
    return item.value if item.__class__ is Element else item


def temporal(value: Any, sort: str) -> Any:
    """The text of an element of FHIR type `sort` as a Temporal; the value itself when it is not one."""
    if value.__class__ is not str:
        return plain(value)
    parser = _TEMPORAL_PARSERS.get(sort)
    return (parser(value) if parser else None) or value


def any_temporal(text: str, like: Temporal) -> Temporal | None:
    """The text as a value that compares with `like`; None when it is no date or time."""
    return parse_time(text) if like.sort == "Time" else parse_datetime(text)


def as_quantity(tree: Any) -> Quantity | None:
    """The System.Quantity of a FHIR Quantity tree; None when it has no value or its value is inexact.

    The unit is the code of a UCUM quantity, otherwise the text of the unit.
    """
    value = tree.get("value")
    if value.__class__ is int:
        value = Decimal(value)
    if value.__class__ is not Decimal or tree.get("comparator") is not None:
        return None
    code = tree.get("code")
    if code.__class__ is str and tree.get("system") == UCUM:
        return Quantity(value, code)
    unit = tree.get("unit") or code
    return Quantity(value, unit if unit.__class__ is str else "1")


def looks_like_quantity(tree: Mapping[str, Any]) -> bool:
    """True for a tree with a number as value, a unit or code, and no other keys than a Quantity's."""
    return ("code" in tree or "unit" in tree) and "value" in tree and _QUANTITY_KEYS.issuperset(tree)


def to_quantity(item: Any) -> Quantity | None:
    """A Quantity from a Quantity, a number (unit `1`) or a FHIR Quantity; None for anything else."""
    value = plain(item)
    kind = value.__class__
    if kind is Quantity:
        return value  # type: ignore[no-any-return]
    if kind is int or kind is Decimal:
        return Quantity(Decimal(value))
    if kind is dict and looks_like_quantity(value):
        return as_quantity(value)
    return None


def is_number(value: Any) -> bool:
    """True for an integer or decimal, not for a boolean."""
    kind = value.__class__
    return kind is int or kind is Decimal


def any_temporal_text(text: str) -> Temporal | None:
    """The text as a date or date and time, as `@` before it would read; None when it is neither."""
    return parse_date(text) or parse_datetime(text)
