"""Primary keys made by the gateway: 63 bits, rising with time, without a sequence in the database."""

import threading
from typing import Final

_NODE_BITS: Final = 10
_SEQUENCE_BITS: Final = 12


class KeyMaker:
    """Makes keys of (milliseconds, node, sequence); `node` tells processes on one database apart.

    Keys of one maker always rise, also when the clock goes back; two makers that drew the same node may collide,
    which the primary key turns into a repeated transaction.
    """

    def __init__(self, node: int) -> None:
        self._node = (node % (1 << _NODE_BITS)) << _SEQUENCE_BITS
        self._last = 0
        self._lock = threading.Lock()

    def take(self, count: int, now: int) -> list[int]:
        """The next `count` keys, rising, at an instant in microseconds."""
        with self._lock:
            first = max(self._last + 1, (now // 1000) << _SEQUENCE_BITS)
            self._last = first + count - 1
        mask = (1 << _SEQUENCE_BITS) - 1
        return [
            ((at >> _SEQUENCE_BITS) << (_NODE_BITS + _SEQUENCE_BITS)) | self._node | (at & mask)
            for at in range(first, first + count)
        ]
