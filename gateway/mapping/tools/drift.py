"""Which fields a payload has, which of them its schema does not describe, and which of those read are not there.

It looks at samples: of a long list some items, evenly spaced, and of a payload a bounded number of values. It knows
names only, and no value leaves it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from gateway.mapping.plan import Plan
from gateway.mapping.shape import Schemas, found_in
from gateway.mapping.tools.account import paths_read
from gateway.mapping.tools.entries import ANY

Path: TypeAlias = tuple[str, ...]

MAX_ITEMS: Final = 8
"""How many items of a list are looked at."""

MAX_VALUES: Final = 2_000
"""How many values of a payload are looked at."""

MAX_NAMED: Final = 10
"""How many fields are named where there are more."""

_NAME: Final = re.compile(r"[A-Za-z_](?:[0-9]{0,2}[A-Za-z_-]){0,20}[0-9]{0,2}\Z", re.ASCII)


class Place:
    """Where fields may be: a path, and the places below it by name. A place equals itself alone: it hashes fast."""

    __slots__ = ("below", "path")

    def __init__(self, path: Path = ()) -> None:
        self.path = path
        self.below: dict[str, Place] = {}

    def at(self, name: str) -> "Place":
        """The place of a field of the object that is here."""
        found = self.below.get(name)
        if found is None:
            found = self.below[name] = Place((*self.path, name))
        return found

    def down(self, path: Path) -> "Place":
        """The place that a path leads to from here."""
        place = self
        for name in path:
            place = place.at(name)
        return place


@dataclass(frozen=True, slots=True)
class Fields:
    """The places that have a value, and those of the objects among them; the root is `()`."""

    places: frozenset[Place]
    objects: frozenset[Place]

    @property
    def present(self) -> frozenset[Path]:
        """The paths that have a value."""
        return frozenset(place.path for place in self.places)


def fields_of(tree: Any, root: Place | None = None) -> Fields:
    """The fields of a payload; items of a list have the path of the list.

    With `root`, which remembers the places of earlier payloads, the same field has the same place in all of them.
    """
    present: set[Place] = set()
    objects: set[Place] = set()
    waiting: list[tuple[Place, Any]] = [(root or Place(), tree)]
    looked = 0
    while waiting and looked < MAX_VALUES:
        place, node = waiting.pop()
        if node.__class__ is dict:
            objects.add(place)
            looked += len(node)
            below = place.below
            for name, child in node.items():
                if child is None:
                    continue
                inner = below.get(name) or place.at(name)
                present.add(inner)
                if child.__class__ is dict or child.__class__ is list:
                    waiting.append((inner, child))
        elif node.__class__ is list:
            looked += 1
            if len(node) > MAX_ITEMS:
                node = node[:: -(-len(node) // MAX_ITEMS)]
            waiting.extend([(place, item) for item in node])
    return Fields(frozenset(present), frozenset(objects))


def undescribed(schema: dict[str, Any], fields: Iterable[Path]) -> frozenset[Path]:
    """The topmost fields that the schema does not describe; where it describes no names, everything is described."""
    top = found_in((schema,), schema).schemas
    known: dict[Path, Schemas | None] = {(): top}
    found: set[Path] = set()
    for path in sorted(fields, key=len):
        above = known.get(path[:-1])
        if above is None:
            continue
        objects = [one for one in above if isinstance(one.get("properties"), dict)]
        if not objects or len(objects) < len(above) or any(_is_open(one) for one in objects):
            continue
        below = tuple(one["properties"][path[-1]] for one in objects if path[-1] in one["properties"])
        if not below:
            found.add(path)
            continue
        known[path] = found_in(tuple(one for one in below if isinstance(one, dict)), schema).schemas
    return frozenset(found)


def _is_open(schema: Any) -> bool:
    """True for an object whose names are data: a schema says what is behind any name."""
    return "patternProperties" in schema or isinstance(schema.get("additionalProperties"), dict)


def used(plan: Plan) -> frozenset[Path]:
    """Every path that the mapping reads, and those that lead there."""
    named = [path for path in paths_read(plan) if ANY not in path]
    return frozenset(path[:length] for path in named for length in range(1, len(path) + 1))


def shown(paths: Iterable[Path]) -> str:
    """The fields by name, at most ten of them; a name that may be data is `*`."""
    texts = sorted({".".join(name if _NAME.match(name) else "*" for name in path) for path in paths})
    return ", ".join(texts[:MAX_NAMED]) + (", ..." if len(texts) > MAX_NAMED else "")
