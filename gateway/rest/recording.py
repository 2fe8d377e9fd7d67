"""Waiting on the event loop for audit events that another thread makes durable.

`asyncio.wrap_future` wakes the loop once an event; many events become durable at once, so one wake is enough for all.
A request that is given up does not take its event back.
"""

import asyncio
from collections import deque
from concurrent.futures import Future


class Recording:
    """The waiting requests of one event loop."""

    def __init__(self) -> None:
        self._ready: deque[asyncio.Future[None]] = deque()
        self._waking = False

    async def wait(self, recorded: "Future[None]") -> None:
        """Returns when the event is durable; raises what kept it from that."""
        if not recorded.done():
            loop = asyncio.get_running_loop()
            waiter: asyncio.Future[None] = loop.create_future()

            def tell(_done: "Future[None]") -> None:
                self._ready.append(waiter)
                if not self._waking:
                    self._waking = True
                    loop.call_soon_threadsafe(self._wake)

            recorded.add_done_callback(tell)
            await waiter
        recorded.result()

    def _wake(self) -> None:
        self._waking = False  # before the queue is emptied: whoever comes later wakes the loop again
        while self._ready:
            waiter = self._ready.popleft()
            if not waiter.done():
                waiter.set_result(None)
