"""A SQLite connection in a transaction, behind the one method of SQLAlchemy's that statements are run by."""

from typing import Any


class DriverConnection:
    """A SQLite connection in a transaction, with the one method that statements are run by."""

    def __init__(self, driver: Any) -> None:
        self._driver = driver

    def exec_driver_sql(self, text: str, parameters: Any) -> "DriverResult":
        """Runs a statement: once, or once for each tuple of a list."""
        run = self._driver.executemany if isinstance(parameters, list) else self._driver.execute
        return DriverResult(run(text, parameters))


class DriverResult:
    """What a statement gave."""

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
