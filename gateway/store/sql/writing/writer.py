"""The statements that change resources: each runs once for a whole set of rows."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Executable,
    String,
    Table,
    bindparam,
    delete,
    insert,
    select,
    update,
)

from gateway.core import issue
from gateway.core.clock import Clock
from gateway.core.errors import BadRequest
from gateway.core.instants import micros
from gateway.core.resources import Change, Committed
from gateway.store.sql.among import among, as_list
from gateway.store.sql.consent.kinds import KindKeeper
from gateway.store.sql.consent.placing import PLACED_COLUMNS
from gateway.store.sql.database import Database
from gateway.store.sql.index.indexing import Indexes
from gateway.store.sql.index.writer import IndexWriter, Known
from gateway.store.sql.keys import KeyMaker
from gateway.store.sql.tables import (
    PairRow,
    ReplacedRow,
    ResourceRow,
    VersionRow,
    columns_of,
    table_of,
)
from gateway.store.sql.visible import study_is
from gateway.store.sql.writing.changes import Batch, Head, Planner


class ResourceWriter:
    """Applies changes inside a transaction that somebody else began."""

    def __init__(self, database: Database, indexes: Indexes, clock: Clock, keys: KeyMaker) -> None:
        self._database = database
        self._indexes = indexes
        self.index = IndexWriter(database)
        self.kinds = KindKeeper(database)
        self._clock = clock
        self._keys = keys
        self._lock_heads = None if database.is_sqlite else database.prepare(_locked(database))
        self._find_heads = database.prepare(_heads(database))
        self._set_head = database.prepare(_update(table_of(ResourceRow), ("type", "pk"), _HEAD_STATE))
        self._set_placed = database.prepare(
            _update(table_of(VersionRow), ("pk", "version"), (*PLACED_COLUMNS, "kind"))
        )
        self._drop_pairs = database.prepare(_delete(table_of(PairRow), ("pk", "version")))
        self._copy_pairs = database.prepare(_copy_pairs())

    def apply(
        self, connection: Connection, study: str, changes: Sequence[Change], subjects: set[str], noted: Known
    ) -> list[Committed]:
        """What became of each change, in their order; later changes of a key see the earlier ones.

        The Patients whose Consents change are added to `subjects`; for `noted` see `IndexWriter.write`.
        """
        if not changes:
            return []
        for change in changes:
            if change.key.study != study:
                raise BadRequest(issue("store.other-study"))
        done: list[Committed] = []
        for wave in _waves(changes):
            heads = self._heads(connection, study, wave)
            now, fresh = micros(self._clock()), len(wave) - len(heads)
            keys = iter(self._keys.take(fresh, now) if fresh else ())
            planner = Planner(study, now, self._indexes.of_study(study), keys.__next__)
            done += [planner.plan(change, heads.get((change.key.type, change.key.id))) for change in wave]
            self._write(connection, planner.batch)
            self.index.write(connection, study, planner.batch.index, noted)
            subjects |= planner.subjects
            self.kinds.note(connection, study, planner.kinds, noted)
        return done

    def _heads(self, connection: Connection, study: str, changes: Iterable[Change]) -> dict[tuple[str, str], Head]:
        ids: dict[str, list[str]] = {}
        for change in changes:
            if not change.is_new:
                ids.setdefault(change.key.type, []).append(change.key.id)
        heads = {}
        for type in sorted(ids):
            values = {"study": study, "type": type, "ids": as_list(self._database, ids[type])}
            if self._lock_heads and not self._database.run(connection, self._lock_heads, values):
                continue
            for row in self._database.run(connection, self._find_heads, values):
                id, pk, version, updated, deleted, level, subject, domain, low, high, *state = row
                placed = (level, subject, domain, low, high)
                heads[type, id] = Head(pk, version, updated, bool(deleted), placed, *state)
        return heads

    def _write(self, connection: Connection, batch: Batch) -> None:
        database = self._database
        for prepared, rows in (
            (self._set_head, batch.new_heads),
            (self._set_placed, batch.moved),
            (self._drop_pairs, batch.old_pairs),
            (self._copy_pairs, batch.copied_pairs),
        ):
            if rows:
                database.run_many(connection, prepared, rows)
        for table, made in zip(_TABLES, (batch.heads, batch.versions, batch.replaced, batch.pairs), strict=True):
            if made:
                database.insert(connection, table, made)


_TABLES: Final = tuple([table_of(row) for row in (ResourceRow, VersionRow, ReplacedRow, PairRow)])

_HEAD_STATE = ("version", "updated", "deleted", *PLACED_COLUMNS, "ordered", "at", "until", "facet", "kind")


def _waves(changes: Sequence[Change]) -> Iterator[list[Change]]:
    """The changes in runs without a repeated key: one set of statements a run."""
    if len(changes) == 1:
        yield [*changes]
        return
    wave: list[Change] = []
    seen: set[tuple[str, str]] = set()
    for change in changes:
        name = (change.key.type, change.key.id)
        if name in seen:
            yield wave
            wave, seen = [], set()
        wave.append(change)
        seen.add(name)
    if wave:
        yield wave


def _heads(database: Database) -> Executable:
    head, version = columns_of(ResourceRow), columns_of(VersionRow)
    state = [head[name] for name in ("id", "pk", *_HEAD_STATE)]
    return select(*state, version.digest, version.entries, version.body).where(
        head.study == study_is(),
        head.type == bindparam("type", type_=String),
        among(database, head.id, "ids"),
        version.study == study_is(),
        version.pk == head.pk,
        version.version == head.version,
    )


def _locked(database: Database) -> Executable:
    """Locks the heads in one order. It is a statement of its own: what comes after it sees the versions that were
    written while it waited, where a join that waits would look for the new version in its old snapshot."""
    head = columns_of(ResourceRow)
    found = select(head.pk).where(
        head.study == study_is(),
        head.type == bindparam("type", type_=String),
        among(database, head.id, "ids"),
    )
    return found.order_by(head.pk).with_for_update()


def _update(table: Table, keys: Sequence[str], columns: Sequence[str]) -> Executable:
    values = {name: bindparam(f"b_{name}", type_=table.c[name].type) for name in columns}
    return update(table).where(*_where(table, keys)).values(values)


def _delete(table: Table, keys: Sequence[str]) -> Executable:
    return delete(table).where(*_where(table, keys))


def _where(table: Table, keys: Sequence[str]) -> list[ColumnElement[bool]]:
    return [table.c[name] == bindparam(f"b_{name}", type_=table.c[name].type) for name in chain(("study",), keys)]


def _copy_pairs() -> Executable:
    """A deletion stands where the version before it stood."""
    table = table_of(PairRow)
    new = bindparam("b_new", type_=BigInteger)
    source = select(table.c.study, table.c.pk, new, table.c.subject, table.c.domain)
    return insert(table).from_select(list(table.c.keys()), source.where(*_where(table, ("pk", "version"))))
