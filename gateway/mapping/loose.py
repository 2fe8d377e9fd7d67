"""Loose values: what an expression gives, as generated functions hold it.

None stands for nothing, a list for several items (or for one that is itself a list), anything else for one item. The
usual value of a mapping is a single one, so that fast functions build no lists.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from gateway.fhirpath import Env
from gateway.fhirpath.errors import Fault as FhirFault
from gateway.mapping.budget import MAX_ITEMS, TooLarge, spend
from gateway.mapping.explaining.walk import one_true, order_text
from gateway.mapping.scope import Fault
from gateway.mapping.values import REFUSED, fitted, key_text

_Evaluate: TypeAlias = Callable[[Any, Env | None], list[Any]]

STRANGE: Final[list[Any]] = []
"""What is behind a step that only the general function takes; it is a list, as everything unusual is."""


NO_FOCUS: Final[dict[str, Any]] = {}
"""The focus of expressions that read none; an object, since FHIRPath takes that without ado."""


_OBJECTS: Final = {dict}


class Odd(Exception):
    """The data are not what the short way is for; the general function of the expression takes over."""


ODDITIES: Final = (Odd, FhirFault, AttributeError, TypeError, ValueError, LookupError, ArithmeticError)
"""What the statements for usual data may raise for others."""


def loose(values: list[Any]) -> Any:
    """The values of an expression as a loose value."""
    if len(values) == 1 and values[0].__class__ is not list:
        return values[0]
    if None in values:
        return loose([value for value in values if value is not None])
    return values or None


def fact(variables: Mapping[str, Any], names: tuple[str, ...], evaluate: _Evaluate, env: Callable[[], Env]) -> Any:
    """The loose value of an expression of facts alone; `names` are those of a path, () for another expression."""
    if names:
        found: Any = variables
        try:
            for name in names:
                found = found[name]
        except (LookupError, TypeError):  # nothing, or a list
            found = None
        if found.__class__ is str or found.__class__ is dict:
            return found
    return loose(evaluate(NO_FOCUS, env()))


def listed(value: Any) -> list[Any]:
    """A loose value as the list of its items."""
    return [] if value is None else value if value.__class__ is list else [value]


def fit_one(value: Any, type_name: str, primitive: bool) -> Any:
    """The value as the element takes it; None for an empty text."""
    if value.__class__ is list:
        raise Fault("mapping.multiple-values")
    made = fitted(value, type_name, primitive)
    if made is REFUSED:
        raise Fault("mapping.wrong-value")
    return made


def fit_all(value: Any, type_name: str, primitive: bool) -> list[Any]:
    """All items of a value as the element takes them, in a list of their own; several count as work."""
    if value.__class__ is list:
        if len(value) > 1:
            spend(len(value))
        if not primitive and set(map(type, value)) == _OBJECTS and all(value):
            return list(value)
    made = [fitted(item, type_name, primitive) for item in listed(value) if item is not None]
    if any(item is REFUSED for item in made):
        raise Fault("mapping.wrong-value")
    return [item for item in made if item is not None]


def truth_of(value: Any) -> bool:
    """The truth of a condition."""
    truth = one_true(listed(value))
    if truth is None:
        raise Fault("mapping.wrong-value")
    return truth


def key_part(value: Any) -> str:
    """The text of a part of a key."""
    text = None if value.__class__ is list else key_text(value)
    if text is None:
        raise Fault("mapping.key-empty")
    return text


def order_of(value: Any) -> str:
    """The instant of `version_order`."""
    text = None if value is None or value.__class__ is list else order_text(value)
    if text is None:
        raise Fault("mapping.wrong-value")
    return text


def items_of(value: Any) -> list[Any]:
    """What a foreach goes over; raises `TooLarge`."""
    items = listed(value)
    if len(items) > MAX_ITEMS:
        raise TooLarge(MAX_ITEMS, "items")
    return items
