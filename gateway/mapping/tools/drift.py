"""Which fields a payload has, which of them its schema does not describe, and which of those read are not there.

It looks at samples: of a long list some items, evenly spaced, and of a payload a bounded number of values. It knows
names only, and no value leaves it.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from gateway.formats import NO_ROWS, Alike, Decoded, Rows
from gateway.mapping.plan import Plan
from gateway.mapping.rows import item_of
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

MAX_REMEMBERED: Final = 20_000
"""How many names of objects are remembered, so that one with the same names is looked at quickly."""

MAX_UNIONS: Final = 64
"""Of how many sets of objects it is remembered which fields they have together."""

MAX_ROWS: Final = 2_000
"""Of how many kinds of rows it is remembered which objects they have."""

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


class _Object:
    """An object at a place, by its names and the types of their values: the places of those that are there, and of
    those with something below. It equals itself alone."""

    __slots__ = ("below", "fields", "place")

    def __init__(self, place: Place, node: dict[str, Any]) -> None:
        there = {name: place.at(name) for name, child in node.items() if child is not None}
        self.place = place
        self.fields = frozenset(there.values())
        self.below = [(name, there[name]) for name, child in node.items() if isinstance(child, dict | list)]


class Places:
    """The places of the fields of all payloads of a source: the same field has the same place in each of them.

    What objects of the same names have is remembered, so that payloads like earlier ones are looked at quickly.
    """

    def __init__(self) -> None:
        self.root = Place()
        self._objects: dict[tuple[Any, ...], _Object] = {}
        self._rows: dict[tuple[Any, ...], tuple[frozenset[_Object], int]] = {}
        self._unions: dict[frozenset[_Object], Fields] = {}
        self._fields: dict[Fields, Fields] = {}
        self._names = 0

    def fields(self, decoded: Decoded, alike: Alike | None) -> Fields:
        """The fields of a payload, the same object for the same fields; lists of rows are filled only where the
        payload has more values than are looked at. `alike` is that of its format."""
        found: set[_Object] = set()
        rows = decoded.rows if alike is not None else NO_ROWS
        if self._look(self.root, decoded.outline if rows else decoded.tree, found, rows, alike) >= MAX_VALUES:
            return self._same(fields_of(decoded.tree, self.root))
        seen = frozenset(found)
        known = self._unions.get(seen)
        if known is None:
            places = frozenset[Place]().union(*[one.fields for one in seen])
            known = self._same(Fields(places, frozenset(one.place for one in seen)))
            self._unions[seen] = known
        return known

    def _same(self, fields: Fields) -> Fields:
        if len(self._unions) >= MAX_UNIONS or len(self._fields) >= MAX_UNIONS:
            self._unions.clear()
            self._fields.clear()
        return self._fields.setdefault(fields, fields)

    def _look(self, place: Place, node: Any, found: set[_Object], rows: Rows, alike: Alike | None) -> int:
        """Adds the objects of a node; returns how many values it has, or at least as many as are looked at."""
        looked, objects, waiting = 0, self._objects, [(place, node)]
        while waiting and looked < MAX_VALUES:
            place, node = waiting.pop()
            if node.__class__ is dict:
                key = (place, *node, *map(type, node.values()))
                one = objects.get(key) or self._learnt(key, place, node)
                found.add(one)
                looked += len(node)
                for name, below in one.below:
                    waiting.append((below, node[name]))
            elif node.__class__ is list:
                looked += 1
                if alike is not None and id(node) in rows:
                    looked += self._look_at_rows(place, sampled(rows[id(node)]), found, alike)
                else:
                    waiting.extend([(place, item) for item in sampled(node)])
        return looked

    def _look_at_rows(self, place: Place, rows: Sequence[tuple[Any, ...]], found: set[_Object], alike: Alike) -> int:
        """Adds the objects of rows, which their kinds and what is None tell; returns how many values these have."""
        looked = 0
        for row in rows:
            key = (place, row[0], *map(type, row))
            known = self._rows.get(key)
            if known is None:
                own: set[_Object] = set()
                count = self._look(place, item_of(alike, row), own, NO_ROWS, None)
                if len(self._rows) >= MAX_ROWS:
                    self._rows.clear()
                known = self._rows[key] = frozenset(own), count
            found |= known[0]
            looked += known[1]
        return looked

    def _learnt(self, key: tuple[Any, ...], place: Place, node: dict[str, Any]) -> _Object:
        self._names += len(node) + 1
        if self._names > MAX_REMEMBERED:
            self._objects.clear()
            self._names = len(node) + 1
        learnt = self._objects[key] = _Object(place, node)
        return learnt


def sampled(items: Sequence[Any]) -> Sequence[Any]:
    """The items of a list that are looked at."""
    return items[:: -(-len(items) // MAX_ITEMS)] if len(items) > MAX_ITEMS else items


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
            for name, child in node.items():
                if child is not None:
                    inner = place.at(name)
                    present.add(inner)
                    if child.__class__ is dict or child.__class__ is list:
                        waiting.append((inner, child))
        elif node.__class__ is list:
            looked += 1
            waiting.extend([(place, item) for item in sampled(node)])
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
