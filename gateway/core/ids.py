"""Deterministic identity: the same measurement gets the same id whenever and however often it arrives."""

import hashlib
import os
from collections import deque
from collections.abc import Iterable
from typing import Final

_AT_ONCE: Final = 256
"""How many random ids are asked of the system at once."""


def resource_id(study: str, mapping: str, emit: str, key: Iterable[object]) -> str:
    """The 32-digit hex id of the resource that `emit` of `mapping` makes for `key` in `study`.

    The mapping's version is not in it: a corrected mapping rewrites the same resource as a new version.
    Every part goes in with its length, so that no key, however hostile, spells another one.
    """
    parts = (study, mapping, emit, *map(str, key))
    text = "".join([f"{len(part)}:{part}" for part in parts])
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def sha256(data: bytes) -> str:
    """The lower-case hex SHA-256 of `data`."""
    return hashlib.sha256(data).hexdigest()


class RandomIds:
    """Random ids of `size` bytes in hex, which nobody had before; safe between threads.

    The system is asked for many at once: each question lets go of the interpreter, which a busy thread waits for. A
    process that was forked draws its own.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._waiting: deque[str] = deque()
        os.register_at_fork(after_in_child=self._waiting.clear)

    def take(self) -> str:
        """The next one."""
        try:
            return self._waiting.popleft()
        except IndexError:
            digits, text = 2 * self._size, os.urandom(self._size * _AT_ONCE).hex()
            first, *others = [text[start : start + digits] for start in range(0, len(text), digits)]
            self._waiting.extend(others)
            return first
