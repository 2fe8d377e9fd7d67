"""How long a reading statement may take: what would hold a thread and a processor for minutes is given up.

No count of values or links bounds the time of a search for all data: a hundred values of a composite are nothing in
one study and a minute in another.
"""

import time
from functools import partial
from typing import Any, Final

STEPS: Final = 100_000
"""After how many steps of its machine SQLite looks at the clock: about a millisecond."""

STOPPED: Final = frozenset({"SQLITE_INTERRUPT", "57014"})
"""Codes of errors of statements that were given up."""


def limit(driver: Any, seconds: float, *, is_sqlite: bool) -> None:
    """What this connection reads next is given up after so many seconds, 0 for never.

    SQLite's time runs from now on, for all that is read until this is called again; PostgreSQL's from the start of
    each statement.
    """
    if is_sqlite:
        driver.set_progress_handler(partial(_is_over, time.monotonic() + seconds) if seconds else None, STEPS)
    else:
        driver.execute(f"SET statement_timeout = {round(seconds * 1000)}")


def _is_over(end: float) -> bool:
    return time.monotonic() > end
