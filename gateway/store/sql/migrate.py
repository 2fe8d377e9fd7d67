"""The schema's version, and the steps from one to the next."""

from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection, column, insert, inspect, select, table, text, update

from gateway.core import issue
from gateway.core.errors import Unavailable
from gateway.store.sql import index_tables as _index_tables  # noqa: F401  # registers its tables
from gateway.store.sql.database import Database
from gateway.store.sql.tables import (
    UNDATED,
    UNORDERED,
    ReplacedRow,
    ResourceRow,
    SchemaRow,
    Table,
    VersionRow,
    columns_of,
    table_of,
)

SCHEMA_VERSION: Final = 4
"""Raised with every change of the tables, together with a step in `STEPS`."""


def _order_resources(connection: Connection) -> None:
    """What is there has no order: the next message may replace it."""
    connection.execute(text(f"ALTER TABLE resource ADD COLUMN ordered BIGINT NOT NULL DEFAULT ({UNORDERED})"))


def _list_replaced(connection: Connection) -> None:
    """The table of replaced versions, filled from the versions that are there."""
    table_of(ReplacedRow).create(connection)
    old, new, head = columns_of(VersionRow), columns_of(VersionRow), columns_of(ResourceRow)
    same = (new.study == old.study, new.pk == old.pk, new.version == old.version + 1)
    found = select(old.study, head.type, old.updated, old.pk, old.version, new.updated).where(
        *same, head.study == old.study, head.pk == old.pk
    )
    connection.execute(insert(table_of(ReplacedRow)).from_select(list(columns_of(ReplacedRow).keys()), found))


def _index_everything(connection: Connection) -> None:
    """Tables for every search parameter; the rows are made by indexing again what is there."""
    for name in ("search_term", "search_date"):
        connection.execute(text(f"DROP TABLE {name}"))
    for name, value in (("at", UNDATED), ("until", UNDATED), ("facet", 0), ("reference", 0)):
        connection.execute(text(f"ALTER TABLE resource ADD COLUMN {name} BIGINT NOT NULL DEFAULT ({value})"))
    index_tables = [table for name, table in Table.metadata.tables.items() if name.startswith("search_")]
    Table.metadata.create_all(connection, index_tables)
    for index in table_of(ResourceRow).indexes:
        index.create(connection, checkfirst=True)


STEPS: Final[dict[int, Callable[[Connection], None]]] = {
    1: _order_resources,
    2: _list_replaced,
    3: _index_everything,
}
"""Version -> what brings a schema of that version to the next."""

_REINDEXED: Final = 4
"""The last version whose index is made another way than that of the version before."""

_LOCK: Final = 7_461_002_355

_SHAPES: Final = (
    ("search_term", "search_term", "10000000 5000000 50 2 1"),
    ("search_reference", "search_reference", "3000000 1500000 3 1 1 1"),
    ("search_date", "search_date", "1000000 500000 2 1 1 1 1"),
    ("search_number", "search_number", "1000000 500000 1 1 1 1 1 1"),
    ("search_string", "search_string", "1000000 500000 5 1 1 1 1"),
    ("search_string", "search_string_text", "1000000 500000 50000 10 1"),
    ("search_word", "search_word", "10000000 5000000 1000 1"),
    ("search_unit", "search_unit", "100 50 1"),
    ("search_facet", "search_facet", "2000 1000 100 1"),
    ("search_facet_term", "search_facet_term", "40000 20000 20 1"),
    ("search_facet_text", "search_facet_text", "40000 20000 20 2 1"),
    ("resource", "resource", "1000000 500000 100000 1"),
    ("resource", "resource_id", "1000000 500000 100000 1"),
    ("resource", "resource_updated", "1000000 500000 100000 100 1"),
    ("resource", "resource_at", "1000000 500000 100000 2 1"),
    ("resource", "resource_facet", "1000000 500000 10000 2 1"),
    ("version", "sqlite_autoindex_version_1", "1000000 500000 1 1"),
    ("replaced", "replaced", "1000000 500000 100000 1 1"),
    ("version_pair", "version_pair", "10000 5000 3 3 3 1"),
    ("consent_grant", "consent_grant", "10000 5000 5 3 1"),
)
"""What SQLite's planner is told about each index: rows in all, then rows with the same first 1, 2, 3 ... columns."""


def migrate(database: Database, reindex: Callable[[Connection], None]) -> None:
    """Creates the schema, or brings an older one up to date, in one transaction; does nothing when it is current.

    `reindex` makes the search index of everything again, within the transaction.
    Raises `Unavailable` with `store.schema-newer` when a newer gateway made the schema.
    """
    database.write(lambda connection: _migrate(database, connection, reindex))


def _migrate(database: Database, connection: Connection, reindex: Callable[[Connection], None]) -> None:
    table = table_of(SchemaRow)
    if not database.is_sqlite:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    if not inspect(connection).has_table(table.name):
        Table.metadata.create_all(connection)
        connection.execute(insert(table).values(version=SCHEMA_VERSION))
        if database.is_sqlite:
            _tell_shapes(connection)
        return
    found = connection.execute(select(table.c.version)).scalar_one()
    if found > SCHEMA_VERSION:
        raise Unavailable(issue("store.schema-newer", found=found, known=SCHEMA_VERSION))
    for version in range(found, SCHEMA_VERSION):
        STEPS[version](connection)
    if found < _REINDEXED:
        reindex(connection)
    if found < SCHEMA_VERSION:
        connection.execute(update(table).values(version=SCHEMA_VERSION))


def _tell_shapes(connection: Connection) -> None:
    """Fixed statistics, so that plans do not depend on when somebody ran ANALYZE: search starts from the terms."""
    connection.execute(text("ANALYZE sqlite_schema"))
    for name, index, shape in _SHAPES:
        row = {"name": name, "index": index, "shape": shape}
        connection.execute(text("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (:name, :index, :shape)"), row)
