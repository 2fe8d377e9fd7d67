"""Files that appear whole or not at all, readable by their owner only."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import Final

PART: Final = ".part"
"""How the names of unfinished files end."""


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """An empty file beside `path` to write to, which is made durable and takes its place when the block ends well.

    When the block raises, nothing of it is left and what was at `path` stays. Whoever writes the same file at the
    same time has a file of its own to write to; what a killed process left of it is removed.
    """
    for left in path.parent.glob(f"{escape(path.name)}.*{PART}"):
        remove_left(left)
    descriptor, part = _held_part(path)
    try:
        yield part
        make_durable(part)
        part.replace(path)
        make_durable(path.parent)
    finally:
        part.unlink(missing_ok=True)
        os.close(descriptor)


def _held_part(path: Path) -> tuple[int, Path]:
    """A new unfinished file of `path`, for its owner alone, and the descriptor that tells others of its writer."""
    while True:
        descriptor, name = tempfile.mkstemp(prefix=f"{path.name}.", suffix=PART, dir=path.parent)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:  # nobody has taken it for one that was left, in between
            return descriptor, Path(name)
        os.close(descriptor)


def remove_left(path: Path) -> None:
    """Removes a file, unless it is one that a process writes to just now."""
    if not path.name.endswith(PART):
        path.unlink(missing_ok=True)
        return
    with suppress(FileNotFoundError, BlockingIOError), path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink(missing_ok=True)


def make_durable(path: Path) -> None:
    """Returns when the file's bytes, or the folder's names, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
