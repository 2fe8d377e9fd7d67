"""DuckDB as queries have it: in memory, locked, with its own folder to spill to, and nothing of the machine besides.

One thread, so that sums of floating-point numbers are the same each time. See
https://duckdb.org/docs/stable/operations_manual/securing_duckdb/overview.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final, TypeVar

from gateway.core.errors import Unavailable, Unprocessable
from gateway.core.issues import issue
from gateway.export.views.columns import Kind, Shape
from gateway.export.views.compile import Row
from gateway.export.views.tables import BATCH, DECIMAL_DIGITS, arrow_batches, arrow_schema

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MEMORY: Final = "256MB"
"""What a query may hold before it spills."""

SPILLED: Final = "20GB"
"""What a query may spill."""

SECONDS: Final = 600
"""How long DuckDB may compute on end."""

_START: Final[Mapping[str, str]] = {
    "max_temp_directory_size": SPILLED,
    "threads": "1",
    "allow_community_extensions": "false",
    "allow_unsigned_extensions": "false",
    "allow_persistent_secrets": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
}
_THEN: Final = ("SET TimeZone = 'UTC'", "SET enable_external_access = false", "SET lock_configuration = true")

_SQL_TYPES: Final[Mapping[Kind, str]] = {
    "boolean": "BOOLEAN",
    "integer": "BIGINT",
    "decimal": f"DECIMAL({DECIMAL_DIGITS[0]}, {DECIMAL_DIGITS[1]})",
    "double": "DOUBLE",
    "string": "VARCHAR",
    "date": "DATE",
    # The session's zone is UTC: an instant becomes its UTC date and time.
    "timestamp": "TIMESTAMP",
}

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Database:
    """One locked DuckDB: tables are filled with rows, and one SELECT at a time is asked."""

    connection: "DuckDBPyConnection"
    seconds: float = SECONDS

    def create(self, name: str, columns: Sequence[Shape]) -> None:
        """An empty table; `name` is made of letters, digits and underscores."""
        self.connection.from_arrow(arrow_schema(columns).empty_table()).create(name)

    def fill(self, name: str, columns: Sequence[Shape], rows: Iterable[Row]) -> None:
        """Rows into a table, a batch at a time; raises `Unprocessable` where a number has too many digits."""
        import pyarrow

        for batch in arrow_batches(columns, rows):
            table = self.connection.from_arrow(pyarrow.Table.from_batches([batch]))
            self.limited(lambda table=table: table.insert_into(name))  # type: ignore[misc]

    def select(self, sql: str, columns: Sequence[Shape], values: Mapping[str, Any]) -> Iterator[Row]:
        """The rows of a SELECT that was checked, as its columns have them, in its order."""
        named = ", ".join(f'CAST("{one.name}" AS {sql_type(one)}) AS "{one.name}"' for one in columns)
        # Names of columns are letters, digits and underscores, and what stands in the parentheses is one SELECT.
        asked = f"SELECT {named} FROM (\n{sql}\n)"  # noqa: S608
        cursor = self.limited(lambda: self.connection.execute(asked, dict(values)))
        makers = [_MAKERS.get(one.kind) for one in columns]
        lists = [one.collection for one in columns]
        while rows := self.limited(lambda: cursor.fetchmany(BATCH)):
            for row in rows:
                yield tuple(
                    value if make is None or value is None else [*map(make, value)] if several else make(value)
                    for value, make, several in zip(row, makers, lists, strict=True)
                )

    def limited(self, call: Callable[[], _Answer]) -> _Answer:
        """The call's answer; raises `Unprocessable` when it fails over the data or takes too long.

        DuckDB's own words may hold values and are not passed on.
        """
        import duckdb

        timer = threading.Timer(self.seconds, self.connection.interrupt)
        timer.start()
        try:
            return call()
        except duckdb.InterruptException:
            raise Unprocessable(issue("export.query-time", seconds=self.seconds)) from None
        except (duckdb.OutOfMemoryException, duckdb.IOException):
            raise Unavailable(issue("export.query-room")) from None
        except duckdb.Error as error:
            raise Unprocessable(issue("export.query-run", kind=type(error).__name__)) from None
        finally:
            timer.cancel()


def sql_type(column: Shape) -> str:
    """The SQL type of a column's values."""
    return _SQL_TYPES[column.kind] + ("[]" if column.collection else "")


@contextmanager
def database(seconds: float = SECONDS, memory: str = MEMORY) -> Iterator[Database]:
    """A locked DuckDB and its folder, both gone afterwards."""
    import duckdb

    with (
        TemporaryDirectory(prefix="query-") as folder,
        duckdb.connect(":memory:", config={**_START, "memory_limit": memory, "temp_directory": folder}) as connection,
    ):
        for setting in _THEN:
            connection.execute(setting)
        yield Database(connection, seconds)


def _decimal(value: Decimal) -> Decimal:
    """Without the zeros that the table's type adds."""
    plain = value.normalize()
    return plain if plain.as_tuple().exponent <= 0 else plain.quantize(Decimal(1))  # type: ignore[operator]


def _instant(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC)


_MAKERS: Final[Mapping[Kind, Callable[[Any], Any]]] = {"decimal": _decimal, "timestamp": _instant}
