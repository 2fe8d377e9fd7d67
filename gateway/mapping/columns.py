"""Columns of the lists of a payload: what stands at a path below each item, read once in a unit."""

from typing import Any, TypeAlias

Columns: TypeAlias = dict[tuple[int, tuple[str, ...]], tuple[list[Any], list[Any]]]
"""A list, by its identity and a path, with its column; the list is kept, so that no other one gets its identity."""


def column(columns: Columns, items: list[Any], names: tuple[str, ...]) -> list[Any]:
    """What stands at a path below each item; raises `LookupError` or `TypeError` where one has no such place."""
    found = columns.get((id(items), names))
    if found is None:
        found = columns[id(items), names] = items, _below(items, names)
    return found[1]


def _below(items: list[Any], names: tuple[str, ...]) -> list[Any]:
    if len(names) == 2:
        first, second = names
        return [item[first][second] for item in items]
    for name in names:
        items = [item[name] for item in items]
    return items
