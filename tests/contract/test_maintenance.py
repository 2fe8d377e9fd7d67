"""Backups between both databases, checks that find every kind of damage, indexing again while others write."""

import stat
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Table as SqlTable
from sqlalchemy import text

from gateway.core.errors import Conflict, FhirError, Unavailable, Unprocessable
from gateway.core.issues import Issue
from gateway.core.resources import Key, Unit
from gateway.definitions import r4
from gateway.search import Parameters, parse
from gateway.store import Page
from gateway.store.sql import SqlStore
from gateway.store.sql.index.reindexing import BATCH
from gateway.store.sql.tables import Table
from tests.contract.stores import (
    PARAMETERS,
    Hand,
    chain,
    change,
    consent,
    event,
    grants_of_consents,
    observation,
    open_store,
    reader,
    unit,
)

SOME = Parameters(r4(), without={"code", "date", "_text"})
"""The parameters of a gateway that indexes otherwise."""


def ignore(*_told: object) -> None:
    """Hears of progress."""


def rules(found: list[Issue]) -> list[str]:
    return [one.rule for one in found]


def contents(store: SqlStore) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, in an order."""
    with store.database.engine.connect() as connection:
        return {
            name: sorted((tuple(row) for row in connection.execute(table.select())), key=repr)
            for name, table in all_tables().items()
        }


def all_tables() -> dict[str, SqlTable]:
    """The tables by name."""
    return dict(Table.metadata.tables)


@pytest.fixture
def filled(new_url: str) -> Iterator[SqlStore]:
    store = open_store(new_url)
    store.commit(unit("s", consent("c1", "p1")))
    text = {"status": "generated", "div": "<div>\u00e9t\u00e9</div>"}
    quantity = {"value": 5, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"}
    store.commit(unit("s", observation("a", text=text), observation("b", "p2", valueQuantity=quantity)))
    store.commit(unit("s", observation("a", status="amended"), events=(event("s"),)))
    store.commit(Unit("s", (change("s", observation("gone")),)))
    store.commit(Unit("s", (change("s", observation("gone"), if_match=1),)))
    store.commit(unit("t", {"resourceType": "Patient", "id": "p1", "name": [{"family": "N\u00fa\u00f1ez"}]}))
    yield store
    store.close()


@pytest.mark.parametrize("target", ["sqlite", "postgresql"])
def test_a_backup_fills_either_kind_of_database(
    filled: SqlStore, target: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    file = tmp_path / "backup"
    written: list[int] = []
    manifest = filled.maintenance.back_up(file, lambda _table, count: written.append(count))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert sum(written) == sum(member.rows for member in manifest.tables.values())
    assert manifest.tables["version"].rows == 6
    copy = open_store(f"sqlite:///{tmp_path / 'copy.db'}" if target == "sqlite" else other_postgres(request))
    assert copy.maintenance.restore(file, ignore) == manifest
    assert contents(copy) == contents(filled)
    if target == "postgresql":
        with copy.database.snapshot() as connection:
            counted = connection.execute(
                text("SELECT reltuples FROM pg_class WHERE relname = 'version'")
            ).scalar_one()
        assert counted == 6  # the planner knows what was filled in
    assert copy.maintenance.check("s", ignore) == []
    by_code = parse("Observation", [("code", "8867-4")], PARAMETERS)
    assert len(copy.search(by_code, "s", reader("s"), Page(9)).rows) == 2
    assert copy.commit(unit("s", observation("a")))[0].stored.version == 3
    copy.close()


def other_postgres(request: pytest.FixtureRequest) -> str:
    """A database beside the one of the test."""
    url: str = request.getfixturevalue("other_postgres_url")
    return url


@pytest.fixture
def other_postgres_url(postgres_server: str) -> Iterator[str]:
    from tests import postgres

    with postgres.database(postgres_server) as url:
        yield url


def test_a_backup_replaces_no_file_and_fills_no_database_that_has_rows(filled: SqlStore, tmp_path: Path) -> None:
    file = tmp_path / "backup"
    filled.maintenance.back_up(file, ignore)
    before = contents(filled)
    with pytest.raises(Conflict) as exists:
        filled.maintenance.back_up(file, ignore)
    with pytest.raises(Conflict) as filled_already:
        filled.maintenance.restore(file, ignore)
    assert rules([*exists.value.issues, *filled_already.value.issues]) == ["store.backup-exists", "store.not-empty"]
    assert contents(filled) == before
    assert sorted(tmp_path.glob("backup*")) == [file]


def damaged(file: Path, how: str) -> None:
    """Changes a backup."""
    if how == "cut":
        file.write_bytes(file.read_bytes()[:-200])
    elif how == "other":
        file.write_bytes(b"no archive")
    else:
        with zipfile.ZipFile(file) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        if how == "missing":
            del members["rows/version"]
        elif how == "schema":
            members["manifest.json"] = members["manifest.json"].replace(b'"schema":', b'"schema":9')
        elif how == "tables":
            members["manifest.json"] = members["manifest.json"].replace(b'"version":{', b'"versions":{')
        else:
            members["rows/version"] = members["rows/version"].replace(b"amended", b"AMENDED")
        with zipfile.ZipFile(file, "w") as archive:
            for name, data in members.items():
                archive.writestr(name, data)


def test_a_damaged_backup_changes_nothing(filled: SqlStore, tmp_path: Path) -> None:
    file = tmp_path / "backup"
    copy = open_store(f"sqlite:///{tmp_path / 'copy.db'}")
    before = contents(copy)
    for how in ("cut", "other", "missing", "schema", "tables", "changed"):
        filled.maintenance.back_up(file, ignore)
        damaged(file, how)
        with pytest.raises(Unprocessable) as refused:
            copy.maintenance.restore(file, ignore)
        rule = "store.backup-schema" if how == "schema" else "store.backup-broken"
        assert rules(list(refused.value.issues)) == [rule], how
        assert contents(copy) == before, how
        file.unlink()
    copy.close()


def test_a_whole_database_has_no_fault(filled: SqlStore) -> None:
    looked: list[int] = []
    assert filled.maintenance.check_file() == []
    assert filled.maintenance.check("s", looked.append) == []
    assert sum(looked) == 4
    assert filled.maintenance.check("unknown", ignore) == []


def test_a_payload_that_was_emptied_at_a_participants_wish_is_no_damage(filled: SqlStore) -> None:
    with filled.database.engine.begin() as connection:
        statement = "INSERT INTO payload (study, sha256, body) VALUES ('s', 'x', :none)"
        connection.execute(text(statement), {"none": b""})
    assert filled.maintenance.check("s", ignore) == []


DAMAGE = {
    "DELETE FROM version WHERE study = 's' AND version = 2": "store.check-lost",
    "UPDATE version SET body = :body WHERE study = 's' AND version = 2": "store.check-content",
    "UPDATE version SET body = :broken WHERE study = 's' AND version = 2": "store.check-content",
    "UPDATE version SET entries = :broken WHERE study = 's' AND version = 2": "store.check-index",
    "UPDATE version SET entries = :none WHERE study = 's' AND version = 2": "store.check-index",
    "INSERT INTO payload (study, sha256, body) VALUES ('s', 'x', :broken)": "store.check-payload",
}


def test_a_check_finds_what_is_wrong(filled: SqlStore) -> None:
    body = b'{"resourceType":"Observation","id":"a","meta":{"versionId":"2"},"status":"final"}'
    values = {"body": body, "broken": b"{", "none": bytes.fromhex("97d3bfffffffffffffff909090909090")}
    versions = all_tables()["version"]
    with filled.database.engine.begin() as connection:
        whole = [row._asdict() for row in connection.execute(versions.select())]
    for statement, rule in DAMAGE.items():
        with filled.database.engine.begin() as connection:
            connection.execute(versions.delete())
            connection.execute(versions.insert(), whole)
            used = {name: value for name, value in values.items() if f":{name}" in statement}
            connection.execute(text(statement), used)
        found = filled.maintenance.check("s", ignore)
        assert rules(found) == [rule], statement
        assert "1" in found[0].message


def with_parameters(store: SqlStore, parameters: Parameters) -> SqlStore:
    """Another gateway on the same database."""
    return SqlStore.open(
        store.database.engine.url.render_as_string(hide_password=False),
        parameters=parameters,
        compile_grants=grants_of_consents,
        chain=chain,
        clock=Hand(),
    )


def test_other_parameters_need_another_index(filled: SqlStore) -> None:
    other = with_parameters(filled, SOME)
    by_status = parse("Observation", [("status", "amended")], SOME)
    with pytest.raises(Unavailable) as refused:
        other.search(by_status, "s", None, Page(5))
    assert rules(list(refused.value.issues)) == ["store.reindex-needed"]
    assert other.read(Key("s", "Observation", "a"), None) is not None
    assert not other.maintenance.is_whole("s")
    assert rules(other.maintenance.check("s", ignore)) == ["store.check-index"]
    assert other.maintenance.reindex("s", ignore) == 4
    assert other.maintenance.check("s", ignore) == []
    assert len(other.search(by_status, "s", None, Page(5)).rows) == 1
    assert not with_parameters(filled, PARAMETERS).maintenance.is_whole("s")
    assert with_parameters(filled, PARAMETERS).maintenance.is_whole("unknown")
    other.close()


def test_indexing_goes_on_where_it_was_stopped_while_others_write(new_url: str) -> None:
    first = open_store(new_url)
    many = BATCH + BATCH // 2
    first.commit(unit("s", *(observation(f"o{number}") for number in range(many))))
    store = with_parameters(first, SOME)

    def stop(done: int, total: int) -> bool:
        return (done, total) != (BATCH, many)

    assert store.maintenance.reindex("s", stop) == BATCH
    assert not store.maintenance.is_whole("s")

    def write() -> None:
        for number in range(0, many, 50):
            store.commit(unit("s", observation(f"o{number}", status="amended")))
            store.commit(unit("s", observation(f"new{number}")))

    def index() -> int:
        return store.maintenance.reindex("s", ignore)

    with ThreadPoolExecutor(3) as threads:
        tasks = [threads.submit(index), threads.submit(index), threads.submit(write)]
        done = [task.result() for task in tasks]
    assert store.maintenance.is_whole("s")
    assert store.maintenance.check("s", ignore) == []
    assert sum(count for count in done if count) <= many - BATCH + many // 50 + 1
    by_status = parse("Observation", [("status", "amended"), ("_total", "accurate")], SOME)
    assert store.search(by_status, "s", None, Page(5)).total == many // 50
    first.close()
    store.close()


def test_what_is_refused_names_no_value(filled: SqlStore, tmp_path: Path) -> None:
    with pytest.raises(FhirError) as refused:
        filled.maintenance.restore(Path(__file__), ignore)
    assert "test_maintenance" not in "".join(found.message + found.hint for found in refused.value.issues)
