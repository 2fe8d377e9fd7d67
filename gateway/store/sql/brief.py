"""Searches that an event loop may run: bounded in steps of SQLite's machine and in bytes, given up beyond.

A page that an index gives takes three thousand steps, less than a change of threads costs; what takes more is for a
thread. So nothing that is asked can keep the loop waiting, whatever it matches.
"""

import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import msgspec

from gateway.store.port import Bodies
from gateway.store.sql.database import Database, Read, Rows
from gateway.store.sql.selecting import SEPARATOR, SEVERAL

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


def unpacked(type: str, rows: Rows, count: int) -> Bodies | None:
    """The page of at most `count` resources in the row of a packed page; None when a body is not in it.

    A row of it is one more than the page, unless it is the last.
    """
    facts, packed = rows[0] if rows else ("[]", None)
    found = _decode(facts)
    if not found:
        return Bodies(type, (), (), (), None, ())
    bodies = packed.split(_BETWEEN) if packed else []
    if len(bodies) != len(found) or found != sorted(found, reverse=True):  # a row's place comes first, each its own
        return None
    _, _, versions, ids, pairs = zip(*found, strict=True)
    following = found[count - 1][:2] if len(ids) > count else None
    return Bodies(type, ids[:count], versions[:count], bodies[:count], following, _pairs(pairs[:count]))


def _pairs(texts: Sequence[str]) -> tuple[tuple[str, str], ...] | None:
    """The pairs of `subject/domain` texts, each once; None when some resource has several."""
    told = set(texts)
    told.discard("")
    if SEVERAL in told:
        return None
    return tuple((subject, domain) for subject, _, domain in (text.partition("/") for text in told))


_BETWEEN: Final = bytes((SEPARATOR,))
_decode = msgspec.json.Decoder(list[tuple[int, int, int, str, str]]).decode
