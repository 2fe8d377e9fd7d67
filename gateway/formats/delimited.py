"""Character-separated files: `{"rows": [{"COLUMN": "text", ...}, ...]}`.

The first row names the columns, or that of option `header_row`. Cells stay text; an empty or blank cell has no key.
Positions are rows and columns as a spreadsheet shows them: the header is row 1, so `rows[0]` is `row 2` where no
blank row stands before it. A table without rows is `{"rows": [], "columns": ["COLUMN", ...]}`, so that it can be told
from one of something else.

A half-written file is refused whole: a row with more or fewer cells than the header, a quote that is never closed,
and, with option `final_newline: true`, a last row without its line end (it may be cut inside a value). What
spreadsheets leave behind is passed over: blank rows, and columns at the end that have neither name nor value.

Options: `delimiter` (one character, `,`; a tab in the format `tsv`), or `delimiters` (several, of which the one
counts that parts the first row into the most cells; the first of equals), `encoding`, `final_newline` (false),
`upper_names` (false: names of columns are kept as they are; else they are read in capital letters), `header_row` (1:
the row that names the columns; titles and merged headings above it are passed over).
See https://www.rfc-editor.org/rfc/rfc4180.

Without `encoding` a table is UTF-8 (a byte order mark is skipped, one of UTF-16 makes it that). One that is not has
the encoding that its sender declares, `charset`, which is second since the default of a sender's software may say
another than what was sent. Without that it is refused, unless all that is not ASCII are micro signs of units and the
square of a body surface, which can be told without knowing the encoding.
"""

import csv
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE, lookup
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from itertools import islice

from gateway.core.errors import BadRequest
from gateway.core.issues import Issue, issue
from gateway.formats.decoded import Decoded, Options, Pointer
from gateway.formats.options import is_wide

MAX_ROWS = 1_000_000
MAX_COLUMNS = 2_000

_UNMARKED = re.compile(rb"[^\0]\0[^\0]\0|\0[^\0]\0[^\0]")  # UTF-16 without its byte order mark

# B5 is the micro sign in Latin-1, in the Windows code pages of letters and on old Macs; before a unit, and B2 behind
# the metre of a body surface, nothing else makes sense in any other.
_SIGNS_OF_UNITS = re.compile(rb"(?<![A-Za-z\x80-\xff])\xb5(?=(?:k?g|mol|kat|[lLUVsmM]|IU|UI|Eq|Gy)\b)|1[.,]73 ?m\xb2")


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
    text = _text(data, options)
    if not text.strip():
        raise BadRequest(issue("payload.empty"))
    if options.get("final_newline") and not text.endswith(("\n", "\r")):
        raise BadRequest(issue("format.csv-unfinished"))
    names_at = int(options.get("header_row", 1))
    delimiter = _parting(text, str(options.get("delimiters") or options.get("delimiter", ",")), names_at)
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    return _read(reader, names_at, upper=bool(options.get("upper_names")))


def _parting(text: str, delimiters: str, names_at: int) -> str:
    """The one of the characters that parts the row of names into the most cells; the first of equals."""
    if len(delimiters) == 1:
        return delimiters
    row = "".join(islice(StringIO(text, newline=None), names_at - 1, names_at))

    def cells(one: str) -> int:
        try:
            return len(next(csv.reader([row], delimiter=one), []))
        except csv.Error:  # a cell that is too long is refused where the table is read
            return 0

    return max(delimiters, key=cells)


def decode_tsv(data: bytes, options: Options) -> Decoded:
    """The rows of a file whose cells are separated by tabs; as `decode_csv`."""
    return decode_csv(data, {"delimiter": "\t", **options})


def _text(data: bytes, options: Options) -> str:
    encoding, charset = str(options.get("encoding", "utf-8")), str(options.get("charset", ""))
    if encoding == "utf-8":
        if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
            encoding = "utf-16"
        elif _UNMARKED.match(data) and not charset:
            raise BadRequest(_not("utf-8", "byte 0"))
        else:
            encoding = charset if is_wide(charset) else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding == "utf-8-sig" and (charset or _SIGNS_OF_UNITS.sub(b"", data).isascii()):
            return _declared(data, charset or "cp1252")
        raise BadRequest(_not(encoding.removesuffix("-sig"), f"byte {error.start}")) from None
    except LookupError:
        raise BadRequest(_not(encoding, "")) from None


def _declared(data: bytes, charset: str) -> str:
    """The text in the encoding that the sender declares; Latin-1 is what it means on the web, Windows-1252."""
    try:
        return data.decode("cp1252" if lookup(charset).name == "iso8859-1" else charset)
    except UnicodeDecodeError as error:
        raise BadRequest(_not(charset, f"byte {error.start}")) from None
    except (LookupError, UnicodeError):
        raise BadRequest(_not(charset, "")) from None


def _not(encoding: str, place: str) -> Issue:
    return issue("format.encoding", source=place, encoding=encoding)


def _read(reader: Iterator[list[str]], names_at: int, *, upper: bool) -> Table:
    """The columns, and the rows that say anything."""
    number = 0
    header: list[str] = []
    width = 0
    numbers: list[int] = []
    rows: list[dict[str, str]] = []
    try:
        for number, cells in enumerate(reader, 1):
            if number <= names_at:
                if number == names_at:
                    header, width = _header([cell.upper() for cell in cells] if upper else cells, number), len(cells)
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
    if number < names_at:
        raise BadRequest(issue("format.csv-header", source=f"row {names_at}"))
    return Table(header, rows, numbers)


def _header(cells: list[str], number: int) -> list[str]:
    names = [cell.strip() for cell in cells]
    while names and not names[-1]:
        names.pop()
    if len(names) > MAX_COLUMNS:
        raise BadRequest(issue("format.csv-columns-limit", source=f"row {number}", limit=MAX_COLUMNS))
    if not names or "" in names or len(set(names)) != len(names):
        raise BadRequest(issue("format.csv-header", source=f"row {number}"))
    return names


def _check_row(cells: list[str], names: int, width: int, number: int) -> None:
    if len(cells) not in (names, width) or any(cell and not cell.isspace() for cell in cells[names:]):
        raise BadRequest(issue("format.csv-columns", source=f"row {number}", expected=names, found=len(cells)))
