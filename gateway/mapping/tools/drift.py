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

Path: TypeAlias = tuple[str, ...]

MAX_ITEMS: Final = 8
"""How many items of a list are looked at."""

MAX_VALUES: Final = 2_000
"""How many values of a payload are looked at."""

MAX_NAMED: Final = 10
"""How many fields are named where there are more."""

_NAME: Final = re.compile(r"[A-Za-z_](?:[0-9]{0,2}[A-Za-z_-]){0,20}[0-9]{0,2}\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Fields:
    """The paths that have a value, and those of the objects among them; the root is `()`."""

    present: frozenset[Path]
    objects: frozenset[Path]


def fields_of(tree: Any) -> Fields:
    """The fields of a payload; items of a list have the path of the list."""
    present: set[Path] = set()
    objects: set[Path] = set()
    waiting: list[tuple[Path, Any]] = [((), tree)]
    looked = 0
    while waiting and looked < MAX_VALUES:
        path, node = waiting.pop()
        if isinstance(node, dict):
            objects.add(path)
            looked += len(node)
            for name, child in node.items():
                if child is None:
                    continue
                below = (*path, name)
                present.add(below)
                if isinstance(child, dict | list):
                    waiting.append((below, child))
        elif isinstance(node, list):
            looked += 1
            waiting.extend((path, item) for item in node[:: -(-len(node) // MAX_ITEMS) or 1])
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
    return frozenset(path[:length] for path in paths_read(plan) for length in range(1, len(path) + 1))


def shown(paths: Iterable[Path]) -> str:
    """The fields by name, at most ten of them; a name that may be data is `*`."""
    texts = sorted({".".join(name if _NAME.match(name) else "*" for name in path) for path in paths})
    return ", ".join(texts[:MAX_NAMED]) + (", ..." if len(texts) > MAX_NAMED else "")
