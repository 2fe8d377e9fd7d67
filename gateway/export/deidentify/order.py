"""Lines in an order that tells nothing beside the lines themselves.

In the order in which data came, or of their true time, the shifted dates of participants could be laid beside each
other: who stands between two records of another was measured between them. Sorted by what is written in them, lines
tell nothing that is not in them, and the same data give the same file.
"""

import heapq
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from io import BytesIO
from itertools import islice
from typing import Final

HELD: Final = 32_000_000
"""Bytes of lines that are sorted in memory; of more, each such part waits sorted in a file without a name."""

AT_ONCE: Final = 1_000


def in_order_of_content(batches: Iterable[bytes], held: int = HELD) -> Iterator[tuple[bytes, int]]:
    """The lines of all batches, each with its line feed, sorted: some at a time, and how many these are.

    The first comes when the last batch was read. Closes what it waits in when the caller ends early.
    """
    with ExitStack() as files:
        runs: list[Iterable[bytes]] = []
        waiting: list[bytes] = []
        size = 0
        for batch in batches:
            waiting += BytesIO(batch)  # which ends lines at a line feed alone
            size += len(batch)
            if size > held:
                file = files.enter_context(tempfile.TemporaryFile())
                file.writelines(sorted(waiting))
                file.seek(0)
                runs.append(file)
                waiting, size = [], 0
        waiting.sort()
        lines = heapq.merge(*runs, waiting) if runs else iter(waiting)
        while some := tuple(islice(lines, AT_ONCE)):
            yield b"".join(some), len(some)
