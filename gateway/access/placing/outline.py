"""What one walk over a resource tells: where the texts stand that a transaction rewrites, whose it is and what it is.

Whoever writes a transaction looks for the former, and the door for the latter: thousands of resources are walked over
once instead of twice. An outline holds as long as nothing in the tree changes but the texts at its `places`; for any
other tree than its own it says so (`is_of`), and the door looks for itself.
"""

from typing import Any, Final, TypeAlias

from gateway.access.placing.contents import principal_of
from gateway.core.types import Resource

ADDRESSES: Final = frozenset({"uri", "url", "valueOid", "valueUri", "valueUrl", "valueUuid"})
"""Elements that are addresses, beside `reference`."""

Place: TypeAlias = tuple[dict[str, Any], str, str]
"""An object below the resource's own, the name of one of its members, and the text there."""

_REWRITTEN: Final = ADDRESSES | {"reference", "div"}


class Outline:
    """`own` are the texts of a resource's own object that are references, addresses or narratives, by name; `places`
    those below."""

    __slots__ = ("_coded", "_elsewhere", "_holders", "_type", "own", "places")

    def __init__(self, resource: Resource) -> None:
        self.own: list[tuple[str, str]] = []
        self.places: list[Place] = []
        self._coded: list[dict[str, Any]] = []
        self._elsewhere: list[dict[str, Any]] = []
        self._type = resource.get("resourceType")
        self._holders: dict[str, Any] = {}
        principal, beside = principal_of(str(self._type)), []
        for name, value in resource.items():
            if value.__class__ is str:
                if name in _REWRITTEN:
                    self.own.append((name, value))
            elif value.__class__ is dict or value.__class__ is list:
                self._holders[name] = value
                if name == principal:
                    _walk([value], self.places, self._coded)
                elif name == "meta":
                    _walk([value], self.places, [])
                else:
                    beside.append(value)
        _walk(beside, self.places, self._elsewhere)

    def is_of(self, resource: Resource) -> bool:
        """Whether this is the outline of a resource, or of one with the same parts in its own object."""
        holders = self._holders
        if resource.get("resourceType") != self._type:
            return False
        found = [
            value is holders.get(name)
            for name, value in resource.items()
            if value.__class__ is dict or value.__class__ is list
        ]
        return len(found) == len(holders) and all(found)

    def references(self) -> list[Any]:
        """What is said to be a reference below the resource's own object, as it is now."""
        return [node["reference"] for node, name, _ in self.places if name == "reference"]

    def codes(self) -> tuple[set[str], set[str]]:
        """The codes, as `system|code`, of the element that says what the resource is, and those elsewhere but in
        `meta`."""
        return _codes(self._coded), _codes(self._elsewhere)


def _codes(nodes: list[dict[str, Any]]) -> set[str]:
    return {f"{node.get('system', '')}|{node['code']}" for node in nodes}


def _walk(pending: list[Any], places: list[Place], coded: list[dict[str, Any]]) -> None:
    """Adds the places below some values, and the objects with a code: a Quantity has a value, and its code is a
    unit."""
    for node in pending:  # what is appended while it runs is come to later
        if node.__class__ is dict:
            if "code" in node and node["code"].__class__ is str and "value" not in node:
                coded.append(node)
            for name, value in node.items():
                if value.__class__ is str:
                    if name in _REWRITTEN:
                        places.append((node, name, value))
                elif value.__class__ is dict or value.__class__ is list:
                    pending.append(value)
        else:
            for value in node:  # a comprehension costs twice as much
                if value.__class__ is dict or value.__class__ is list:
                    pending.append(value)  # noqa: PERF401
