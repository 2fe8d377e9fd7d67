"""How long a reading statement may take: what would hold a thread and a processor for minutes is given up.

No count of values or links bounds the time of a search for all data: a hundred values of a composite are nothing in
one study and a minute in another.
"""

import sqlite3
import time
from math import inf
from typing import Any, Final

STEPS: Final = 100_000
"""After how many steps of its machine SQLite looks at the clock: about a millisecond."""

STOPPED: Final = frozenset({"SQLITE_INTERRUPT", "57014"})
"""Codes of errors of statements that were given up."""


class Deadline:
    """Until when a connection may read, in seconds of the monotonic clock: for ever unless told."""

    __slots__ = ("end",)

    def __init__(self) -> None:
        self.end = inf

    def is_over(self) -> bool:
        """Whether what runs is to be given up."""
        return time.monotonic() > self.end


class LimitedConnection(sqlite3.Connection):
    """A connection of SQLite that gives up what it runs once its deadline is over."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.deadline = Deadline()
        self.set_progress_handler(self.deadline.is_over, STEPS)


def limit_statements(driver: Any, seconds: float) -> None:
    """Each statement of this connection of PostgreSQL is given up after so many seconds, 0 for never."""
    driver.execute(f"SET statement_timeout = {round(seconds * 1000)}")
