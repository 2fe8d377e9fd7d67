"""A SQLite connection in a transaction, behind the one method of SQLAlchemy's that statements are run by.

Rows that are inserted wait here until something else is asked of the connection. So what several units of one
transaction insert into a table is one statement, and a unit that does nothing else needs no savepoint to be undone
by. Whatever else runs sees all that was inserted before it.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

# SQLite's driver looks in four places for how a value of any other class than these is to be bound: here it finds it.
sqlite3.register_adapter(bytes, memoryview)
sqlite3.register_adapter(bool, int)

_Row: TypeAlias = tuple[Any, ...]

HELD: Final = 256
"""How many rows of one statement wait at most; more are worth a statement of their own."""


class DriverConnection:
    """A SQLite connection in a transaction, with the one method that statements are run by."""

    def __init__(self, driver: Any) -> None:
        self._driver = driver
        self._held: dict[str, list[_Row]] = {}
        self._before: dict[str, list[_Row]] | None = None
        self._has_savepoint = False

    def exec_driver_sql(self, text: str, parameters: Any) -> "DriverResult":
        """Runs a statement: once, or once for each tuple of a list."""
        self._begin_statement()
        run = self._driver.executemany if isinstance(parameters, list) else self._driver.execute
        return DriverResult(run(text, parameters))

    def insert(self, text: str, rows: Sequence[_Row]) -> None:
        """Inserts rows by a statement that has nothing to answer, now or before anything else is run."""
        if len(rows) > HELD:
            self._begin_statement()
            self._driver.executemany(text, rows)
        elif text in self._held:
            self._held[text] += rows
        else:
            self._held[text] = list(rows)

    def flush(self) -> None:
        """Inserts what waits."""
        if self._held:
            held, self._held = self._held, {}
            for text, rows in held.items():
                if len(rows) == 1:
                    self._driver.execute(text, rows[0])
                else:
                    self._driver.executemany(text, rows)

    def begin_unit(self) -> None:
        """From here on `undo_unit` takes back what is done, until `end_unit`; one at a time."""
        self._before, self._held = self._held, {}

    def end_unit(self) -> None:
        """Keeps what the unit did."""
        before, self._before = self._before, None
        if self._has_savepoint:
            self._has_savepoint = False
            self._driver.execute("RELEASE unit")
        if before:
            for text, rows in self._held.items():
                if text in before:
                    before[text] += rows
                else:
                    before[text] = rows
            self._held = before

    def undo_unit(self) -> None:
        """Takes back what was done since `begin_unit`."""
        self._held, self._before = self._before or {}, None
        if self._has_savepoint:
            self._has_savepoint = False
            self._driver.execute("ROLLBACK TO unit")
            self._driver.execute("RELEASE unit")

    def _begin_statement(self) -> None:
        """What waits is written first; of a unit within a savepoint, made once there is something to undo."""
        if self._before is not None and not self._has_savepoint:
            mine, self._held = self._held, self._before
            self._before = {}
            self.flush()
            self._held = mine
            self._driver.execute("SAVEPOINT unit")
            self._has_savepoint = True
        if self._held:
            self.flush()


class DriverResult:
    """What a statement gave."""

    __slots__ = ("_cursor",)

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    @property
    def returns_rows(self) -> bool:
        """Whether the statement is one that has rows."""
        return self._cursor.description is not None

    def fetchall(self) -> list[Any]:
        """The rows."""
        rows: list[Any] = self._cursor.fetchall()
        return rows
