"""Answers that leave the process at once: uvicorn writes head and body apart, and each wakes the client."""

import asyncio
from typing import Any

from gateway.cli._serve.answering import JOINED


class Corked:
    """A transport that keeps the head of an answer until the body comes, for a turn of the event loop at most.

    Nothing is reordered: whatever is written next goes behind what was kept.
    """

    __slots__ = ("_head", "_loop", "_transport", "is_closing")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head = b""
        self.is_closing = transport.is_closing  # which the server asks for with each answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Writes the bytes, or keeps them where they are a head."""
        head = self._head
        if head:
            self._head = b""
            if len(data) <= JOINED:
                self._transport.write(head + data)
            else:
                self._transport.writelines((head, data))
        elif data.startswith(b"HTTP/1.1 ") and data.endswith(b"\r\n\r\n"):
            self._head = data
            self._loop.call_soon(self._flush)
        else:
            self._transport.write(data)

    def write_whole(self, head: bytes, body: bytes) -> None:
        """Writes a head and all that belongs to it at once."""
        self._flush()
        if len(body) <= JOINED:
            self._transport.write(head + body)
        else:
            self._transport.writelines((head, body))

    def close(self) -> None:
        """Closes the connection, once what was kept is written."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._head:
            head, self._head = self._head, b""
            self._transport.write(head)
