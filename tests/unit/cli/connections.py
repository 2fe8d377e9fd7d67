"""A connection that keeps what is written to it, as the network would get it."""

import asyncio
from collections.abc import Iterable


class Connection(asyncio.Transport):
    """`writes` holds the pieces of each write, in order: one of `write`, any number of `writelines`."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[list[bytes]] = []
        self.is_closed = False

    @property
    def written(self) -> bytes:
        """All of it."""
        return b"".join(piece for pieces in self.writes for piece in pieces)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.writelines([data])

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        assert not self.is_closed
        self.writes.append([bytes(piece) for piece in list_of_data])

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True

    def pause_reading(self) -> None:
        """Nothing is read by itself here."""

    def resume_reading(self) -> None:
        """Nothing is read by itself here."""
