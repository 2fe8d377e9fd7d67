"""Character-separated files: `{"rows": [{"COLUMN": "text", ...}, ...]}`.

The first row names the columns. Cells stay text; an empty cell has no key. Positions are rows and columns as a
spreadsheet shows them: the header is row 1, so `rows[0]` is `row 2`.

A half-written file is refused whole: a row with more or fewer cells than the header, a quote that is never closed,
and, with option `final_newline: true`, a last row without its line end (it may be cut inside a value).

Options: `delimiter` (one character, `,`; a tab in the format `tsv`), `encoding` (`utf-8`, a byte order mark is
skipped), `final_newline` (false). See https://www.rfc-editor.org/rfc/rfc4180.
"""

import csv
from collections.abc import Iterator
from io import StringIO

from gateway.core.errors import BadRequest
from gateway.core.issues import issue
from gateway.formats.decoded import Decoded, Options, Pointer

MAX_ROWS = 1_000_000
MAX_COLUMNS = 2_000


def decode_csv(data: bytes, options: Options) -> Decoded:
    """The rows of a delimited file; raises `BadRequest` with a `format.csv-*` rule, or `payload.empty`."""
    text = _text(data, str(options.get("encoding", "utf-8")))
    if not text.strip():
        raise BadRequest(issue("payload.empty"))
    if options.get("final_newline") and not text.endswith(("\n", "\r")):
        raise BadRequest(issue("format.csv-unfinished"))
    reader = csv.reader(StringIO(text, newline=""), delimiter=str(options.get("delimiter", ",")), strict=True)
    rows = list(_rows(reader))
    return Decoded({"rows": rows}, _locate)


def decode_tsv(data: bytes, options: Options) -> Decoded:
    """The rows of a file whose cells are separated by tabs; as `decode_csv`."""
    return decode_csv(data, {"delimiter": "\t", **options})


def _text(data: bytes, encoding: str) -> str:
    try:
        return data.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError as error:
        raise BadRequest(issue("format.encoding", source=f"byte {error.start}", encoding=encoding)) from None


def _rows(reader: Iterator[list[str]]) -> Iterator[dict[str, str]]:
    number = 0
    header: list[str] = []
    try:
        for number, cells in enumerate(reader, 1):
            if not header:
                header = _header(cells)
            elif cells:
                yield _row(header, cells, number)
    except csv.Error:
        raise BadRequest(issue("format.csv-quoting", source=f"row {number + 1}")) from None


def _header(cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    if len(names) > MAX_COLUMNS:
        raise BadRequest(issue("format.csv-columns-limit", source="row 1", limit=MAX_COLUMNS))
    if not names or "" in names or len(set(names)) != len(names):
        raise BadRequest(issue("format.csv-header", source="row 1"))
    return names


def _row(header: list[str], cells: list[str], number: int) -> dict[str, str]:
    if len(cells) != len(header):
        source = f"row {number}"
        raise BadRequest(issue("format.csv-columns", source=source, expected=len(header), found=len(cells)))
    if number > MAX_ROWS:
        raise BadRequest(issue("format.csv-rows-limit", limit=MAX_ROWS))
    return {name: cell for name, cell in zip(header, cells, strict=True) if cell}


def _locate(pointer: Pointer) -> str:
    if len(pointer) < 2 or not isinstance(pointer[1], int):
        return ""
    row = f"row {pointer[1] + 2}"
    return f"{row}, column {pointer[2]}" if len(pointer) > 2 else row
