"""Heads that wait for their bodies: whatever is written arrives, in order, in as few writes as may be."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cli._serve.answering import JOINED
from gateway.cli._serve.corked import Corked
from tests.unit.cli.connections import Connection

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n"


def written(*pieces: bytes, turns: bool = False, close: bool = False) -> list[list[bytes]]:
    """The writes to the connection, with a turn of the loop between the pieces, and before or after it is closed."""

    async def write() -> list[list[bytes]]:
        connection = Connection()
        corked = Corked(connection, asyncio.get_running_loop())
        for piece in pieces:
            corked.write(piece)
            if turns:
                await asyncio.sleep(0)
        if close:
            corked.close()
            assert connection.is_closed
        else:
            await asyncio.sleep(0)
        return connection.writes

    return asyncio.run(write())


def test_a_head_and_its_body_are_one_write() -> None:
    assert written(HEAD, b"body") == [[HEAD + b"body"]]


def test_a_long_body_is_not_copied() -> None:
    assert written(HEAD, b"x" * (JOINED + 1)) == [[HEAD, b"x" * (JOINED + 1)]]


@pytest.mark.parametrize("close", [False, True])
def test_a_head_alone_is_not_kept(close: bool) -> None:
    assert written(HEAD, close=close) == [[HEAD]]
    assert written(HEAD, b"", close=close) == [[HEAD]]


pieces = st.sampled_from([HEAD, b"HTTP/1.1 100 Continue\r\n\r\n", b"body", b"", b"2\r\nab\r\n"])


@given(st.lists(pieces, max_size=6), st.booleans(), st.booleans())
def test_nothing_is_lost_or_reordered(given: list[bytes], turns: bool, close: bool) -> None:
    writes = written(*given, turns=turns, close=close)
    assert b"".join(piece for pieces in writes for piece in pieces) == b"".join(given)
