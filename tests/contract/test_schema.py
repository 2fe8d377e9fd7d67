"""The schema: made once, refused when newer, durable by default, private on disk; the study leads every key."""

import os
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import text

from gateway.core.errors import Unavailable
from gateway.core.resources import Key
from gateway.store.sql import SqlStore
from gateway.store.sql.tables import Table
from tests.contract.stores import observation, open_store, unit

WITHOUT_STUDY = {"alembic_version", "study"}


def test_migrating_again_changes_nothing(new_url: str) -> None:
    store = open_store(new_url)
    store.commit(unit("s", observation("a")))
    store.migrate()
    assert store.read(Key("s", "Observation", "a"), None) is not None
    store.close()


def test_processes_that_start_at_once_make_one_schema(new_url: str) -> None:
    start = Barrier(3)

    def begin(_number: int) -> None:
        start.wait()
        open_store(new_url).close()

    with ThreadPoolExecutor(3) as threads:
        list(threads.map(begin, range(3)))
    store = open_store(new_url)
    store.commit(unit("s", observation("a")))
    store.close()


def test_a_newer_schema_is_refused(new_url: str) -> None:
    store = open_store(new_url)
    with store.database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0999'"))
    with pytest.raises(Unavailable) as refused:
        store.migrate()
    store.close()
    assert [found.rule for found in refused.value.issues] == ["store.schema-newer"]
    assert "999" in refused.value.issues[0].message


def test_a_missing_schema_is_unavailable_and_tells_no_values(new_url: str) -> None:
    store = open_store(new_url)
    with store.database.engine.begin() as connection:
        connection.execute(text("DROP TABLE resource"))
    with pytest.raises(Unavailable) as refused:
        store.read(Key("s", "Observation", "SECRET-ID"), None)
    store.close()
    assert [found.rule for found in refused.value.issues] == ["store.schema-missing"]
    assert "SECRET" not in str(refused.value.issues)
    assert refused.value.__cause__ is None


def test_what_was_committed_is_there_for_the_next_process(new_url: str) -> None:
    first = open_store(new_url)
    first.commit(unit("s", observation("a")))
    second = open_store(new_url)
    assert second.read(Key("s", "Observation", "a"), None) is not None
    second.close()
    first.close()


def test_sqlite_is_durable_and_private(new_sqlite_url: str) -> None:
    store = open_store(new_sqlite_url)
    with store.database.snapshot() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar_one() == 2
    assert os.stat(new_sqlite_url.removeprefix("sqlite:///")).st_mode & 0o077 == 0
    store.close()


def test_an_in_memory_database_is_refused() -> None:
    with pytest.raises(ValueError, match="file"):
        open_store("sqlite://")


def test_a_database_that_does_not_answer_is_unavailable() -> None:
    with pytest.raises(Unavailable) as refused:
        open_store("postgresql://nobody:secret@127.0.0.1:1/none")
    assert "secret" not in str(refused.value.issues)


@pytest.mark.parametrize("name", sorted(Table.metadata.tables.keys() - WITHOUT_STUDY))
def test_every_key_and_index_starts_with_the_study(name: str) -> None:
    table = Table.metadata.tables[name]
    assert next(iter(table.primary_key.columns)).name == "study"
    assert all(next(iter(index.columns)).name == "study" for index in table.indexes)
    assert not table.foreign_keys


def test_reads_go_on_after_the_server_closed_the_connections(new_postgres_url: str) -> None:
    store = open_store(new_postgres_url)
    store.commit(unit("s", observation("a")))
    assert store.read(Key("s", "Observation", "a"), None) is not None
    with store.database.engine.begin() as connection:
        kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        connection.execute(text(kill + " AND pid <> pg_backend_pid()"))
    assert store.read(Key("s", "Observation", "a"), None) is not None
    store.close()


def test_a_writer_waits_for_the_writer_of_another_process(new_sqlite_url: str) -> None:
    first, second = open_store(new_sqlite_url), open_store(new_sqlite_url)
    start = Barrier(2)

    def write(store: SqlStore, prefix: str) -> None:
        start.wait()
        for number in range(20):
            store.commit(unit("s", observation(f"{prefix}{number}")))

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(write, (first, second), "ab"))
    assert sum(1 for _ in first.stream("Observation", "s", None)) == 40
    first.close()
    second.close()
