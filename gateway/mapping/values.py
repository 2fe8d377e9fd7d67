"""Values of expressions as FHIR JSON values of an element's type."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from gateway.mapping.elements import INTEGER_TYPES, NUMBER_TYPES

REFUSED = object()
"""Stands for a value that the element does not take."""

_LONG: Final = 10**18
"""Numbers from here on keep their text as key parts: an exponent may stand for a million digits."""


def fitted(value: Any, type_name: str, primitive: bool) -> Any:
    """The value as JSON of the type; None for an empty text or object, `REFUSED` for a value of another kind."""
    if not primitive:
        return (value or None) if type(value) is dict or isinstance(value, Mapping) else REFUSED
    if type_name == "boolean":
        return value if isinstance(value, bool) else REFUSED
    if type_name in NUMBER_TYPES:
        return value if type(value) is Decimal or type(value) is int else REFUSED
    if type_name in INTEGER_TYPES:
        return value if type(value) is int else REFUSED
    if isinstance(value, str):
        return value or None
    if isinstance(value, bool | int | Decimal | dict | list):
        return REFUSED
    return str(value)


def key_text(value: Any) -> str | None:
    """The text of a key part, which may be ""; None for what is no scalar. Equal integers have one: `5.0` is "5"."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, dict | list):
        return None
    if isinstance(value, Decimal) and value.is_finite() and abs(value) < _LONG and value == value.to_integral_value():
        return str(int(value))
    return str(value)


def plain(tree: Any) -> Any:
    """The tree with every mapping a dict and every sequence a list, as expressions navigate them."""
    kind = tree.__class__
    if kind is str:
        return tree
    if kind is dict or isinstance(tree, Mapping):
        made = {**tree}
        for key, value in made.items():
            if value.__class__ is not str:
                made[key] = plain(value)
        return made
    if isinstance(tree, list | tuple):
        return [plain(value) for value in tree]
    return tree
