"""What a node of a template is, as far as its writer asks."""

from decimal import Decimal
from typing import TypeGuard

from gateway.mapping.elements import INTEGER_TYPES, NUMBER_TYPES
from gateway.mapping.plan import Constant, Map, Node, Series, Target, Value

_CLASSES = {"boolean": bool, **dict.fromkeys(INTEGER_TYPES, int), **dict.fromkeys(NUMBER_TYPES, Decimal)}


def class_of(target: Target) -> type:
    """The class of what the element takes."""
    return dict if not target.primitive else _CLASSES.get(target.type, str)


def is_simple(node: Node | Series | None) -> TypeGuard[Value]:
    """True for one value that may be missing."""
    return isinstance(node, Value) and not (node.target.many or node.target.required)


def is_alone(node: Node) -> bool:
    """True for an object that is there once or not at all."""
    return isinstance(node, Map) and node.foreach is None


def is_something(node: Map) -> bool:
    """True for an object that always has a field."""
    return node.when is None and not node.vital and any(isinstance(child, Constant) for _, child in node.fields)
