"""Searches that an event loop may run: bounded in steps of SQLite's machine and in bytes, given up beyond.

A page that an index gives takes two thousand steps, less than a change of threads costs, and a count as many as some
pages; what takes more is for a thread. So nothing that is asked can keep the loop waiting, whatever it matches.
"""

import sqlite3
from collections import deque
from collections.abc import Callable
from typing import Any, Final, TypeAlias, TypeVar

from gateway.store.sql.database import Database, Prepared, Rows, Values

STRIDE: Final = 4_000
"""After how many steps SQLite asks whether to go on."""

STRIDES: Final = 3
"""How often it may go on in one statement of a page."""

LINKED_STRIDES: Final = 7
"""The same of a page together with what it includes, or what its chains lead from."""

COUNT_STRIDES: Final = 7
"""The same of a count: a thousand rows of a participant, which take a millisecond; a thread takes twice that."""


BriefRead: TypeAlias = Callable[[Prepared, Values, int], Rows | None]
"""Reads one statement that may go on so often: see `BriefReads.read`."""

_T = TypeVar("_T")


class _Connection:
    """A connection that gives up; `left` is how often it may still go on."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver
        self.left = 0
        driver.set_progress_handler(self._gives_up, STRIDE)

    def _gives_up(self) -> bool:
        self.left -= 1
        return self.left < 0


class BriefReads:
    """Reads of a SQLite database that are short or not done; safe between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._idle: deque[_Connection] = deque()

    def read(self, asked: Prepared, values: Values, strides: int) -> Rows | None:
        """The rows of one statement; None when they take more than so many strides, and one.

        Errors of the database give None too: whoever asks again in another way meets them there.
        """
        connection = self._take()
        connection.left = strides
        driver = connection.driver
        try:
            rows: Rows | None = driver.execute(asked.text, asked.bind(values)).fetchall()
        except sqlite3.Error as error:
            if not _is_given_up(error):
                driver.close()
                return None
            rows = None
        except BaseException:
            driver.close()
            raise
        self._idle.append(connection)
        return rows

    def in_one_state(self, work: Callable[[BriefRead], _T | None], strides: int) -> _T | None:
        """The result of `work`, whose statements all see one state of the database; None when they take more than so
        many strides together, and one each, or when one fails."""
        connection = self._take()
        driver = connection.driver

        def read(asked: Prepared, values: Values, _strides: int) -> Rows | None:
            rows: Rows = driver.execute(asked.text, asked.bind(values)).fetchall()
            return rows

        try:
            driver.execute("BEGIN")
            connection.left = strides
            result = work(read)
            driver.execute("COMMIT")
        except sqlite3.Error:
            driver.close()  # rolls back
            return None
        except BaseException:
            driver.close()
            raise
        self._idle.append(connection)
        return result

    def _take(self) -> _Connection:
        try:
            return self._idle.pop()
        except IndexError:
            return _Connection(self._database.connect())

    def close(self) -> None:
        """Closes every connection that is not in use."""
        while self._idle:
            self._idle.pop().driver.close()


def _is_given_up(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT
