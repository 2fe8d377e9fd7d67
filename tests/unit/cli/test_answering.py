"""Whole answers: the same bytes as uvicorn writes message by message, or none at all."""

import asyncio
import logging
from typing import Any

import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState

from gateway.cli._serve.answering import JOINED
from gateway.cli._serve.connection import Connection as ServedConnection
from gateway.cli._serve.connection import Patience
from gateway.rest.messages.answers import Ready
from tests.unit.cli.connections import Connection

TAG = (b"etag", b'W/"1"')
PLACE = ((b"location", b"http://x/1"),)
REQUEST = "{} / HTTP/1.{}\r\nHost: x\r\n{}\r\n"


def answered(answer: Any, request: str, *, whole: bool, keep_alive: float = 5, seconds: float = 0) -> Connection:
    """What a connection got for a request, and for the same once more; by messages unless `whole`."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await answer(scope, receive, send if whole else send.__call__)

    async def serve() -> Connection:
        config = Config(app, log_config=None, access_log=False, timeout_keep_alive=keep_alive)  # type: ignore[arg-type]
        config.load()
        state = ServerState()
        state.default_headers = [(b"date", b"Sun, 06 Nov 1994 08:49:37 GMT")]
        protocol, connection = ServedConnection(config, state, {}, patience=Patience()), Connection()
        protocol.connection_made(connection)
        for _ in range(2):
            if not connection.is_closed:
                protocol.data_received(request.encode())
                await asyncio.gather(*state.tasks)
                await asyncio.sleep(0)
        await asyncio.sleep(seconds)
        is_closed = connection.is_closed
        protocol.connection_lost(None)
        connection.is_closed = is_closed
        return connection

    return asyncio.run(serve())


@pytest.mark.parametrize("connection", ["", "Connection: close\r\n"], ids=["kept", "closed"])
@pytest.mark.parametrize("version", ["0", "1"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "answer",
    [
        Ready(b"{}", TAG),
        Ready(b"", TAG, own=PLACE, status=201),
        Ready(b"x" * (JOINED + 1)),
        Ready(b"{}", (b"X-Tab", b"a\tb")),
        Ready(b"{}", own=((b"X-Tab", b"a\tb"),)),
    ],
    ids=["small", "empty", "large", "another case", "another case of its own"],
)
def test_it_is_what_uvicorn_would_write(answer: Ready, method: str, version: str, connection: str) -> None:
    request = REQUEST.format(method, version, connection)
    whole, messages = (answered(answer, request, whole=one) for one in (True, False))
    assert whole.written == messages.written
    assert whole.is_closed == messages.is_closed == (version == "0" or bool(connection))


@pytest.mark.parametrize(
    "header",
    [(b"etag", b"1\r\nset-cookie: a"), (b"etag", b"1\n"), (b"etag", b"\x00"), (b"a b", b"1"), (b"etag\r\n", b"1")],
    ids=["a line", "a line end", "a control", "a blank in a name", "a line end in a name"],
)
@pytest.mark.parametrize("is_own", [False, True], ids=["shared", "own"])
def test_what_is_no_header_is_never_written(
    header: tuple[bytes, bytes], is_own: bool, caplog: pytest.LogCaptureFixture
) -> None:
    answer = Ready(b"{}", own=(header,)) if is_own else Ready(b"{}", header)
    with caplog.at_level(logging.CRITICAL, "uvicorn.error"):
        found = answered(answer, REQUEST.format("GET", 1, ""), whole=True).written
    assert b"cookie" not in found
    assert found == b"" or found.startswith(b"HTTP/1.1 500")


def test_an_answer_without_a_body_is_one_write() -> None:
    writes = answered(Ready(b"", TAG, own=PLACE), REQUEST.format("GET", 1, ""), whole=True).writes
    assert [b"".join(one)[-4:] for one in writes] == [b"\r\n\r\n"] * 2


@pytest.mark.parametrize(("keep_alive", "is_closed"), [(0.01, True), (3600, False)])
def test_a_connection_is_closed_once_nobody_used_it_so_long(keep_alive: float, is_closed: bool) -> None:
    request = REQUEST.format("GET", 1, "")
    assert answered(Ready(b"{}"), request, whole=True, keep_alive=keep_alive, seconds=0.03).is_closed == is_closed
