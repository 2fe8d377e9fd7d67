"""What an expression can see of the value that it is asked about."""

from collections.abc import Iterable
from typing import Any, Final, TypeAlias

Reach: TypeAlias = frozenset[str] | None
"""Names of elements, of which it sees all that is below; None for everything."""

_STAYING: Final = frozenset(
    ("all", "as", "contains", "count", "empty", "endsWith", "exists", "first", "hasValue", "is", "last", "lower",
     "matches", "not", "ofType", "single", "startsWith", "upper", "where")
)  # fmt: skip
"""Functions that see no more than what they are called on."""

_PARTS: Final = ("target", "index", "operand", "left", "right")


def reach_of(tree: Any) -> Reach:
    """The reach of a syntax tree: it goes nowhere but through the elements that it names."""
    names: set[str] = set()
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        kind = node.__class__.__name__
        if kind in ("Variable", "Special") or (kind == "Call" and not (node.target and node.name in _STAYING)):
            return None
        if kind == "Member":
            names.add(node.name)
        waiting += [part for name in _PARTS if (part := getattr(node, name, None)) is not None]
        waiting += [*getattr(node, "arguments", ()), *getattr(node, "operands", ())]
    return frozenset(names)


def united(reaches: Iterable[Reach]) -> Reach:
    """What several see together."""
    found: frozenset[str] = frozenset()
    for reach in reaches:
        if reach is None:
            return None
        found |= reach
    return found


def is_within(key: str, reach: Reach) -> bool:
    """Whether a key of an object is seen: a name is also that of its choice of types and of its twin."""
    return reach is None or key.lstrip("_").startswith(tuple(reach))
