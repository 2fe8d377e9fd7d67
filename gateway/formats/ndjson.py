"""JSON documents one a line: `{"records": [document, ...]}`.

Blank lines are passed over. Numbers are int, or Decimal with their own digits. Positions are lines and JSON Pointers,
`line 3 /heartRate`. A line that is not one whole, sane document refuses the payload with its line number; a last line
without a line end is taken. There are no options. See https://github.com/ndjson/ndjson-spec.
"""

from codecs import BOM_UTF8
from dataclasses import replace

from gateway.core.codec import loads
from gateway.core.errors import BadRequest
from gateway.core.issues import issue
from gateway.formats.decoded import Decoded, Options, Pointer, json_pointer


def decode_ndjson(data: bytes, options: Options) -> Decoded:
    """The documents in `data`; raises `BadRequest` with a `payload.*` rule and the line in `source`."""
    records, lines = [], []
    for number, line in enumerate(data.removeprefix(BOM_UTF8).split(b"\n"), 1):
        if line and not line.isspace():
            records.append(_document(line, number))
            lines.append(number)
    if not records:
        raise BadRequest(issue("payload.empty"))

    def locate(pointer: Pointer) -> str:
        if len(pointer) < 2 or not isinstance(pointer[1], int) or pointer[1] >= len(lines):
            return ""
        return f"line {lines[pointer[1]]} {json_pointer(pointer[2:])}".rstrip()

    return Decoded({"records": records}, locate)


def _document(line: bytes, number: int) -> object:
    try:
        return loads(line)
    except BadRequest as error:
        found = tuple(replace(entry, source=f"line {number} {entry.source}".rstrip()) for entry in error.issues)
        raise BadRequest(*found) from None
