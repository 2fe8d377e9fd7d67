"""What one walk over a resource tells: where the texts stand that a transaction rewrites, whose it is and what it is.

Whoever writes a transaction looks for the former, and the door for the latter: thousands of resources are walked over
once instead of twice. An outline holds as long as nothing in the tree changes but the texts at its `places`; for any
other tree than its own it says so (`is_of`), and the door looks for itself.
"""

from collections.abc import Iterable
from operator import is_
from typing import Any, Final, NamedTuple, TypeAlias

from gateway.access.placing.contents import principal_of
from gateway.core.types import Resource

ADDRESSES: Final = frozenset({"uri", "url", "valueOid", "valueUri", "valueUrl", "valueUuid"})
"""Elements that are addresses, beside `reference`."""

Place: TypeAlias = tuple[dict[str, Any], str, str]
"""An object below the resource's own, the name of one of its members, and the text there."""

_REWRITTEN: Final = ADDRESSES | {"reference", "div"}

MOST_SHAPES: Final = 4_096
LONGEST_SHAPE: Final = 128
"""How many shapes are kept, and how many names and classes the longest has."""


class _Shape(NamedTuple):
    """What the names of an object and the classes of their values tell: the names of texts that are rewritten, of
    objects and of lists, and whether the object is coded."""

    texts: tuple[str, ...]
    objects: tuple[str, ...]
    lists: tuple[str, ...]
    is_coded: bool


_shapes: Final[dict[tuple[Any, ...], _Shape]] = {}
"""Objects of few shapes come again and again: of each it is found out once, at which members to look."""


class Outline:
    """`own` are the texts of a resource's own object that are references, addresses or narratives, by name; `places`
    those below."""

    __slots__ = ("_coded", "_elsewhere", "_holders", "_type", "own", "places")

    def __init__(self, resource: Resource) -> None:
        texts, objects, lists, _ = _shape_of(resource)
        self.own: list[tuple[str, str]] = [(name, resource[name]) for name in texts]
        self.places: list[Place] = []
        self._coded: list[dict[str, Any]] = []
        self._elsewhere: list[dict[str, Any]] = []
        self._type = resource.get("resourceType")
        self._holders = {name: resource[name] for name in objects + lists}
        beside = self._holders.copy()
        said, meta = beside.pop(principal_of(str(self._type)), None), beside.pop("meta", None)
        if said is not None:
            _walk([said], self.places, self._coded)
        if meta is not None:
            _walk([meta], self.places, [])
        _walk([*beside.values()], self.places, self._elsewhere)

    def is_of(self, resource: Resource) -> bool:
        """Whether this is the outline of a resource, or of one with the same parts in its own object."""
        holders, classes = self._holders, list(map(type, resource.values()))
        return (
            resource.get("resourceType") == self._type
            and classes.count(dict) + classes.count(list) == len(holders)
            and all(map(is_, map(resource.get, holders), holders.values()))
        )

    def references(self) -> list[Any]:
        """What is said to be a reference below the resource's own object, as it is now."""
        return [node["reference"] for node, name, _ in self.places if name == "reference"]

    def codes(self) -> tuple[set[str], set[str]]:
        """The codes, as `system|code`, of the element that says what the resource is, and those elsewhere but in
        `meta`."""
        return _codes(self._coded), _codes(self._elsewhere)


def _codes(nodes: Iterable[dict[str, Any]]) -> set[str]:
    return {f"{node.get('system', '')}|{node['code']}" for node in nodes}


def _walk(pending: list[Any], places: list[Place], coded: list[dict[str, Any]]) -> None:
    """Adds the places below some values, and the objects with a code."""
    for node in pending:  # what is appended while it runs is come to later
        if node.__class__ is not dict:
            if node.__class__ is list:
                pending += node
            continue
        texts, objects, lists, is_coded = _shapes.get((*node, *map(type, node.values()))) or _shape_of(node)
        if is_coded:
            coded.append(node)
        for name in texts:  # a comprehension costs twice as much for one or two
            places.append((node, name, node[name]))  # noqa: PERF401
        for name in objects:
            pending.append(node[name])
        for name in lists:
            pending += node[name]


def _shape_of(node: dict[str, Any]) -> _Shape:
    """The shape of an object; a Quantity has a value, and its code is a unit."""
    key = (*node, *map(type, node.values()))
    found = _shapes.get(key)
    if found is None:
        by_class: dict[type, list[str]] = {str: [], dict: [], list: []}
        for name, value in node.items():
            by_class.setdefault(value.__class__, []).append(name)
        texts = tuple(name for name in by_class[str] if name in _REWRITTEN)
        is_coded = "code" in by_class[str] and "value" not in node
        found = _Shape(texts, tuple(by_class[dict]), tuple(by_class[list]), is_coded)
        if len(_shapes) < MOST_SHAPES and len(key) <= LONGEST_SHAPE:
            _shapes[key] = found
    return found
