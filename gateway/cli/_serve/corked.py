"""Answers that leave the process at once: uvicorn writes head and body apart, and each wakes the client."""

import asyncio
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

JOINED: Final = 64 * 1024
"""Up to how many bytes a body is copied behind its head; a larger one is given to the system beside it."""


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

    def close(self) -> None:
        """Closes the connection, once what was kept is written."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._head:
            head, self._head = self._head, b""
            self._transport.write(head)


class CorkedProtocol(HttpToolsProtocol):
    """uvicorn's protocol over corked transports."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Takes a new connection."""
        super().connection_made(cast(asyncio.Transport, Corked(cast(asyncio.Transport, transport), self.loop)))
