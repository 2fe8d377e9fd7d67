"""Requests that come together, answered together by one thread: they change threads once, and share a disk flush.

While one group is worked on, those that come wait for the next: so groups grow with the load. After a group of
several the next one waits a moment for those who were just answered, as what a group costs is shared by all in it;
one or two wait for nobody.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

from starlette.concurrency import run_in_threadpool

GROUP: Final = 32
"""How many requests are answered at once at most."""

FEW: Final = 2
"""Up to how many the last group may have had for the next one not to wait."""

GATHER_SECONDS: Final = 0.001
"""How long a group waits for those whom the last one answered to ask again."""

_A = TypeVar("_A")
_B = TypeVar("_B")


class Together(Generic[_A, _B]):
    """Answers requests on one event loop by `work`, which gives for each of some requests its answer or its error."""

    def __init__(self, work: Callable[[Sequence[_A]], Sequence[_B | BaseException]]) -> None:
        self._work = work
        self._waiting: deque[tuple[_A, asyncio.Future[_B]]] = deque()
        self._runs: asyncio.Task[None] | None = None
        self._last = 0

    async def answer(self, asked: _A) -> _B:
        """The answer to one request; raises its error. Who stops waiting takes nothing back."""
        answer: asyncio.Future[_B] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, answer))
        if self._runs is None or self._runs.done():
            self._runs = asyncio.create_task(self._run())
        return await answer

    async def _run(self) -> None:
        while self._waiting:
            if self._last > FEW:
                await asyncio.sleep(GATHER_SECONDS)
            self._last = min(GROUP, len(self._waiting))
            group = [self._waiting.popleft() for _ in range(self._last)]
            for (_, answer), made in zip(group, await self._answers([asked for asked, _ in group]), strict=True):
                if answer.done():
                    continue
                if isinstance(made, BaseException):
                    answer.set_exception(made)
                else:
                    answer.set_result(made)

    async def _answers(self, asked: list[_A]) -> Sequence[_B | BaseException]:
        try:
            return await run_in_threadpool(self._work, asked)
        except Exception as error:
            return [error] * len(asked)
