"""Rows on their way out, gathered into batches."""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from gateway.core.resources import Stored
from gateway.store.port import Batch

BATCH: Final = 500
"""How many resources leave at once."""


def in_batches(rows: Iterator[Stored]) -> Iterator[Batch]:
    """The rows as batches whose participants are still to be asked."""
    while found := tuple(islice(rows, BATCH)):
        lines = b"".join([one.body + b"\n" for one in found])
        yield Batch(lines, len(found), ids=[one.key.id for one in found])
