"""The schema: made whole where there is none, brought up by Alembic's revisions where there is an older one."""

from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, column, insert, inspect, select, table, text

from gateway.core import issue
from gateway.core.errors import Unavailable
from gateway.store.sql.database import Database
from gateway.store.sql.index import state as _index_state  # noqa: F401  # registers its table
from gateway.store.sql.index import tables as _index_tables  # noqa: F401  # registers its tables
from gateway.store.sql.records import api_keys as _api_keys  # noqa: F401  # registers its tables
from gateway.store.sql.records import app_grants as _app_grants  # noqa: F401  # registers its table
from gateway.store.sql.records import credentials as _credentials  # noqa: F401  # registers its table
from gateway.store.sql.records import exports as _exports  # noqa: F401  # registers its table
from gateway.store.sql.records import registry as _registry  # noqa: F401  # registers its table
from gateway.store.sql.tables import SchemaRow, Table, table_of

SCHEMA_VERSION: Final = 13
"""Raised with every change of the tables, together with a new file in `migrations/versions`."""

_FIRST: Final = table("schema_version", column("version"))
"""The table that held the version before Alembic did, as a number."""

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
    ("resource", "resource_whose", "10000000 5000000 2000000 2000000 50000 100 50 10 1"),
    ("resource", "resource_lasting", "100000 50000 100 2"),
    ("version", "sqlite_autoindex_version_1", "1000000 500000 1 1"),
    ("replaced", "replaced", "1000000 500000 100000 1 1"),
    ("version_pair", "version_pair", "10000 5000 3 3 3 1"),
    ("consent_grant", "consent_grant", "10000 5000 5 3 1"),
    ("consent_rule_kind", "consent_rule_kind", "1000 500 50 1"),
    ("consent_named", "consent_named", "100 50 2 1"),
)
"""What SQLite's planner is told about each index: rows in all, then rows with the same first 1, 2, 3 ... columns."""


def migrate(database: Database) -> None:
    """Creates the schema, or brings an older one up to date, in one transaction; does nothing when it is current.

    Raises `Unavailable` with `store.schema-newer` when a newer gateway made the schema.
    """
    database.write(lambda connection: _migrate(database, connection))


def found_version(connection: Connection) -> int | None:
    """The version of the schema that is there; None for an empty database."""
    tables = inspect(connection)
    if tables.has_table(table_of(SchemaRow).name):
        return int(connection.execute(select(table_of(SchemaRow).c.version_num)).scalar_one())
    if tables.has_table(_FIRST.name):
        return int(connection.execute(select(_FIRST.c.version)).scalar_one())
    return None


def _migrate(database: Database, connection: Connection) -> None:
    if not database.is_sqlite:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    found = found_version(connection)
    if found == SCHEMA_VERSION:
        return
    if found is None:
        Table.metadata.create_all(connection)
        connection.execute(insert(table_of(SchemaRow)).values(version_num=_revision(SCHEMA_VERSION)))
    elif found > SCHEMA_VERSION:
        raise Unavailable(issue("store.schema-newer", found=found, known=SCHEMA_VERSION))
    else:
        _hand_over(connection, found)
        _upgrade(connection)
    if database.is_sqlite:
        _tell_shapes(connection)


def _revision(version: int) -> str:
    return f"{version:04}"


def _hand_over(connection: Connection, found: int) -> None:
    """The version is told where Alembic looks for it."""
    if not inspect(connection).has_table(_FIRST.name):
        return
    table_of(SchemaRow).create(connection)
    connection.execute(insert(table_of(SchemaRow)).values(version_num=_revision(found)))
    connection.execute(text("DROP TABLE schema_version"))


def _upgrade(connection: Connection) -> None:
    # Only an old database needs Alembic, which takes a while to import.
    from alembic.migration import MigrationContext
    from alembic.operations import Operations
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(str(Path(__file__).with_name("migrations")))

    def steps(current: Any, _context: Any) -> Any:
        return scripts._upgrade_revs(_revision(SCHEMA_VERSION), current)

    context = MigrationContext.configure(connection, opts={"fn": steps})
    with Operations.context(context):
        context.run_migrations()


def _tell_shapes(connection: Connection) -> None:
    """Fixed statistics, so that plans do not depend on when somebody ran ANALYZE: search starts from the terms."""
    connection.execute(text("ANALYZE sqlite_schema"))
    connection.execute(text("DELETE FROM sqlite_stat1"))
    for name, index, shape in _SHAPES:
        row = {"name": name, "index": index, "shape": shape}
        connection.execute(text("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (:name, :index, :shape)"), row)
