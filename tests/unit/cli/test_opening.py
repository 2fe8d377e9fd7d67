"""A command's gateway: what a run that breaks off was reading ends before the gateway closes, on record."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from gateway.cli.opening import reading


@pytest.mark.parametrize("error", [OSError(28, "full"), KeyboardInterrupt()], ids=["disk full", "Ctrl-C"])
def test_what_was_being_read_ends_before_the_gateway_closes(error: BaseException) -> None:
    told: list[str] = []

    def rows() -> Iterator[int]:
        try:
            yield from range(9)
        finally:
            told.append("how much left")

    def write() -> None:
        for _ in rows():
            raise error

    def run() -> None:
        with ExitStack() as stack:
            stack.callback(told.append, "closed")
            stack.enter_context(reading())
            write()

    with pytest.raises(type(error)):
        run()
    assert told == ["how much left", "closed"]
