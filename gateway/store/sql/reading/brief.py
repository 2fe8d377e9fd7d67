"""Searches that an event loop may run: bounded in steps of SQLite's machine and in bytes, given up beyond.

A page that an index gives takes three thousand steps, less than a change of threads costs; what takes more is for a
thread. So nothing that is asked can keep the loop waiting, whatever it matches.
"""

import sqlite3
from collections import deque
from collections.abc import Callable
from typing import Any, Final, TypeVar

from gateway.store.sql.database import Database, Read

STRIDE: Final = 4_000
"""After how many steps SQLite asks whether to go on."""

STRIDES: Final = 3
"""How often it may go on in one search."""

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
    """Reads of one state of a SQLite database that are short or not done; safe between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._idle: deque[_Connection] = deque()

    def read(self, work: Callable[[Read], _T]) -> _T | None:
        """The result of `work`, all of whose reads see one state; None when it is not had soon.

        Errors of the database give None too: whoever asks again in another way meets them there.
        """
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = _Connection(self._database.connect())
        connection.left = STRIDES
        driver = connection.driver
        try:
            driver.execute("BEGIN")
            result = work(lambda one, values: driver.execute(one.text, one.bind(values)).fetchall())
            driver.execute("COMMIT")
        except sqlite3.Error:
            driver.close()
            return None
        except BaseException:
            driver.close()
            raise
        self._idle.append(connection)
        return result

    def close(self) -> None:
        """Closes every connection that is not in use."""
        while self._idle:
            self._idle.pop().driver.close()
