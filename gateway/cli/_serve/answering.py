"""Whole answers in one write: uvicorn takes them in messages, and looks at each header of each by itself.

What an application sends through has a second way beside ASGI's messages, `whole`, for an answer that is there from
the first byte to the last; layers that change answers stand before it, or leave it out.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HEADER_RE, STATUS_LINE

JOINED: Final = 64 * 1024
"""Up to how many bytes a body is copied behind its head; a larger one is given to the system beside it."""

_CONTROLS: Final = bytes([*range(9), *range(10, 32), 127])
"""What no header may hold, and a line end is made of."""

_OWN: Final = frozenset((b"connection", b"transfer-encoding"))
"""Headers that are about the connection: uvicorn looks at what they say."""


class Answer:
    """What an application sends the answer to one request through."""

    __slots__ = ("_cycle", "_messages")

    def __init__(self, send: Any) -> None:
        self._cycle = send.__self__
        self._messages = send

    async def __call__(self, message: Any) -> None:
        """Sends one message, as ASGI has it."""
        await self._messages(message)

    def whole(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> bool:
        """Sends a whole answer, among whose headers is the length of its body.

        False, with nothing sent, for one that has to go by messages: as its connection ends with it or waits, or as
        uvicorn has to look at its headers.
        """
        cycle = self._cycle
        if cycle.response_started or cycle.disconnected or not cycle.keep_alive or cycle.access_log:
            return False
        told = [*cycle.default_headers, *headers]
        head = b"\r\n".join(map(b": ".join, told))
        length = _length_in(next(zip(*told, strict=True)))
        is_plain = len(head) - len(head.translate(None, _CONTROLS)) == 2 * len(told) - 2
        if cycle.flow.write_paused or not is_plain or length < 0 or told[length][1] != b"%d" % len(body):
            return False
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        self._write(b"%b%b\r\n\r\n" % (STATUS_LINE[status], head), b"" if cycle.scope["method"] == "HEAD" else body)
        cycle.message_event.set()
        cycle.on_response()
        return True

    def _write(self, head: bytes, body: bytes) -> None:
        if len(body) <= JOINED:
            self._cycle.transport.write(head + body)
        else:
            self._cycle.transport.writelines((head, body))


def with_whole_answers(app: Any) -> Any:
    """The ASGI application, that sends by `Answer` what uvicorn's `send` is a method of."""
    return lambda scope, receive, send: app(scope, receive, Answer(send))


@lru_cache(maxsize=256)
def _length_in(names: tuple[bytes, ...]) -> int:
    """Which of an answer's headers tells the length; -1 unless there is one, and uvicorn would write all as they are.

    What answers are called is the gateway's own: a few sets of names.
    """
    is_written = all(name == name.lower() and not HEADER_RE.search(name) for name in names)
    return names.index(b"content-length") if is_written and _OWN.isdisjoint(names) and _is_once(names) else -1


def _is_once(names: tuple[bytes, ...]) -> bool:
    return names.count(b"content-length") == 1
