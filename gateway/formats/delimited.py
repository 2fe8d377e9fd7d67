"""Character-separated files: `{"rows": [{"COLUMN": "text", ...}, ...]}`.

The first row names the columns. Cells stay text; an empty or blank cell has no key. Positions are rows and columns as
a spreadsheet shows them: the header is row 1, so `rows[0]` is `row 2` where no blank row stands before it. A table
without rows is `{"rows": [], "columns": ["COLUMN", ...]}`, so that it can be told from one of something else.

A half-written file is refused whole: a row with more or fewer cells than the header, a quote that is never closed,
and, with option `final_newline: true`, a last row without its line end (it may be cut inside a value). What
spreadsheets leave behind is passed over: blank rows, and columns at the end that have neither name nor value.

Options: `delimiter` (one character, `,`; a tab in the format `tsv`), or `delimiters` (several, of which the one
counts that parts the first row into the most cells; the first of equals), `encoding` (`utf-8`: a byte order mark is
skipped, one of UTF-16 makes it that), `final_newline` (false). See https://www.rfc-editor.org/rfc/rfc4180.
"""

import csv
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO

from gateway.core.errors import BadRequest
from gateway.core.issues import issue
from gateway.formats.decoded import Decoded, Options, Pointer

MAX_ROWS = 1_000_000
MAX_COLUMNS = 2_000


@dataclass(frozen=True, slots=True)
class Table:
    """The names of the columns, and what the rows say, each with its number in the file."""

    columns: list[str]
    rows: list[dict[str, str]]
    numbers: list[int]

    def locate(self, pointer: Pointer) -> str:
        """The row and column of a path, `("rows", 0, "COLUMN")`; "" for one that is in no row."""
        if len(pointer) < 2 or not isinstance(pointer[1], int) or pointer[1] >= len(self.numbers):
            return ""
        row = f"row {self.numbers[pointer[1]]}"
        return f"{row}, column {pointer[2]}" if len(pointer) > 2 else row


def decode_csv(data: bytes, options: Options) -> Decoded:
    """The rows of a delimited file; raises `BadRequest` with a `format.csv-*` rule, or `payload.empty`."""
    table = read_table(data, options)
    tree = {"rows": table.rows} if table.rows else {"rows": [], "columns": table.columns}
    return Decoded(tree, table.locate)


def read_table(data: bytes, options: Options) -> Table:
    """The table in `data`; raises as `decode_csv` does."""
    text = _text(data, str(options.get("encoding", "utf-8")))
    if not text.strip():
        raise BadRequest(issue("payload.empty"))
    if options.get("final_newline") and not text.endswith(("\n", "\r")):
        raise BadRequest(issue("format.csv-unfinished"))
    delimiter = _parting(text, str(options.get("delimiters") or options.get("delimiter", ",")))
    return _read(csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True))


def _parting(text: str, delimiters: str) -> str:
    """The one of the characters that parts the first row into the most cells; the first of equals."""
    if len(delimiters) == 1:
        return delimiters
    row = StringIO(text, newline=None).readline()

    def cells(one: str) -> int:
        try:
            return len(next(csv.reader([row], delimiter=one), []))
        except csv.Error:  # a cell that is too long is refused where the table is read
            return 0

    return max(delimiters, key=cells)


def decode_tsv(data: bytes, options: Options) -> Decoded:
    """The rows of a file whose cells are separated by tabs; as `decode_csv`."""
    return decode_csv(data, {"delimiter": "\t", **options})


def _text(data: bytes, encoding: str) -> str:
    if encoding == "utf-8":
        encoding = "utf-16" if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        name = encoding.removesuffix("-sig")
        raise BadRequest(issue("format.encoding", source=f"byte {error.start}", encoding=name)) from None


def _read(reader: Iterator[list[str]]) -> Table:
    """The columns, and the rows that say anything."""
    number = 0
    header: list[str] = []
    width = 0
    numbers: list[int] = []
    rows: list[dict[str, str]] = []
    try:
        for number, cells in enumerate(reader, 1):
            if not header:
                header, width = _header(cells), len(cells)
                continue
            if number > MAX_ROWS:
                raise BadRequest(issue("format.csv-rows-limit", limit=MAX_ROWS))
            row = {name: cell for name, cell in zip(header, cells, strict=False) if cell and not cell.isspace()}
            if row or any(cells[len(header) :]):
                _check_row(cells, len(header), width, number)
                numbers.append(number)
                rows.append(row)
    except csv.Error:
        raise BadRequest(issue("format.csv-quoting", source=f"row {number + 1}")) from None
    return Table(header, rows, numbers)


def _header(cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    while names and not names[-1]:
        names.pop()
    if len(names) > MAX_COLUMNS:
        raise BadRequest(issue("format.csv-columns-limit", source="row 1", limit=MAX_COLUMNS))
    if not names or "" in names or len(set(names)) != len(names):
        raise BadRequest(issue("format.csv-header", source="row 1"))
    return names


def _check_row(cells: list[str], names: int, width: int, number: int) -> None:
    if len(cells) not in (names, width) or any(cell and not cell.isspace() for cell in cells[names:]):
        raise BadRequest(issue("format.csv-columns", source=f"row {number}", expected=names, found=len(cells)))
