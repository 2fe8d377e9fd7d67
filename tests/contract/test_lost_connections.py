"""What the store does when the database goes away under it, or cannot keep a value."""

import threading

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from gateway.core.errors import FhirError, Unavailable
from gateway.core.resources import Key
from gateway.store.batches import BATCH
from gateway.store.sql import SqlStore
from tests.contract.stores import Hand, Noted, observation, open_store, unit

READERS = 6


def test_reads_go_on_after_every_connection_was_closed(new_postgres_url: str) -> None:
    store = open_store(new_postgres_url, Hand(), Noted())
    try:
        store.commit(unit("study", observation("a")))
        together = threading.Barrier(READERS)

        def read_many() -> None:
            together.wait()
            for _ in range(20):
                store.read(Key("study", "Observation", "a"), None)

        threads = [threading.Thread(target=read_many) for _ in range(READERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        _close_all(new_postgres_url)
        for _ in range(READERS):
            assert store.read(Key("study", "Observation", "a"), None) is not None
    finally:
        store.close()


def test_what_leaves_ends_when_the_database_is_away(new_postgres_url: str) -> None:
    store = open_store(new_postgres_url, Hand(), Noted())
    try:
        store.commit(unit("study", *(observation(f"o{number}") for number in range(BATCH + 1))))
        batches = store.batches("Observation", "study", None)
        assert next(batches).count == BATCH
        _set_connections(new_postgres_url, allowed=False)
        with pytest.raises(Unavailable):
            next(batches)
        _set_connections(new_postgres_url, allowed=True)
        assert sum(batch.count for batch in store.batches("Observation", "study", None)) == BATCH + 1
    finally:
        store.close()


def test_a_value_that_the_database_cannot_keep_is_the_values_fault(store: SqlStore, study: str) -> None:
    try:
        found = store.read(Key(study, "Observation", "a\0"), None)
    except FhirError as refused:
        assert (refused.status, refused.issues[0].rule) == (422, "store.value")
    else:
        assert found is None


def _set_connections(url: str, *, allowed: bool) -> None:
    name = make_url(url).database
    engine = create_engine(
        make_url(url).set(drivername="postgresql+psycopg", database="postgres"), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        connection.execute(text(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {allowed}'))
        if not allowed:
            connection.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"), {"name": name}
            )
    engine.dispose()


def _close_all(url: str) -> None:
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    engine.dispose()
