"""A small HTTP/1.1 load client: N keep-alive connections that ask as fast as they are answered.

It speaks raw sockets on one event loop, so that it costs far less than the server that it loads.
"""

import asyncio
import time
from typing import Any

import uvloop


class _Client(asyncio.Protocol):
    """One connection: sends the next request when the whole answer to the last one is there."""

    def __init__(self, requests: list[bytes], deadline: float, done: "asyncio.Future[int]") -> None:
        self.requests, self.deadline, self.done = requests, deadline, done
        self.answered, self.missing, self.buffer = 0, -1, b""
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self._ask()

    def give_up(self) -> None:
        """Counts what was answered, and waits for no more."""
        if not self.done.done():
            self.done.set_result(self.answered)
        if self.transport is not None:
            self.transport.abort()

    def _ask(self) -> None:
        if time.perf_counter() >= self.deadline:
            self.transport.close()
            if not self.done.done():
                self.done.set_result(self.answered)
            return
        self.transport.write(self.requests[self.answered % len(self.requests)])

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if self.missing < 0:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self.buffer[:end].lower()
            if not head.startswith((b"http/1.1 200", b"http/1.1 201")):
                self.done.set_exception(RuntimeError(f"the server answered {head.splitlines()[0]!r}"))
                return
            length = head.index(b"content-length:") + 15
            self.missing = int(head[length:].split(b"\r\n", 1)[0])
            self.buffer = self.buffer[end + 4 :]
        if len(self.buffer) >= self.missing:
            self.buffer, self.missing = b"", -1
            self.answered += 1
            self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionResetError("the server closed the connection"))


async def _load(port: int, requests: list[bytes], clients: int, duration: float, patience: float) -> float:
    loop = asyncio.get_running_loop()
    start = time.perf_counter()
    waiting = []
    for number in range(clients):
        done: asyncio.Future[int] = loop.create_future()
        first = number * len(requests) // clients  # apart, so that nobody asks what another has just asked
        turned = requests[first:] + requests[:first]
        _, client = await loop.create_connection(
            lambda turned=turned, done=done: _Client(turned, start + duration, done), "127.0.0.1", port
        )
        loop.call_at(loop.time() + duration + patience, client.give_up)
        waiting.append(done)
    answered = sum(await asyncio.gather(*waiting))
    return answered / (time.perf_counter() - start)


def requests_per_second(
    port: int, requests: list[bytes], clients: int = 16, duration: float = 2.0, patience: float = 600
) -> float:
    """How many of `requests` (whole HTTP requests) a server on this machine answers with 200 or 201 a second.

    An answer that is not there `patience` seconds after the end is not waited for. Raises RuntimeError for any other
    answer, so that a benchmark never measures refusals.
    """
    return uvloop.run(_load(port, requests, clients, duration, patience))


def get(path: str, token: str = "") -> bytes:
    """The bytes of a GET request."""
    authorization = f"Authorization: Bearer {token}\r\n" if token else ""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{authorization}Accept: application/fhir+json\r\n\r\n".encode()


def post(path: str, body: bytes, token: str = "") -> bytes:
    """The bytes of a POST request of a resource."""
    authorization = f"Authorization: Bearer {token}\r\n" if token else ""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{authorization}Prefer: return=minimal\r\n"
    return f"{head}Content-Type: application/fhir+json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
