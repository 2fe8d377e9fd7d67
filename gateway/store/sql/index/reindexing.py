"""Making the search index of stored resources again, batch by batch in the order of their keys."""

from typing import Any, Final

from sqlalchemy import BigInteger, Connection, Executable, Integer, bindparam, select, update

from gateway.core import loads
from gateway.store.sql.database import Database
from gateway.store.sql.index.indexing import Indexes
from gateway.store.sql.index.rows import Rows, no_rows
from gateway.store.sql.index.writer import IndexBatch, IndexWriter
from gateway.store.sql.tables import ResourceRow, VersionRow, columns_of, table_of
from gateway.store.sql.terms import of_target
from gateway.store.sql.visible import study_is

BATCH: Final = 500
"""How many resources are indexed at once."""


class Reindexer:
    """Indexes resources inside a transaction that somebody else began."""

    def __init__(self, database: Database, indexes: Indexes, writer: IndexWriter) -> None:
        self._database = database
        self._indexes = indexes
        self._writer = writer
        self._lock = None if database.is_sqlite else database.prepare(_locked())
        self._next = database.prepare(_next())
        self._place = database.prepare(_place())
        self._keep = database.prepare(_keep())

    def batch(self, connection: Connection, study: str, after: int) -> tuple[int, int]:
        """Indexes the next resources of a study with a key above `after`: the last key, and how many they were."""
        values = {"study": study, "after": after, "page_count": BATCH}
        if self._lock:
            self._database.run(connection, self._lock, values)
        rows = self._database.run(connection, self._next, values)
        batch, indexes = IndexBatch(), self._indexes.of_study(study)
        heads: list[dict[str, Any]] = []
        kept: list[dict[str, Any]] = []
        for pk, type, id, version, deleted, entries, body in rows:
            made = no_rows() if deleted else indexes.rows(type, loads(bytes(body)))
            batch.replace(study, pk, Rows.unpack(bytes(entries)), made)
            key = {"b_study": study, "b_pk": pk}
            at = {"b_at": made.at, "b_until": made.until, "b_facet": made.facet.id if made.facet else 0}
            heads.append(key | at | {"b_type": type, "b_reference": of_target(f"{type}/{id}")})
            kept.append(key | {"b_version": version, "b_entries": made.pack()})
        self._writer.write(connection, study, batch, set())
        self._database.run_many(connection, self._place, heads)
        self._database.run_many(connection, self._keep, kept)
        return (rows[-1][0] if rows else after), len(rows)


def _locked() -> Executable:
    """Lets writers of the next resources wait, so that no index row is taken away twice or left. It is a statement of
    its own: the next one sees what was written while this one waited."""
    head = columns_of(ResourceRow)
    later = head.pk > bindparam("after", type_=BigInteger)
    found = select(head.pk).where(head.study == study_is(), later).order_by(head.pk)
    return found.limit(bindparam("page_count", type_=Integer)).with_for_update()


def _next() -> Executable:
    """The next resources."""
    head, version = columns_of(ResourceRow), columns_of(VersionRow)
    found = select(head.pk, head.type, head.id, version.version, head.deleted, version.entries, version.body)
    where = [version.study == study_is(), version.pk == head.pk, version.version == head.version]
    later = head.pk > bindparam("after", type_=BigInteger)
    found = found.where(head.study == study_is(), later, *where).order_by(head.pk)
    return found.limit(bindparam("page_count", type_=Integer))


def _place() -> Executable:
    table = table_of(ResourceRow)
    where = [table.c[name] == bindparam(f"b_{name}", type_=table.c[name].type) for name in ("study", "type", "pk")]
    placed = ("at", "until", "facet", "reference")
    return update(table).where(*where).values({name: bindparam(f"b_{name}", type_=BigInteger) for name in placed})


def _keep() -> Executable:
    table = table_of(VersionRow)
    where = [table.c[name] == bindparam(f"b_{name}", type_=table.c[name].type) for name in ("study", "pk", "version")]
    return update(table).where(*where).values(entries=bindparam("b_entries", type_=table.c.entries.type))
