"""A whole type on its way out, in batches by the primary key: bodies, and the participants whose data they hold.

SQLite gives a batch as one row, since it lets go of the interpreter at each; PostgreSQL, and a batch with a body too
large for that, row by row. By the key nothing leaves twice, whatever is written meanwhile.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from gateway.core.resources import Visibility
from gateway.store.batches import BATCH
from gateway.store.port import Batch
from gateway.store.sql import selecting
from gateway.store.sql.database import Database, Prepared, Values
from gateway.store.sql.limiting import Gates
from gateway.store.sql.selecting import Shape
from gateway.store.sql.tables import MANY_PAIRS, ONE_PAIR

START: Final = -1
"""The place before the first resource."""


class LeavingReader:
    """Reads all that is visible of a type; safe between threads."""

    def __init__(self, database: Database, gates: Gates) -> None:
        self._database = database
        self._gates = gates
        self._prepared = lru_cache(maxsize=64)(self._prepare)

    def _prepare(self, shape: Shape) -> Prepared:
        return self._database.prepare(selecting.select(self._database, shape))

    def batches(self, type: str, study: str, visibility: Visibility | None) -> Iterator[Batch]:
        """The batches of a type, each under the grants of its moment."""
        gate = self._gates.of(visibility)
        by_rows = self._prepared(Shape((), gate, what="owned", order="pk", rising=True, after=True))
        packed = self._prepared(Shape((), gate, what="leaving", order="pk", rising=True, after=True))
        values = {**self._gates.values(visibility, study), "study": study, "type": type, "page_count": BATCH}
        after = START
        while True:
            asked = {**values, "after0": after}
            found = self._packed(packed, asked) if self._database.is_sqlite else None
            batch, after = found or self._by_rows(by_rows, asked)
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

    def _by_rows(self, prepared: Prepared, asked: Values) -> tuple[Batch, int]:
        rows = self._database.fetch(prepared, asked, leaving=True)
        lines = b"".join([bytes(row[5]) + b"\n" for row in rows])
        owners = {row[6:] for row in rows}
        after = rows[-1][0] if rows else asked["after0"]
        if any(level == MANY_PAIRS for level, _ in owners):
            return Batch(lines, len(rows), ids=[row[1] for row in rows]), after
        patients = frozenset(subject for level, subject in owners if level == ONE_PAIR and subject)
        return Batch(lines, len(rows), patients), after
