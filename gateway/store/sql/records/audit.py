"""The audit chain of each study: appended under a row lock, so that it has no gaps and no forks."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Executable,
    LargeBinary,
    Select,
    bindparam,
    func,
    insert,
    select,
    update,
)

from gateway.core.event import AuditRow, Told
from gateway.store.port import Chain
from gateway.store.sql.database import Database
from gateway.store.sql.driver import DriverConnection
from gateway.store.sql.records.audit_context import AuditContext, Run
from gateway.store.sql.tables import AuditEventRow, AuditHeadRow, table_of
from gateway.store.sql.visible import study_is

_BATCH: Final = 1_000
_PAST_BATCH: Final = 200
_ROWS: Final = 50
"""How many rows one statement of SQLite inserts at most."""


class AuditRows:
    """Implements audit's `Rows` and `PastRows`, and `extend` for transactions that write more than audit rows."""

    def __init__(self, database: Database, chain: Chain) -> None:
        self._database = database
        self._chain = chain
        self._context = AuditContext(database)
        self._open = database.prepare(_open(database))
        self._lock = database.prepare(_head() if database.is_sqlite else _head().with_for_update())
        self._look = database.prepare(_head())
        self._advance = database.prepare(_advance())
        one = database.prepare(insert(table_of(AuditEventRow))).text
        self._add_many = tuple(_insertion(one, count) for count in range(_ROWS + 1))
        self._read = database.prepare(_rows())
        self._past = database.prepare(_past(database))
        self._last = database.prepare(_last())

    def append(self, events: Sequence[Told]) -> tuple[AuditRow, ...]:
        """See `Rows.append`."""
        studies = dict.fromkeys([event.study for event in events])
        if len(studies) == 1:
            return tuple(self._append(events[0].study, events))
        rows = {one: iter(self._append(one, [event for event in events if event.study == one])) for one in studies}
        return tuple(next(rows[event.study]) for event in events)

    def _append(self, study: str, events: Sequence[Told]) -> list[AuditRow]:
        database, chained = self._database, partial(self.extend, study=study, events=events)
        return database.write_driver(chained) if database.is_sqlite else database.write(chained)

    def extend(self, connection: Connection | DriverConnection, study: str, events: Sequence[Told]) -> list[AuditRow]:
        """Chains events of one study within a transaction, each with its participants and Consents."""
        if not events:
            return []
        run = partial(self._database.run, connection)
        sequence, digest = self._end(run, study)
        rows = []
        for event in self._context.complete(run, study, events):
            sequence += 1
            row = self._chain(digest, event, sequence)
            digest = row.digest
            rows.append(row)
        self._insert(connection, rows)
        run(self._advance, {"b_study": study, "b_sequence": sequence, "b_digest": digest})
        return rows

    def _end(self, run: Run, study: str) -> tuple[int, bytes]:
        """Sequence and digest of the last row of a chain, which is locked; of one that begins 0 and b""."""
        found = run(self._lock, {"study": study})
        if not found:
            run(self._open, {"b_study": study, "b_sequence": 0, "b_digest": b""})
            found = run(self._lock, {"study": study})
        sequence, digest = found[0]
        return sequence, bytes(digest)

    def _insert(self, connection: Connection | DriverConnection, rows: Sequence[AuditRow]) -> None:
        """Inserts the rows of a chain; on SQLite `_ROWS` at a time by one statement, which is half the price."""
        if not self._database.is_sqlite:
            values = [(row.study, row.sequence, row.at, row.event, row.digest) for row in rows]
            self._database.insert(connection, table_of(AuditEventRow), values)
            return
        for start in range(0, len(rows), _ROWS):
            part = rows[start : start + _ROWS]
            bound: list[Any] = [part[0].study]
            for row in part:
                # To SQLite's driver bytes are a class to be adapted, which it looks for twice; a bytearray is not.
                bound += (row.sequence, row.at, bytearray(row.event), bytearray(row.digest))
            connection.exec_driver_sql(self._add_many[len(part)], tuple(bound))

    def patients_of(self, study: str, references: Iterable[str]) -> set[str]:
        """See `Rows.patients_of`."""
        pairs = self._context.pairs(self._database.fetch, study, references)
        return {subject for found in pairs.values() for subject, _ in found}

    def rows(self, study: str, after: int = 0) -> Iterator[AuditRow]:
        """See `Rows.rows`."""
        while found := self._database.fetch(self._read, {"study": study, "after": after}):
            for sequence, at, event, digest in found:
                yield AuditRow(study, sequence, at, bytes(event), bytes(digest))
            after = found[-1][0]

    def rows_before(
        self, study: str, before: int, texts: Sequence[bytes], since: int, until: int
    ) -> Iterator[AuditRow]:
        """See `PastRows.rows_before`."""
        first, second = (*texts, b"", b"")[:2]
        values = {"study": study, "since": since, "until": until, "first": first, "second": second}
        while found := self._database.fetch(self._past, {**values, "before": before}):
            for sequence, at, event, digest in found:
                yield AuditRow(study, sequence, at, bytes(event), bytes(digest))
            before = found[-1][0]

    def last(self, study: str) -> AuditRow | None:
        """The newest row, or None."""
        found = self._database.fetch(self._last, {"study": study})
        return AuditRow(study, *found[0]) if found else None

    def end(self, study: str) -> tuple[int, bytes]:
        """See `Rows.end`."""
        found = self._database.fetch(self._look, {"study": study})
        return (found[0][0], bytes(found[0][1])) if found else (0, b"")


