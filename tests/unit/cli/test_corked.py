"""Heads that wait for their bodies: whatever is written arrives, in order, in as few writes as may be."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cli._serve.corked import JOINED, Corked

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n"


class Connection(asyncio.Transport):
    """Keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.is_closed
        self.written.append(bytes(data))

    def writelines(self, list_of_data: object) -> None:
        self.written.extend(list_of_data)  # type: ignore[arg-type]

    def close(self) -> None:
        self.is_closed = True


def written(*pieces: bytes, turns: bool = False, close: bool = False) -> list[bytes]:
    """What reaches the connection, with a turn of the loop between the pieces, and before or after it is closed."""

    async def write() -> list[bytes]:
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
        return connection.written

    return asyncio.run(write())


def test_a_head_and_its_body_are_one_write() -> None:
    assert written(HEAD, b"body") == [HEAD + b"body"]


def test_a_long_body_is_not_copied() -> None:
    assert written(HEAD, b"x" * (JOINED + 1)) == [HEAD, b"x" * (JOINED + 1)]


@pytest.mark.parametrize("close", [False, True])
def test_a_head_alone_is_not_kept(close: bool) -> None:
    assert written(HEAD, close=close) == [HEAD]
    assert written(HEAD, b"", close=close) == [HEAD]


pieces = st.sampled_from([HEAD, b"HTTP/1.1 100 Continue\r\n\r\n", b"body", b"", b"2\r\nab\r\n"])


@given(st.lists(pieces, max_size=6), st.booleans(), st.booleans())
def test_nothing_is_lost_or_reordered(given: list[bytes], turns: bool, close: bool) -> None:
    assert b"".join(written(*given, turns=turns, close=close)) == b"".join(given)
