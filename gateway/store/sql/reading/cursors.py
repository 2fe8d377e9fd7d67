"""Server-side cursors of PostgreSQL: a long result in little memory, none of it under Consents that have changed.

A cursor shows one state of the database, that of its opening. The first rows leave by it; before any later ones do,
it is asked outside of that state whether a Consent changed since, a grant began or ended, or one of these rows has
another version or is deleted. Then another cursor goes on behind the last row that left. So nothing leaves that a
statement for each batch would hold back; and no state is kept for long, which keeps the database from cleaning up.
"""

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    String,
    bindparam,
    case,
    false,
    func,
    literal,
    or_,
    select,
    union_all,
)

from gateway.core.clock import Clock
from gateway.core.errors import Unavailable
from gateway.core.instants import FOREVER_AFTER, micros
from gateway.store.batches import BATCH
from gateway.store.port import Position
from gateway.store.sql.among import among
from gateway.store.sql.consent.grants import STUDY
from gateway.store.sql.database import Database, Prepared, Read, Rows, Values
from gateway.store.sql.tables import ConsentEpochRow, GrantRow, ResourceRow, columns_of
from gateway.store.sql.visible import study_is

STATE_SECONDS: Final = 30.0
"""How long one state of the database is read from."""

IDLE_SECONDS: Final = 60
"""After how long without a fetch the server ends a cursor; whoever goes on then gets another."""

_NAME: Final = "leaving"

_EPOCH: Final = -1
"""In place of a key: what is told is the epoch of the study."""

Ask: TypeAlias = Callable[[Read, Position | None, int], tuple[Prepared, Values]]
"""(reads the state of the cursor, the place to go on behind, the instant in microseconds) -> the statement."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is read: rows of a type, `width` columns of the place, the key last, then id, version and others.

    `now` is when the reader asked, in microseconds.
    """

    study: str
    type: str
    statement: Ask
    width: int
    now: int


@dataclass(frozen=True, slots=True)
class _State:
    """What a cursor shows: the epoch of the study, and the next instant at which a grant begins or ends."""

    epoch: int
    turn: int


class Cursors:
    """Reads by server-side cursors; safe between threads, each result has a connection of its own."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._standing = database.prepare(_standing())
        self._in_range, self._listed = (
            database.prepare(_differing(one)) for one in (_is_within, lambda pk: among(database, pk, "keys"))
        )

    def batches(self, asked: Asked) -> Iterator[Rows]:
        """The rows in the order of the statement, `BATCH` at most at a time; raises `Unavailable`."""
        after: Position | None = None
        is_lost = False
        while True:
            try:
                is_last = False
                with closing(self._of_one_state(asked, after)) as found:
                    for rows in found:
                        is_last, is_lost = len(rows) < BATCH, False
                        if rows:
                            after = rows[-1][: asked.width]
                            yield rows
                if is_last:
                    return
            except Unavailable:
                if is_lost:
                    raise
                is_lost = True

    def _of_one_state(self, asked: Asked, after: Position | None) -> Generator[Rows]:
        """Rows until there are none left, fewer than `BATCH` then, or until the state is no longer to be shown."""
        with self._database.held_state(IDLE_SECONDS) as driver:

            def read(prepared: Prepared, values: Values) -> Rows:
                rows: Rows = driver.execute(prepared.text, prepared.bind(values)).fetchall()
                return rows

            now, until = max(asked.now, micros(self._clock())), time.monotonic() + STATE_SECONDS
            prepared, values = asked.statement(read, after, now)
            with driver.cursor(_NAME, binary=True) as cursor:
                cursor.execute(prepared.text, prepared.bind(values))
                rows = cursor.fetchmany(BATCH)
                yield rows
                if len(rows) < BATCH:
                    return
                ((epoch, turn),) = read(self._standing, {"study": asked.study, "now": now})  # of the same state
                while len(rows) == BATCH and time.monotonic() <= until:
                    rows = cursor.fetchmany(BATCH)
                    if rows and not self._still_holds(asked, _State(epoch, turn), rows):
                        return
                    yield rows

    def _still_holds(self, asked: Asked, state: _State, rows: Rows) -> bool:
        """Whether a statement of now would show these rows too, and as they are."""
        if micros(self._clock()) >= state.turn:
            return False
        pk = asked.width - 1
        versions = {row[pk]: row[asked.width + 1] for row in rows}
        values = {"study": asked.study, "type": asked.type}
        if asked.width == 1:
            values |= {"low": rows[0][0], "high": rows[-1][0]}
            found = self._database.fetch(self._in_range, values, leaving=True)
        else:
            values["keys"] = "{" + ",".join(map(str, versions)) + "}"
            found = self._database.fetch(self._listed, values, leaving=True)
        differing = {key: (version, deleted) for key, version, deleted in found}
        epoch, _ = differing.pop(_EPOCH)
        return epoch == state.epoch and all(
            key not in versions or (versions[key] == version and not deleted)
            for key, (version, deleted) in differing.items()
        )


def _epoch() -> Any:
    own = columns_of(ConsentEpochRow)
    found = select(own.epoch).where(own.study == study_is(), own.subject == STUDY)
    return func.coalesce(found.scalar_subquery(), 0)


def _standing() -> Any:
    """The epoch of the study, and the next instant at which one of its grants begins or ends."""
    grant = columns_of(GrantRow)
    now = bindparam("now", type_=BigInteger)
    turn = func.min(case((grant.valid_low > now, grant.valid_low), else_=grant.valid_high))
    found = select(turn).where(grant.study == study_is(), grant.valid_high > now)
    return select(_epoch(), func.coalesce(found.scalar_subquery(), FOREVER_AFTER))


def _differing(is_meant: Callable[[Any], ColumnElement[bool]]) -> Any:
    """Key, version and deletion of the resources meant that were ever written again; the epoch of the study as the
    version of none."""
    head = columns_of(ResourceRow)
    found = select(head.pk, head.version, head.deleted).where(
        head.study == study_is(),
        head.type == bindparam("type", type_=String),
        is_meant(head.pk),
        or_(head.deleted, head.version > 1),
    )
    return union_all(found, select(literal(_EPOCH, BigInteger), _epoch(), false()))


def _is_within(pk: Any) -> ColumnElement[bool]:
    within: ColumnElement[bool] = pk.between(bindparam("low", type_=BigInteger), bindparam("high", type_=BigInteger))
    return within
