"""Whether a payload schema's work multiplies with the depth of a payload: a part that contains itself, tried in
several ways on one value, is tried in all ways on each value below, and a payload of 20 levels would never end."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final

from gateway.mapping.language.schema_work import applied

_OTHER: Final = ""
"""Stands for a name that no `properties` has."""


def multiplies(schema: Any) -> bool:
    """True where a part that contains itself is tried twice or more on one and the same value within it.

    To be asked of schemas that `is_too_much` lets pass: it follows what they try on one value.
    """
    if not isinstance(schema, dict):
        return False
    parts = _parts(schema)
    down = {key: [id(child) for child in _below(part)] for key, part in parts.items()}
    level = {
        key: [id(other) for other in applied(schema, part) if isinstance(other, dict)] for key, part in parts.items()
    }
    within = _within_circles({key: [*down[key], *level[key]] for key in parts})
    return any(_most(_at_once(schema, parts[key]), within) > 1 for key in within)


def untaken(schema: Any) -> str:
    """What of a schema the gateway does not take, "" for nothing: references other than `#/...` within the document,
    whose work could not be told."""
    for part in _parts(schema).values() if isinstance(schema, dict) else ():
        for name in ("$dynamicRef", "$recursiveRef"):
            if name in part:
                return f"{name} is not taken: write $ref with #/$defs/NAME"
        reference = part.get("$ref")
        if isinstance(reference, str) and reference != "#" and not reference.startswith("#/"):
            return f"the reference {reference} is not taken: write #/$defs/NAME"
    return ""


def _parts(root: dict[str, Any]) -> dict[int, dict[str, Any]]:
    """The schemas that the document applies, by their identity."""
    found: dict[int, dict[str, Any]] = {}
    waiting: list[Any] = [root]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict) and id(part) not in found:
            found[id(part)] = part
            waiting += [*applied(root, part), *_below(part)]
    return found


def _below(part: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The schemas that are applied to the values within a value."""
    listed = part.get("prefixItems")
    given = [*(listed if isinstance(listed, list) else ())]
    for name in ("properties", "patternProperties"):
        named = part.get(name)
        given += named.values() if isinstance(named, dict) else ()
    given += [part.get(name) for name in (*_REST, "items", "unevaluatedItems", "contains")]
    return (child for child in given if isinstance(child, dict))


_REST: Final = ("additionalProperties", "unevaluatedProperties")


def _within_circles(edges: dict[int, list[int]]) -> set[int]:
    """The nodes that lead to a circle and are led to from one."""
    back: dict[int, list[int]] = {key: [] for key in edges}
    for key, following in edges.items():
        for other in following:
            back[other].append(key)
    left = set(edges)
    for ahead, behind in ((edges, back), (back, edges)):
        counts = {key: sum(other in left for other in ahead[key]) for key in left}
        waiting = [key for key, count in counts.items() if not count]
        while waiting:
            gone = waiting.pop()
            left.discard(gone)
            for key in behind[gone]:
                if key in left:
                    counts[key] -= 1
                    if not counts[key]:
                        waiting.append(key)
    return left


def _at_once(root: dict[str, Any], start: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The schemas that are tried on one value where this one is, as often as they are; a circle is gone once."""
    waiting: list[tuple[Any, frozenset[int]]] = [(start, frozenset())]
    while waiting:
        part, above = waiting.pop()
        if isinstance(part, dict) and id(part) not in above:
            yield part
            waiting += [(other, above | {id(part)}) for other in applied(root, part)]


def _most(parts: Iterable[dict[str, Any]], within: set[int]) -> int:
    """How often at most the schemas of one value go on, within circles, to one and the same value below it."""
    names: Counter[str] = Counter()
    items = everywhere = 0
    for part in parts:
        own = part.get("properties")
        own = own if isinstance(own, dict) else {}
        patterns = part.get("patternProperties")
        by_pattern = _any(patterns.values() if isinstance(patterns, dict) else (), within)
        rest = by_pattern or _any((part.get(name) for name in _REST), within)
        for name, child in own.items():
            names[name] += max(_any((child,), within), by_pattern) - rest
        everywhere += rest
        names[_OTHER] += 0
        listed = part.get("prefixItems")
        items += _any([*(listed if isinstance(listed, list) else ()), part.get("items")], within)
        items += _any((part.get("contains"),), within)
    return max(items, everywhere + max(names.values(), default=0))


def _any(children: Iterable[Any], within: set[int]) -> int:
    return int(any(id(child) in within for child in children))
