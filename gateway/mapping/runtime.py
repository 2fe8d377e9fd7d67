"""What generated functions call; each raises `Fault` where there is something to report."""

from typing import Any

from gateway.mapping.scope import Fault
from gateway.mapping.values import REFUSED, fitted, key_text
from gateway.mapping.walk import MAX_ITEMS, TooLarge, one_true, order_text


def fit_one(values: list[Any], type_name: str, primitive: bool) -> Any:
    """The one value as the element takes it; None for an empty text."""
    if len(values) > 1:
        raise Fault("mapping.multiple-values")
    made = fitted(values[0], type_name, primitive)
    if made is REFUSED:
        raise Fault("mapping.wrong-value")
    return made


def fit_all(values: list[Any], type_name: str, primitive: bool) -> list[Any]:
    """All values as the element takes them, in a list of their own."""
    made = [fitted(value, type_name, primitive) for value in values]
    if any(value is REFUSED for value in made):
        raise Fault("mapping.wrong-value")
    return [value for value in made if value is not None]


def truth_of(values: list[Any]) -> bool:
    """The truth of a condition."""
    truth = one_true(values)
    if truth is None:
        raise Fault("mapping.wrong-value")
    return truth


def key_part(values: list[Any]) -> str:
    """The text of a part of a key."""
    text = key_text(values[0]) if len(values) == 1 else None
    if text is None:
        raise Fault("mapping.key-empty")
    return text


def order_of(values: list[Any]) -> str:
    """The instant of `version_order`."""
    text = order_text(values[0]) if len(values) == 1 else None
    if text is None:
        raise Fault("mapping.wrong-value")
    return text


def items_of(values: list[Any]) -> list[Any]:
    """What a foreach goes over; raises `TooLarge`."""
    if len(values) > MAX_ITEMS:
        raise TooLarge(MAX_ITEMS, "items")
    return values
