"""What becomes of an event that waits for the disk: a future with as little as that takes."""

import threading
from collections.abc import Callable
from typing import Final

from gateway.core.errors import Unavailable
from gateway.core.issues import issue

WAIT_SECONDS: Final = 30.0


class Ticket:
    """Settled once, by the trail's writer; asked from any thread. `error` is why the event is not durable, once it is
    settled; None where it is."""

    __slots__ = ("_calls", "_is_done", "error")

    def __init__(self) -> None:
        self._is_done = False
        self.error: BaseException | None = None
        self._calls: list[Callable[[], object]] = []

    def done(self) -> bool:
        """Whether the event is durable, or never will be."""
        return self._is_done

    def result(self, timeout: float = WAIT_SECONDS) -> None:
        """Returns once the event is durable; raises `Unavailable` when it is not after so many seconds, or what kept
        it from that."""
        if not self._is_done:
            settled = threading.Event()
            self.when_done(settled.set)
            if not settled.wait(timeout):
                raise Unavailable(issue("audit.unavailable"))
        if self.error is not None:
            raise self.error

    def when_done(self, call: Callable[[], object]) -> None:
        """Calls once it is done: at once when it is, else on the thread that settles it.

        What it raises is passed over.
        """
        self._calls.append(call)
        if self._is_done:
            self._call()

    def settle(self, error: BaseException | None = None) -> None:
        """The event is durable, or will not be for this reason."""
        self.error = error
        self._is_done = True
        self._call()

    def _call(self) -> None:
        """Whoever takes a call out makes it: a thread that settles and one that asks may both come here."""
        while self._calls:
            try:
                call = self._calls.pop()
            except IndexError:  # the other thread was faster
                return
            try:
                call()
            except Exception:  # noqa: S112 - as of an event loop that has ended: the other events must go on
                continue
