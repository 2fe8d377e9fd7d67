"""Whole answers in one write: uvicorn takes them in messages, and looks at each header of each by itself.

What an application sends through has a second way beside ASGI's messages, `whole`, for an answer that is there from
the first byte to the last; layers that change answers stand before it, or leave it out.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, TypeAlias

from uvicorn.protocols.http.httptools_impl import HEADER_RE, STATUS_LINE

JOINED: Final = 64 * 1024
"""Up to how many bytes a body is copied behind its head; a larger one is given to the system beside it."""

_CONTROLS: Final = bytes([*range(9), *range(10, 32), 127])
"""What no header may hold, and a line end is made of."""

_OF_THE_SERVER: Final = frozenset((b"connection", b"content-length", b"transfer-encoding"))
"""Headers that say how an answer is sent: what they say is for the server to tell, or to look at."""

_KEPT: Final = 4096
"""Of how many groups of headers the text is kept."""

Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]


class Answer:
    """What an application sends the answer to one request through."""

    __slots__ = ("_cycle", "_messages")

    def __init__(self, send: Any) -> None:
        self._cycle = send.__self__
        self._messages = send

    async def __call__(self, message: Any) -> None:
        """Sends one message, as ASGI has it."""
        await self._messages(message)

    def whole(self, status: int, told: Sequence[Headers], own: Headers, body: bytes) -> bool:
        """Sends a whole answer: the length of its body, the groups of headers in `told`, which other answers have as
        well, and those that are its own.

        False, with nothing sent, for one that has to go by messages: as its connection ends with it or waits, or as
        uvicorn has to look at its headers.
        """
        cycle = self._cycle
        is_open = cycle.keep_alive and not (cycle.response_started or cycle.disconnected or cycle.access_log)
        if not is_open or cycle.flow.write_paused:
            return False
        first, mine = _lines(tuple(cycle.default_headers)), _text(own)
        others = [_lines(one) for one in told]
        if first is None or mine is None or None in others:
            return False
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        lines = (STATUS_LINE[status], first, len(body), b"".join(others), mine)  # type: ignore[arg-type]
        head = b"%b%bcontent-length: %d\r\n%b%b\r\n" % lines
        cycle.transport.write_whole(head, b"" if cycle.scope["method"] == "HEAD" else body)
        cycle.message_event.set()
        cycle.on_response()
        return True


def with_whole_answers(app: Any) -> Any:
    """The ASGI application, that sends by `Answer` what uvicorn's `send` is a method of."""
    return lambda scope, receive, send: app(scope, receive, Answer(send))


def _text(headers: Headers) -> bytes | None:
    """The lines of headers; None unless uvicorn would write all of them as they are."""
    text = b"".join([b"%b: %b\r\n" % one for one in headers])
    is_plain = len(text) - len(text.translate(None, _CONTROLS)) == 2 * len(headers)
    return text if is_plain and all(map(_is_written, [name for name, _ in headers])) else None


_lines: Final = lru_cache(maxsize=_KEPT)(_text)


@lru_cache(maxsize=_KEPT)
def _is_written(name: bytes) -> bool:
    """Whether this is the name of a header that an application may tell, as it is written."""
    return name == name.lower() and not HEADER_RE.search(name) and name not in _OF_THE_SERVER
