"""The schema's version, and the steps from one to the next."""

from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection, insert, inspect, select, text, update

from gateway.core import issue
from gateway.core.errors import Unavailable
from gateway.store.sql.database import Database
from gateway.store.sql.tables import (
    UNORDERED,
    ReplacedRow,
    ResourceRow,
    SchemaRow,
    Table,
    VersionRow,
    columns_of,
    table_of,
)

SCHEMA_VERSION: Final = 3
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


STEPS: Final[dict[int, Callable[[Connection], None]]] = {1: _order_resources, 2: _list_replaced}
"""Version -> what brings a schema of that version to the next."""

_LOCK: Final = 7_461_002_355

_SHAPES: Final = (
    ("search_term", "search_term", "10000000 5000000 50 1"),
    ("search_date", "search_date", "1000000 500000 100000 1 1 1"),
    ("resource", "resource", "1000000 500000 100000 1"),
    ("resource", "resource_id", "1000000 500000 100000 1"),
    ("resource", "resource_updated", "1000000 500000 100000 100 1"),
    ("version", "sqlite_autoindex_version_1", "1000000 500000 1 1"),
    ("replaced", "replaced", "1000000 500000 100000 1 1"),
    ("version_pair", "version_pair", "10000 5000 3 3 3 1"),
    ("consent_grant", "consent_grant", "10000 5000 5 3 1"),
)
"""What SQLite's planner is told about each index: rows in all, then rows with the same first 1, 2, 3 ... columns."""


def migrate(database: Database) -> None:
    """Creates the schema, or brings an older one up to date, in one transaction; does nothing when it is current.

    Raises `Unavailable` with `store.schema-newer` when a newer gateway made the schema.
    """
    database.write(lambda connection: _migrate(database, connection))


def _migrate(database: Database, connection: Connection) -> None:
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
    if found < SCHEMA_VERSION:
        connection.execute(update(table).values(version=SCHEMA_VERSION))


def _tell_shapes(connection: Connection) -> None:
    """Fixed statistics, so that plans do not depend on when somebody ran ANALYZE: search starts from the terms."""
    connection.execute(text("ANALYZE sqlite_schema"))
    for name, index, shape in _SHAPES:
        row = {"name": name, "index": index, "shape": shape}
        connection.execute(text("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (:name, :index, :shape)"), row)
