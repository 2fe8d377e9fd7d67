"""A file as payloads: whole when it is small, in parts cut between records when it is large.

A large file is never in memory. It is read through once before anything is landed, so that one that is cut off or
broken is refused whole; then each part is a payload of its own, with its place in the file among its facts:
`fileSha256` and `fileSize` of the whole, `part`, `partOffset`, `partLength`.
See docs/adr/0011-large-files-in-parts.md.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import file_digest
from pathlib import Path
from typing import BinaryIO

from gateway.core.errors import BadRequest, PayloadTooLarge
from gateway.core.issues import issue
from gateway.formats import FORMATS, MAX_BYTES, PART_BYTES, Options, Part

WHOLE_BYTES = 8_000_000
"""Up to this size a file is one payload."""

Cutting = Callable[[BinaryIO], Iterator[Part]]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One payload of a file: its bytes, name and facts; `done` is how much of the file it ends."""

    body: bytes
    name: str
    facts: Mapping[str, str] = field(default_factory=dict)
    done: int = 0


def deliveries(path: Path, formats: Sequence[tuple[str, Options]]) -> Iterator[Delivery]:
    """The payloads of a file; `formats` with their options are those that the source's mappings read, best first.

    Raises `BadRequest` when a large file is broken, `PayloadTooLarge` when none of the formats can be cut.
    """
    size = path.stat().st_size
    if size <= WHOLE_BYTES:
        yield Delivery(path.read_bytes(), path.name, done=size)
        return
    cut = _cut(path, formats)
    if cut is None and size > MAX_BYTES:
        raise PayloadTooLarge(issue("payload.too-large", limit=MAX_BYTES))
    if cut is None:
        yield Delivery(path.read_bytes(), path.name, done=size)
        return
    yield from _parts(path, size, cut)


def _cut(path: Path, formats: Sequence[tuple[str, Options]]) -> Cutting | None:
    """The cut of the first format that can be cut and that the whole file is of; None when none can be cut."""
    refused: BadRequest | None = None
    for name, options in formats:
        parts = FORMATS[name].parts
        if parts is None:
            continue
        cut = partial(parts, options=options, size=PART_BYTES)
        try:
            with path.open("rb") as file:
                for _ in cut(file):
                    pass
        except BadRequest as error:
            refused = refused or error
        else:
            return cut
    if refused is not None:
        raise refused
    return None


def _parts(path: Path, size: int, cut: Cutting) -> Iterator[Delivery]:
    with path.open("rb") as file:
        whole = {"fileSha256": file_digest(file, "sha256").hexdigest(), "fileSize": str(size)}
        file.seek(0)
        for part in cut(file):
            place = {"part": str(part.number), "partOffset": str(part.offset), "partLength": str(part.length)}
            name = f"{path.name} part {part.number} from record {part.first}"
            yield Delivery(part.body, name, {**whole, **place}, part.offset + part.length)
