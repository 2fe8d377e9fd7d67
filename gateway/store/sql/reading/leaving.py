"""A whole type on its way out, in batches by the primary key: bodies, and the participants whose data they hold.

SQLite gives a batch as one row, since it lets go of the interpreter at each, or row by row where a body is too large
for that; PostgreSQL gives rows by a server-side cursor. By the key nothing leaves twice, whatever is written.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from gateway.core.clock import Clock
from gateway.core.instants import micros
from gateway.core.resources import Visibility
from gateway.store.batches import BATCH
from gateway.store.port import Batch, Position
from gateway.store.sql.database import Database, Prepared, Read, Rows, Values
from gateway.store.sql.reading import selecting
from gateway.store.sql.reading.cursors import Asked, Cursors
from gateway.store.sql.reading.limiting import Gates
from gateway.store.sql.reading.selecting import Shape
from gateway.store.sql.tables import MANY_PAIRS, ONE_PAIR

START: Final = -1
"""The place before the first resource."""


class LeavingReader:
    """Reads all that is visible of a type; safe between threads."""

    def __init__(self, database: Database, gates: Gates, cursors: Cursors, clock: Clock) -> None:
        self._database = database
        self._gates = gates
        self._clock = clock
        self._cursors = cursors
        self._prepared = lru_cache(maxsize=64)(self._prepare)

    def _prepare(self, shape: Shape) -> Prepared:
        return self._database.prepare(selecting.select(self._database, shape))

    def batches(self, type: str, study: str, visibility: Visibility | None) -> Iterator[Batch]:
        """The batches of a type, each under the grants of its moment."""
        gate = self._gates.of(visibility)
        by_rows = self._prepared(Shape((), gate, what="owned", order="pk", rising=True, after=True))
        values = {**self._gates.values(visibility, study), "study": study, "type": type}
        asked_at = visibility.now if visibility else 0
        if self._database.is_sqlite:
            packed = self._prepared(Shape((), gate, what="leaving", order="pk", rising=True, after=True))
            return self._one_by_one(packed, by_rows, values | {"page_count": BATCH}, asked_at)

        def statement(_read: Read, after: Position | None, now: int) -> tuple[Prepared, Values]:
            return by_rows, values | {"now": now, "page_count": None, "after0": after[0] if after else START}

        rows = self._cursors.batches(Asked(study, type, statement, width=1, now=asked_at))
        return (_batch(one) for one in rows)

    def _one_by_one(self, packed: Prepared, by_rows: Prepared, values: Values, asked_at: int) -> Iterator[Batch]:
        """A statement a batch."""
        after, now = START, asked_at
        while True:
            now = max(now, micros(self._clock()))
            asked = {**values, "now": now, "after0": after}
            found = self._packed(packed, asked)
            if found is None:
                rows = self._database.fetch(by_rows, asked, leaving=True)
                found = _batch(rows), rows[-1][0] if rows else after
            batch, after = found
            if batch.count:
                yield batch
            if batch.count < BATCH:
                return

    def _packed(self, prepared: Prepared, asked: Values) -> tuple[Batch, int] | None:
        """A batch in one row, and its last key; None when a body does not fit, or is of several participants."""
        ((count, last, held, text, subjects, is_of_several),) = self._database.fetch(prepared, asked, leaving=True)
        if held != count or is_of_several:
            return None
        patients = frozenset(filter(None, (subjects or "").split(",")))
        return Batch(text + b"\n" if count else b"", count, patients), last if count else asked["after0"]


def _batch(rows: Rows) -> Batch:
    lines = b"".join([row[5] + b"\n" for row in rows])
    owners = {row[6:] for row in rows}
    if any(level == MANY_PAIRS for level, _ in owners):
        return Batch(lines, len(rows), ids=[row[1] for row in rows])
    return Batch(lines, len(rows), frozenset(subject for level, subject in owners if level == ONE_PAIR and subject))
