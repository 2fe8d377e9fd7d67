"""The values of a stored body, cut out of its text, and the places that they leave in its tree."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any, Final, TypeAlias

from gateway.core.codec import dumps, loads_stored
from gateway.export.deidentify.plan import Child
from gateway.export.deidentify.reach import Reach, is_within

_VALUE: Final = re.compile(rb'(?<=[:,\[])("[^"\\]*+"(?!:)|-?[0-9][0-9.eE+\-]*+)')
_MARK: Final = re.compile(rb'"\\u0000([0-9]+)"')

Pieces: TypeAlias = tuple[list[bytes], list[bytes]]
"""What is around the values of a body, and the values."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """The place of a text or number; `by` is what changes the values there, None for nothing."""

    number: int
    by: Child | None = None


def cut(body: bytes) -> Pieces:
    """The pieces of a body; no more than a guess until `Leaves.of` has seen its tree."""
    parts = _VALUE.split(body)
    return parts[::2], parts[1::2]


class Leaves:
    """The tree of a body with a `Leaf` at the place of every value but types of resources.

    `told` are the places whose values were put back since a condition asked for them: what becomes of the tree holds
    for bodies that have the same values there.
    """

    def __init__(self, tree: Any, values: list[bytes]) -> None:
        self.told: set[int] = set()
        self._values = values
        self._numbers = count()
        self.tree = _each(tree, self._place)

    @classmethod
    def of(cls, body: bytes, pieces: Pieces) -> "Leaves | None":
        """None when the body was not cut at its values, or is not as the codec writes it."""
        around, values = pieces
        tree = loads_stored(body)
        if b"\\" in body or dumps(tree) != body:
            return None
        outline = dumps(_each(tree, lambda _key, _value: "\x00"))
        return cls(tree, values) if outline.split(b'"\\u0000"') == around else None

    def _place(self, key: str, value: Any) -> Any:
        number = next(self._numbers)
        if key != "resourceType":
            return Leaf(number)
        self.told.add(number)
        return value

    def reveal(self, tree: dict[str, Any], reach: Reach) -> None:
        """Puts back what an expression sees when it is asked about a part of the tree."""
        for key, value in tree.items():
            if is_within(key, reach):
                tree[key] = _each(value, self._put_back)

    def _put_back(self, _key: str, value: Any) -> Any:
        if value.__class__ is not Leaf:
            return value
        self.told.add(value.number)
        return loads_stored(self._values[value.number])


def leaves_of(tree: Any) -> Iterator[Leaf]:
    """The leaves of a tree, in the order of its text."""
    if tree.__class__ is Leaf:
        yield tree
    elif isinstance(tree, dict | list):
        for part in tree.values() if isinstance(tree, dict) else tree:
            yield from leaves_of(part)


def around_leaves(tree: Any) -> tuple[list[bytes], list[Leaf]]:
    """The text of a tree around its leaves, and the leaves."""
    marked = dumps(_each(tree, lambda _key, value: f"\x00{value.number}" if value.__class__ is Leaf else value))
    return _MARK.split(marked)[::2], list(leaves_of(tree))


def _each(tree: Any, put: Callable[[str, Any], Any], key: str = "") -> Any:
    """The tree with something put in the place of each of its values, which `put` is given with its key."""
    if isinstance(tree, dict):
        return {name: _each(value, put, name) for name, value in tree.items()}
    if isinstance(tree, list):
        return [_each(value, put, key) for value in tree]
    return tree if tree is None or isinstance(tree, bool) else put(key, tree)
