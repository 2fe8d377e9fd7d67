"""Waiting on the event loop for audit events that another thread makes durable.

Requests that come together go to the disk together: their events wait until a turn of the loop is over, or for a
millisecond when the turn before had several, and are then written at once (`flush`). One wake of the loop tells all
of them that they are durable. A lone reader waits for nobody. A
request that is given up does not take its event back.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final

from gateway.audit import Ticket

GATHER_SECONDS: Final = 0.001
"""How long events wait for company once there was some: a flush costs as much as several reads."""


class Recording:
    """The waiting requests of one event loop; `flush` has the events written that wait."""

    def __init__(self, flush: Callable[[], None]) -> None:
        self._flush = flush
        self._flushing = False
        self._held = 0
        self._last = 0
        self._ready: deque[tuple[asyncio.Future[None], Ticket]] = deque()
        self._waking = False

    def wait(self, recorded: Ticket) -> "asyncio.Future[None]":
        """Done when the event is durable; fails with what kept it from that."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        if recorded.done():
            _settle(waiter, recorded)
            return waiter
        self._held += 1
        if not self._flushing:
            self._flushing = True
            if self._last > 1:
                loop.call_later(GATHER_SECONDS, self._flush_all)
            else:
                loop.call_soon(self._flush_all)
        recorded.when_done(partial(self._tell, loop, waiter, recorded))
        return waiter

    def _flush_all(self) -> None:
        self._flushing = False
        self._last, self._held = self._held, 0
        self._flush()

    def _tell(self, loop: asyncio.AbstractEventLoop, waiter: "asyncio.Future[None]", recorded: Ticket) -> None:
        self._ready.append((waiter, recorded))
        if not self._waking:
            self._waking = True
            loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._waking = False  # before the queue is emptied: whoever comes later wakes the loop again
        while self._ready:
            _settle(*self._ready.popleft())


def _settle(waiter: "asyncio.Future[None]", recorded: Ticket) -> None:
    """Tells a waiter what became of its event, unless its request was given up."""
    if waiter.done():
        return
    if recorded.error is None:
        waiter.set_result(None)
    else:
        waiter.set_exception(recorded.error)
