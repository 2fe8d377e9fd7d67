"""Primary keys made by the gateway: 63 bits, rising with time, without a sequence in the database."""

import threading
from typing import Final

from gateway.core.clock import Clock
from gateway.core.instants import micros

_NODE_BITS: Final = 10
_SEQUENCE_BITS: Final = 12


class KeyMaker:
    """Makes keys of (milliseconds, node, sequence); `node` tells processes on one database apart.

    Keys of one maker always rise, also when its clock goes back; two makers that drew the same node may collide,
    which the primary key turns into a repeated transaction.
    """

    def __init__(self, clock: Clock, node: int) -> None:
        self._clock = clock
        self._node = (node % (1 << _NODE_BITS)) << _SEQUENCE_BITS
        self._last = 0
        self._lock = threading.Lock()

    def take(self, count: int) -> list[int]:
        """The next `count` keys, rising."""
        with self._lock:
            now = (micros(self._clock()) // 1000) << _SEQUENCE_BITS
            first = max(self._last + 1, now)
            self._last = first + count - 1
        mask = (1 << _SEQUENCE_BITS) - 1
        return [
            ((at >> _SEQUENCE_BITS) << (_NODE_BITS + _SEQUENCE_BITS)) | self._node | (at & mask)
            for at in range(first, first + count)
        ]
