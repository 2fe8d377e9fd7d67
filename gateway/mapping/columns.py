"""Columns of the lists of a payload: what stands at a path below each item, read once in a unit."""

from collections.abc import Collection
from typing import Any, Final

from msgspec import Struct, field

_TEXTS: Final = {str}


class Columns(Struct, eq=False):
    """What was read of lists, which are told by their identity: they are kept, so that no other one gets it."""

    _below: dict[tuple[int, tuple[str, ...]], tuple[list[Any], list[Any]]] = field(default_factory=dict)
    _alike: dict[tuple[int, tuple[str, ...]], bool] = field(default_factory=dict)
    _absent: dict[int, tuple[list[Any], Collection[str]]] = field(default_factory=dict)

    def below(self, items: list[Any], names: tuple[str, ...]) -> list[Any]:
        """What stands at a path below each item; raises `LookupError` or `TypeError` where one has no such place."""
        found = self._below.get((id(items), names))
        return self.keep(items, names, _below(items, names)) if found is None else found[1]

    def keep(self, items: list[Any], names: tuple[str, ...], found: list[Any]) -> list[Any]:
        """Keeps what `below` would give, and gives it."""
        self._below[id(items), names] = items, found
        return found

    def are_alike(self, items: list[Any], names: tuple[str, ...]) -> bool:
        """True where the same object stands at a path below each item, one that holds texts only; else as `below`."""
        asked = id(items), names
        alike = self._alike.get(asked)
        if alike is None:
            found = self.below(items, names)
            alike = bool(found) and is_of_texts(found[0]) and found.count(found[0]) == len(found)
            self._alike[asked] = alike
        return alike

    def keep_absent(self, items: list[Any], names: Collection[str]) -> None:
        """Keeps that the items are objects, and that none of them has one of the names."""
        self._absent[id(items)] = items, names

    def absent(self, items: Any) -> Collection[str]:
        """Names that no item has, as far as that is known; where there is one the items are objects."""
        found = self._absent.get(id(items))
        return () if found is None else found[1]


def is_of_texts(item: Any) -> bool:
    """True for an object that holds texts only, which is equal to no other one."""
    return item.__class__ is dict and set(map(type, item.values())) <= _TEXTS


def _below(items: list[Any], names: tuple[str, ...]) -> list[Any]:
    if len(names) == 2:
        first, second = names
        return [item[first][second] for item in items]
    for name in names:
        items = [item[name] for item in items]
    return items
