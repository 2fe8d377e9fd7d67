"""One GET that ends in time, whatever the other side does: a server that is slow is as good as none.

A client library bounds each wait for bytes, so that whoever sends one now and then holds a thread for hours. Here the
whole is bounded, from the connection to the last byte, and so is the size; nothing is unpacked, no redirect followed.
"""

import ssl
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import httpcore
import httpx

SECONDS: Final = 5.0
MAX_BYTES: Final = 100_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What came: the status, the header `Cache-Control` or "", the body as it was sent."""

    status: int
    cache_control: str
    body: bytes


def fetched(url: str, host: str = "", seconds: float = SECONDS) -> Answer:
    """The answer at an address; `host` is the name that the server goes by (`name`, `name:port`), where the address
    has none. Raises `OSError` or `ValueError` when there is none in time, or it is too long."""
    until = time.monotonic() + seconds
    name = host or urlsplit(url).netloc
    headers = [("Host", name), ("Accept", "application/json"), ("Accept-Encoding", "identity")]
    extensions = {"sni_hostname": urlsplit(f"//{name}").hostname or ""}
    context = httpx.create_ssl_context(trust_env=False)
    try:
        with (
            httpcore.ConnectionPool(ssl_context=context, network_backend=_Backend(until)) as pool,
            pool.stream("GET", url, headers=headers, extensions=extensions) as answer,
        ):
            body = b""
            for chunk in answer.iter_stream():
                body += chunk
                if len(body) > MAX_BYTES:
                    raise ValueError("a body of a sensible size")
            return Answer(answer.status, _cache_control(answer.headers), body)
    except (
        httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, httpcore.UnsupportedProtocol,
    ) as error:  # fmt: skip
        raise OSError("no answer in time") from error


def _cache_control(headers: Iterable[tuple[bytes, bytes]]) -> str:
    return ", ".join(value.decode("latin-1") for name, value in headers if name.lower() == b"cache-control")


@dataclass(frozen=True, slots=True)
class _Backend(httpcore.NetworkBackend):
    """Connections that end at a moment of the monotonic clock."""

    until: float

    def connect_tcp(self, host: str, port: int, *_: Any, **options: Any) -> httpcore.NetworkStream:
        options["timeout"] = _left(self.until)
        return _Stream(httpcore.SyncBackend().connect_tcp(host, port, **options), self.until)


@dataclass(frozen=True, slots=True)
class _Stream(httpcore.NetworkStream):
    inner: httpcore.NetworkStream
    until: float

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.inner.read(max_bytes, _left(self.until))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.inner.write(buffer, _left(self.until))

    def close(self) -> None:
        self.inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self.inner.start_tls(ssl_context, server_hostname, _left(self.until)), self.until)

    def get_extra_info(self, info: str) -> Any:
        return self.inner.get_extra_info(info)


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the time is over")
    return left
