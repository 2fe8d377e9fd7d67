"""What a client leaves unfinished: heads that never end, bodies that stop, connections that nobody uses."""

import asyncio
import json
from typing import Any

import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState

from gateway.cli._serve.connection import MOST_HEADERS, Patience
from gateway.cli._serve.connection import Connection as Served
from tests.unit.cli.connections import Connection

SHORT = 0.05
LONG_ENOUGH = 30
BEGUN = b"POST / HTTP/1.1\r\nHost: x\r\n"
POSTED = BEGUN + b"Content-Length: 4\r\n\r\n"
CHUNKED = BEGUN + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n"
WHOLE = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
LONG = b"X-Long: " + b"a" * 4_096


async def answer(_scope: Any, receive: Any, send: Any) -> None:
    """Answers with the bytes of the body, once all are there."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body, more = body + message.get("body", b""), message.get("more_body", False)
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": body})


def received(
    *pieces: bytes, seconds: float = LONG_ENOUGH, after: float = 0, kept: float = LONG_ENOUGH
) -> tuple[bytes, bool]:
    """What a client gets that sends these pieces, a moment apart; and whether its connection is closed then."""

    async def serve() -> tuple[bytes, bool]:
        config = Config(answer, log_config=None, access_log=False, timeout_keep_alive=kept)  # type: ignore[arg-type]
        config.load()
        patience = Patience(head_bytes=4_096, seconds=seconds)
        protocol, connection = Served(config, ServerState(), {}, patience=patience), Connection()
        protocol.connection_made(connection)
        for piece in pieces:
            if not connection.is_closed:
                protocol.data_received(piece)
                await asyncio.sleep(0.001)
        await asyncio.sleep(after)
        told = connection.written, connection.is_closed
        protocol.connection_lost(None)
        return told

    return asyncio.run(serve())


@pytest.mark.parametrize(
    ("pieces", "status", "rule"),
    [
        ((BEGUN + LONG,), 431, "rest.head-too-large"),
        ((BEGUN, LONG[:3_000], LONG[:3_000]), 431, "rest.head-too-large"),
        ((BEGUN + LONG + b"\r\n\r\n",), 431, "rest.head-too-large"),
        ((b"GET /" + b"a" * 5_000,), 431, "rest.head-too-large"),
        ((b"\r\n" * 3_000,), 431, "rest.head-too-large"),
        ((WHOLE, BEGUN + LONG), 431, "rest.head-too-large"),
        ((CHUNKED + b"A: b\r\n" * 500, b"A: b\r\n" * MOST_HEADERS), 431, "rest.head-too-large"),
        ((b"\x16\x03\x01\x02\x00",), 400, "rest.not-http"),
        ((WHOLE, b"nonsense\r\n\r\n"), 400, "rest.not-http"),
    ],
    ids=[
        "one long header",
        "in pieces",
        "whole, and too long",
        "a long address",
        "empty lines",
        "the second request",
        "headers behind a body",
        "not HTTP",
        "not HTTP, behind a request",
    ],
)
def test_what_cannot_be_a_request_is_refused_at_once(pieces: tuple[bytes, ...], status: int, rule: str) -> None:
    told, is_closed = received(*pieces)
    head, _, body = told.rpartition(b"\r\n\r\n")
    assert f"HTTP/1.1 {status} ".encode() in head
    assert b"\r\nconnection: close" in head
    assert json.loads(body)["issue"][0]["details"]["coding"][0]["code"] == rule
    assert is_closed


@pytest.mark.parametrize(
    ("pieces", "status"),
    [((BEGUN,), 408), ((POSTED + b"ab",), 408), ((WHOLE, BEGUN), 408), ((), None), ((b"\r\n",), 408)],
    ids=["in a head", "in a body", "in the second head", "before a byte", "in empty lines"],
)
def test_a_client_that_stops_is_let_go(pieces: tuple[bytes, ...], status: int | None) -> None:
    told, is_closed = received(*pieces, seconds=SHORT, after=3 * SHORT)
    assert is_closed
    assert (f"HTTP/1.1 {status} ".encode() in told) if status else told == b""


def test_pieces_of_a_head_have_one_time_together() -> None:
    assert received(BEGUN, *[b"A: b\r\n"] * 200, seconds=SHORT)[1]


def test_a_body_may_take_its_time_as_long_as_it_goes_on() -> None:
    told, is_closed = received(BEGUN + b"Content-Length: 400\r\n\r\n", *[b"x"] * 400, seconds=0.4)
    assert told.endswith(b"x" * 400)
    assert not is_closed


@pytest.mark.parametrize("between", [(), (b"\r\n",)], ids=["nothing", "an empty line"])
def test_a_connection_that_nobody_uses_is_closed(between: tuple[bytes, ...]) -> None:
    told, is_closed = received(WHOLE, *between, after=3 * SHORT, kept=SHORT)
    assert told.count(b"HTTP/1.1 200") == 1
    assert is_closed


def test_requests_at_once_are_all_answered() -> None:
    told, is_closed = received(WHOLE * 3 + POSTED, b"abcd", WHOLE)
    assert told.count(b"HTTP/1.1 200") == 5
    assert not is_closed


def test_a_large_body_is_no_head() -> None:
    told, is_closed = received(BEGUN + b"Content-Length: 9000\r\n\r\n", b"x" * 5_000, b"x" * 4_000)
    assert told.endswith(b"x" * 9_000)
    assert not is_closed
