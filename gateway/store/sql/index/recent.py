"""What was made of contents seen lately, within a number of bytes."""

from collections.abc import Hashable
from typing import Generic, TypeVar

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")


class Recent(Generic[_K, _V]):
    """Values by key, of which those stay that were asked for lately; about `limit` bytes of them.

    Two halves: the newer one takes what is kept and what is asked for, and when it is full the older one is dropped.
    Sizes are the callers' estimates. Between threads a value may be dropped early, and is never wrong.
    """

    __slots__ = ("_half", "_newer", "_older", "_size")

    def __init__(self, limit: int) -> None:
        self._half = limit // 2
        self._size = 0
        self._newer: dict[_K, tuple[_V, int]] = {}
        self._older: dict[_K, tuple[_V, int]] = {}

    def __len__(self) -> int:
        return len(self._newer) + len(self._older)

    def get(self, key: _K) -> _V | None:
        """The value of a key, None when it is not here any more."""
        found = self._newer.get(key)
        if found is not None:
            return found[0]
        before = self._older.pop(key, None)
        if before is None:
            return None
        self._put(key, before)
        return before[0]

    def keep(self, key: _K, value: _V, size: int) -> None:
        """Keeps a value that takes about `size` bytes; one that would fill a half by itself is not kept."""
        if size <= self._half:
            self._put(key, (value, size))

    def _put(self, key: _K, entry: tuple[_V, int]) -> None:
        if self._size + entry[1] > self._half:
            self._older, self._newer, self._size = self._newer, {}, 0
        self._newer[key] = entry
        self._size += entry[1]
