"""A large file as parts: each one a whole payload of its format, cut between records, read with bounded memory.

A part's `body` is the bytes of its records between what the format needs around them: the header row of a table, the
root element of an XML document. The records' own bytes are `length` bytes of the file from `offset`, so that the
parts in order are the whole file, nothing is lost or told twice, and each can be decoded, refused and tried again by
itself. `first` is the number of its first record: the row of a table (the header is row 1), the line of NDJSON, the
element below the root of XML.
"""

from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO, Protocol

from gateway.core.errors import BadRequest
from gateway.core.issues import issue
from gateway.formats.decoded import Options
from gateway.formats.options import is_wide

PART_BYTES = 250_000
"""How large a part grows before it is cut at the next record."""

MAX_RECORD_BYTES = 8_000_000
"""The largest record of a file that is cut."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a file; `number` counts from 1, `offset` and `length` are bytes of the file."""

    number: int
    body: bytes
    offset: int
    length: int
    first: int


class Cut(Protocol):
    """Cuts a file into parts of about `size` bytes of records; raises `BadRequest` where it stops being a file."""

    def __call__(self, file: BinaryIO, options: Options, size: int = PART_BYTES) -> Iterator[Part]:
        """The parts in order."""


def split_csv(file: BinaryIO, options: Options, size: int = PART_BYTES) -> Iterator[Part]:
    """The rows of a table, with the header row, and those above it, in front of each part; a quoted line break does
    not end a row.

    Raises `BadRequest` for a row that is too long, a quote that is never closed, a missing last line end where option
    `final_newline` asks for it, and an encoding whose line ends are not bytes.
    """
    if is_wide(str(options.get("encoding", ""))):
        raise BadRequest(issue("format.parts-encoding"))
    rows = _rows(file, whole=bool(options.get("final_newline")))
    names_at = int(options.get("header_row", 1))
    header = b"".join(islice(rows, names_at))
    if header.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        raise BadRequest(issue("format.parts-encoding"))
    yield from _gathered(rows, header, names_at + 1, size)


def split_ndjson(file: BinaryIO, options: Options, size: int = PART_BYTES) -> Iterator[Part]:
    """The lines of an NDJSON file; raises `BadRequest` for a line that is too long."""
    yield from _gathered(_lines(file), b"", 1, size)


def _gathered(records: Iterator[bytes], head: bytes, first: int, size: int) -> Iterator[Part]:
    number, offset, length = 1, len(head), 0
    held: list[bytes] = []
    for record in records:
        held.append(record)
        length += len(record)
        if length >= size:
            yield Part(number, b"".join((head, *held)), offset, length, first)
            number, offset, length, first = number + 1, offset + length, 0, first + len(held)
            held = []
    if held or number == 1:
        yield Part(number, b"".join((head, *held)), offset, length, first)


def _lines(file: BinaryIO) -> Iterator[bytes]:
    while line := file.readline(MAX_RECORD_BYTES + 1):
        if len(line) > MAX_RECORD_BYTES:
            raise BadRequest(issue("format.record-too-large", limit=MAX_RECORD_BYTES))
        yield line


def _rows(file: BinaryIO, *, whole: bool) -> Iterator[bytes]:
    """Lines joined while a quote is open: a row with an even number of quotes is whole."""
    held: list[bytes] = []
    length, quotes = 0, 0
    for line in _lines(file):
        held.append(line)
        length += len(line)
        quotes += line.count(b'"')
        if length > MAX_RECORD_BYTES:
            raise BadRequest(issue("format.record-too-large", limit=MAX_RECORD_BYTES))
        if quotes % 2 == 0:
            yield b"".join(held)
            held, length, quotes = [], 0, 0
        if whole and not line.endswith((b"\n", b"\r")):
            raise BadRequest(issue("format.csv-unfinished"))
    if held:
        raise BadRequest(issue("format.csv-quoting"))
