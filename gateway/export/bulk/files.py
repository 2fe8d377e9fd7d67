"""The files of an export: private, whole or not there, and named by the Consents under which they were written.

A file is served under its present name only. Who writes it again under other Consents gives it another name, so that
an old one that comes late is never taken for a new one.
"""

import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from gateway.export.files import make_durable

ABANDONED_SECONDS: Final = 600
"""After how long without a byte an unfinished file is nobody's."""

_UNFINISHED = "unfinished-"
_NAME = re.compile(r"([A-Za-z0-9-]+)\.([A-Za-z0-9-]+)\.ndjson\Z")


class _Line(msgspec.Struct):
    id: str


@dataclass(frozen=True, slots=True)
class Folder:
    """The folder of one export."""

    path: Path

    def make(self) -> None:
        """Creates it, for its owner only."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)

    def remove(self) -> None:
        """Removes it with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)

    def file(self, stem: str, standing: str) -> Path:
        """Where a part is, once it is there."""
        return self.path / f"{stem}.{standing}.ndjson"

    def newest(self, stem: str) -> tuple[Path, str] | None:
        """Any file of the part that there is, and its standing; None when there is none."""
        for path in sorted(self.path.glob(f"{stem}.*.ndjson")):
            found = _NAME.match(path.name)
            if found:
                return path, found[2]
        return None

    def drop(self, stem: str, *, but: str) -> None:
        """Removes the files of a part under any other standing."""
        for path in self.path.glob(f"{stem}.*.ndjson"):
            if path != self.file(stem, but):
                path.unlink(missing_ok=True)

    def drop_unfinished(self) -> None:
        """Removes files on which nobody can be at work any more, left by a process that was killed."""
        for path in self.path.glob(f"{_UNFINISHED}*"):
            with suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > ABANDONED_SECONDS:
                    path.unlink()

    def keep_only(self, stems: Iterable[str]) -> None:
        """Removes what a dead process left: unfinished files, and parts that no state tells of."""
        kept = set(stems)
        for path in self.path.iterdir():
            if path.name.partition(".")[0] not in kept:
                path.unlink(missing_ok=True)

    def writer(self) -> "PartFile":
        """A new file that has no name yet."""
        descriptor, name = tempfile.mkstemp(prefix=_UNFINISHED, dir=self.path)
        return PartFile(Path(name), os.fdopen(descriptor, "wb"))


class PartFile:
    """A file that is being written."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self._path = path
        self._file = file
        self.count = 0
        self.size = 0

    def write(self, body: bytes) -> None:
        """Adds a resource as a line."""
        self._file.write(body)
        self._file.write(b"\n")
        self.count += 1
        self.size += len(body) + 1

    def finish(self, place: Path) -> None:
        """Makes it durable at its place."""
        self._file.close()
        make_durable(self._path)
        self._path.replace(place)
        make_durable(place.parent)

    def abandon(self) -> None:
        """Removes it; nothing when it is finished."""
        with suppress(OSError):  # a full disk refuses the last bytes once more
            self._file.close()
        self._path.unlink(missing_ok=True)


def drop_left(folder: Path) -> None:
    """Removes folders of rows beside the exports that nobody can be at work on any more."""
    for path in folder.glob("view-*"):
        with suppress(FileNotFoundError):
            if time.time() - max(one.stat().st_mtime for one in (path, *path.iterdir())) > ABANDONED_SECONDS:
                shutil.rmtree(path, ignore_errors=True)


def ids_in(path: Path, at_once: int) -> Iterator[tuple[str, ...]]:
    """The ids of the resources in a file, so many at a time, in their order."""
    read: Callable[[bytes], _Line] = msgspec.json.Decoder(_Line).decode
    found: list[str] = []
    with path.open("rb") as file:
        for line in file:
            found.append(read(line).id)
            if len(found) == at_once:
                yield tuple(found)
                found = []
    if found:
        yield tuple(found)


def lines(file: IO[bytes], size: int) -> Iterator[bytes]:
    """The whole lines of an open file, about so many bytes at a time."""
    while found := file.readlines(size):
        yield b"".join(found)


def chunks(file: IO[Any], size: int) -> Iterator[bytes]:
    """The bytes of an open file, so many at a time."""
    while data := file.read(size):
        yield data