def _open(database: Database) -> Executable:
    columns: dict[str, Any] = {name: bindparam(f"b_{name}") for name in ("study", "sequence", "digest")}
    opened: Executable = database.upsert(table_of(AuditHeadRow)).values(columns).on_conflict_do_nothing()
    return opened


def _head() -> Select[Any]:
    columns = table_of(AuditHeadRow).c
    return select(columns.sequence, columns.digest).where(columns.study == study_is())


def _insertion(one: str, count: int) -> str:
    """SQLite's statement that inserts so many rows of one study, made from that for `one`: the study comes first of
    its parameters, then of each row the rest."""
    rows = (f"(?1, ?{4 * row + 2}, ?{4 * row + 3}, ?{4 * row + 4}, ?{4 * row + 5})" for row in range(count))
    return f"{one.rpartition('VALUES ')[0]}VALUES {', '.join(rows)}"


def _advance() -> Executable:
    table = table_of(AuditHeadRow)
    state = {
        "sequence": bindparam("b_sequence", type_=BigInteger),
        "digest": bindparam("b_digest", type_=LargeBinary),
    }
    return update(table).where(table.c.study == bindparam("b_study")).values(state)


def _rows() -> Executable:
    c = table_of(AuditEventRow).c
    later = c.sequence > bindparam("after", type_=BigInteger)
    found = select(c.sequence, c.at, c.event, c.digest).where(c.study == study_is(), later)
    return found.order_by(c.sequence).limit(_BATCH)


def _past(database: Database) -> Executable:
    c = table_of(AuditEventRow).c
    low, high = bindparam("since", type_=BigInteger), bindparam("until", type_=BigInteger)
    asked = (c.study == study_is(), c.sequence < bindparam("before", type_=BigInteger), c.at >= low, c.at < high)
    told = [_has(database, c.event, bindparam(name, type_=LargeBinary)) for name in ("first", "second")]
    found = select(c.sequence, c.at, c.event, c.digest).where(*asked, *told)
    return found.order_by(c.sequence.desc()).limit(_PAST_BATCH)


def _has(database: Database, column: Any, text: Any) -> ColumnElement[bool]:
    """Whether the bytes of `text` are in those of the column."""
    place = func.instr(column, text) if database.is_sqlite else func.position(text.op("IN")(column))
    found: ColumnElement[bool] = place > 0
    return found


def _last() -> Executable:
    c = table_of(AuditEventRow).c
    found = select(c.sequence, c.at, c.event, c.digest).where(c.study == study_is())
    return found.order_by(c.sequence.desc()).limit(1)
