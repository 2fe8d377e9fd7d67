"""Waiting for durable events: each waiter is woken, failures are raised, and many wake together."""

import asyncio
import threading

import pytest

from gateway.audit import Ticket
from gateway.core.errors import Unavailable
from gateway.rest.loop.recording import Recording


def nothing() -> None:
    """There is no trail behind these events."""


def test_every_waiter_is_woken_whatever_thread_finishes_its_event() -> None:
    async def once() -> int:
        flushed: list[int] = []
        recording = Recording(lambda: flushed.append(1))
        events: list[Ticket] = [Ticket() for _ in range(500)]

        def finish() -> None:
            for event in events:
                event.settle()

        thread = threading.Thread(target=finish)
        waiting = [asyncio.ensure_future(recording.wait(event)) for event in events]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert flushed == [1], "one turn of the loop is one flush"
        thread.start()
        await asyncio.wait_for(asyncio.gather(*waiting), 10)
        thread.join()
        return len(waiting)

    assert asyncio.run(once()) == 500


def test_an_event_that_is_not_durable_is_an_error() -> None:
    async def once(late: bool) -> None:
        event = Ticket()
        if late:
            asyncio.get_running_loop().call_later(0.01, event.settle, Unavailable())
        else:
            event.settle(Unavailable())
        await Recording(nothing).wait(event)

    for late in (True, False):
        with pytest.raises(Unavailable):
            asyncio.run(once(late))


def test_a_request_given_up_leaves_its_event() -> None:
    async def once() -> Ticket:
        event = Ticket()
        waiting = asyncio.ensure_future(Recording(nothing).wait(event))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        return event

    event = asyncio.run(once())
    assert not event.done()
    event.settle()  # its loop has ended: nobody is told, and nothing raised
    event.result()
