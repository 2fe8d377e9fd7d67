"""Reads of one resource, from async routes: on the event loop where a read takes microseconds, else in a thread.

The embedded database answers a point read faster than a change of threads; a database over a network may keep the
whole loop waiting, so its reads go to the thread pool.
"""

from starlette.concurrency import run_in_threadpool

from gateway.access import Door
from gateway.core.resources import Stored
from gateway.rest.loop.recording import Recording
from gateway.rest.parts import Parts


class PointReads:
    """The point reads of one route."""

    def __init__(self, parts: Parts) -> None:
        self._on_loop = parts.reads_on_loop
        self._recording = Recording(parts.access.flush)

    async def read(self, door: Door, type: str, id: str, version: int | None = None) -> Stored:
        """As `Door.read`: the version, once it is on record that it was read."""
        if self._on_loop:
            stored, recorded = door.begin_read(type, id, version)
        else:
            stored, recorded = await run_in_threadpool(door.begin_read, type, id, version)
        await self._recording.wait(recorded)
        return stored
