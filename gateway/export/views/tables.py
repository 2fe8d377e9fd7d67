"""The rows of a view or of a query as a file: NDJSON, CSV, Parquet, or a table of a DuckDB database.

Rows are held a batch at a time. Parquet and DuckDB need the extra `tables`.
"""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias

from gateway.core.codec import dumps
from gateway.core.errors import BadRequest, Unprocessable
from gateway.core.issues import issue
from gateway.export.files import whole_file
from gateway.export.views.columns import Kind, Shape
from gateway.export.views.compile import Row

BATCH: Final = 10_000
"""How many rows are held at once."""

DECIMAL_DIGITS: Final = (38, 12)
"""Digits in all and after the point of a decimal column in Parquet and DuckDB."""


class Table(Protocol):
    """What rows are of: a view, or a query over views. `name` is made of letters, digits and underscores."""

    @property
    def name(self) -> str:
        """Its name, "" without one."""

    @property
    def columns(self) -> tuple[Shape, ...]:
        """What a row holds, in order."""


Writer: TypeAlias = Callable[[Table, Iterable[Row], Path], int]

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_table(table: Table, rows: Iterable[Row], path: Path) -> int:
    """Writes the rows to `path`, in the format of its ending, and tells how many there were.

    The file appears whole or not at all; a DuckDB file that is there is kept, and its table of that name is
    replaced. Raises `BadRequest` for an ending that is not known (`export.table-format`) or needs what is not
    installed (`export.table-extra`), `Unprocessable` (`export.view-value`) for a number with too many digits.
    """
    writer = WRITERS.get(path.suffix)
    if writer is None:
        raise BadRequest(issue("export.table-format", known=", ".join(WRITERS)))
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        return writer(table, rows, path)
    except ModuleNotFoundError as missing:
        raise BadRequest(issue("export.table-extra", name=missing.name)) from None


def row_tree(columns: Sequence[Shape], row: Row) -> dict[str, Any]:
    """A row as JSON: dates and instants as text, everything else as it is."""
    return {
        column.name: value.isoformat() if isinstance(value, date | datetime) else value
        for column, value in zip(columns, row, strict=True)
    }


def _write_ndjson(table: Table, rows: Iterable[Row], path: Path) -> int:
    count = 0
    with whole_file(path) as part, part.open("wb") as file:
        for row in rows:
            file.write(dumps(row_tree(table.columns, row)) + b"\n")
            count += 1
    return count


def _write_csv(table: Table, rows: Iterable[Row], path: Path) -> int:
    count = 0
    with whole_file(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([column.name for column in table.columns])
        for row in rows:
            writer.writerow([_csv_cell(value) for value in row])
            count += 1
    return count


def _csv_cell(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula gets an apostrophe; a list is JSON."""
    if value.__class__ is str:
        return f"'{value}" if value.startswith(_FORMULA) else value
    if value.__class__ is list:
        return dumps(value).decode()
    if value.__class__ is bool:
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date | datetime) else value


def arrow_schema(columns: Sequence[Shape]) -> Any:
    """The Arrow schema of the columns, every one nullable."""
    import pyarrow

    kinds: Mapping[Kind, Any] = {
        "boolean": pyarrow.bool_(),
        "integer": pyarrow.int64(),
        "decimal": pyarrow.decimal128(*DECIMAL_DIGITS),
        "double": pyarrow.float64(),
        "string": pyarrow.string(),
        "date": pyarrow.date32(),
        "timestamp": pyarrow.timestamp("us", tz="UTC"),
    }
    fields = [(one.name, pyarrow.list_(kinds[one.kind]) if one.collection else kinds[one.kind]) for one in columns]
    return pyarrow.schema(fields)


def arrow_batches(columns: Sequence[Shape], rows: Iterable[Row]) -> Iterator[Any]:
    """The rows as Arrow record batches of at most `BATCH` rows; none without rows."""
    import pyarrow

    schema, waiting = arrow_schema(columns), iter(rows)
    while batch := list(islice(waiting, BATCH)):
        arrays = []
        for field, column, values in zip(schema, columns, zip(*batch, strict=True), strict=True):
            try:
                arrays.append(pyarrow.array(values, field.type))
            except pyarrow.ArrowInvalid:
                expected = f"numbers with at most {DECIMAL_DIGITS[1]} digits after the point"
                raise Unprocessable(
                    issue("export.view-value", expression="ViewDefinition", column=column.name, expected=expected)
                ) from None
        yield pyarrow.record_batch(arrays, schema)


def _write_parquet(table: Table, rows: Iterable[Row], path: Path) -> int:
    from pyarrow import parquet

    count = 0
    schema = arrow_schema(table.columns)
    with whole_file(path) as part, parquet.ParquetWriter(part, schema, compression="zstd") as writer:
        for batch in arrow_batches(table.columns, rows):
            writer.write_batch(batch)
            count += batch.num_rows
    return count


def _write_duckdb(table: Table, rows: Iterable[Row], path: Path) -> int:
    import duckdb
    import pyarrow

    name, count, is_new = table.name or "view", 0, not path.exists()
    with duckdb.connect(str(path)) as connection:
        if is_new:
            path.chmod(0o600)
        connection.execute("BEGIN")
        # A table's name is made of letters, digits and underscores.
        connection.execute(f'DROP TABLE IF EXISTS "{name}"')
        connection.from_arrow(arrow_schema(table.columns).empty_table()).create(name)
        for batch in arrow_batches(table.columns, rows):
            connection.from_arrow(pyarrow.Table.from_batches([batch])).insert_into(name)
            count += batch.num_rows
        connection.execute("COMMIT")
    return count


WRITERS: Final[Mapping[str, Writer]] = {
    ".ndjson": _write_ndjson,
    ".csv": _write_csv,
    ".parquet": _write_parquet,
    ".duckdb": _write_duckdb,
}
"""Ending -> what writes such a file."""
