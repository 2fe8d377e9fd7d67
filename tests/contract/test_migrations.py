"""Every released schema is brought up to the one that the tables describe, with what it holds."""

import re
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from gateway.core import dumps
from gateway.core.errors import Unavailable
from gateway.core.resources import Key
from gateway.search import parse
from gateway.store import Page
from gateway.store.sql import SqlStore
from gateway.store.sql.database import Database
from gateway.store.sql.migrate import SCHEMA_VERSION, found_version
from gateway.store.sql.tables import Table
from tests.contract.stores import PARAMETERS, consent, observation, open_store, unit

SCHEMAS = Path(__file__).with_name("schemas")
RELEASED = sorted({int(file.name.split(".")[0]) for file in SCHEMAS.glob("*.sql")})

PERMIT = {"grantee": "*", "domain": "*", "action": "*", "purpose": "*"}
CONSENTS = {"permit": {"grants": [PERMIT]}, "dissent": {"dissent": True}}
"""Id -> what a Consent of p1 says beside (see `grants_of_consents`)."""

PLACED = "'s', :pk, :version, :updated, FALSE, 1, '', '', -4611686018427387904, 4611686018427387904"


def body(status: str, version: int) -> bytes:
    return (
        b'{"resourceType":"Observation","id":"a","meta":{"versionId":"%d"},"status":"%s",'
        b'"code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}]},"subject":{"reference":"Patient/p1"}}'
        % (version, status.encode())
    )


@pytest.fixture(params=RELEASED)
def old(new_url: str, request: pytest.FixtureRequest) -> str:
    """The URL of a database with a released schema and a resource of two versions."""
    database = Database.open(new_url)
    name = "sqlite" if database.is_sqlite else "postgresql"
    statements = (SCHEMAS / f"{request.param}.{name}.sql").read_text("utf-8").splitlines()
    with database.engine.begin() as connection:
        for statement in statements:
            if not statement.startswith("--"):
                connection.execute(text(statement.rstrip(";")))
        fill(connection)
    database.close()
    return new_url


def fill(connection: Any) -> None:
    columns = "study, type, pk, id, version, updated, deleted, level, subject, domain, low, high, ordered"
    connection.execute(
        text(
            f"INSERT INTO resource ({columns}) VALUES "
            "('s', 'Observation', 7, 'a', 2, 2000, FALSE, 1, '', '', -4611686018427387904, 4611686018427387904, 5)"
        )
    )
    columns = "study, pk, version, updated, deleted, level, subject, domain, low, high, digest, entries, body"
    for version, status in ((1, "preliminary"), (2, "final")):
        values = {"pk": 7, "version": version, "updated": version * 1000, "body": body(status, version)}
        statement = f"INSERT INTO version ({columns}) VALUES ({PLACED}, :digest, :entries, :body)"
        connection.execute(text(statement), {**values, "digest": b"d", "entries": bytes(8)})

    for pk, id in enumerate(CONSENTS, 8):
        resource = {"resourceType": "Consent", "id": id, "meta": {"versionId": "1"}, "status": "active"}
        resource |= {"patient": {"reference": "Patient/p1"}, **CONSENTS[id]}
        placed = {"pk": pk, "version": 1, "updated": 1000}
        connection.execute(
            text(
                "INSERT INTO resource (study, type, pk, id, version, updated, deleted, level, subject, domain, low, "
                f"high, ordered) SELECT study, 'Consent', {pk}, '{id}', 1, updated, deleted, level, subject, domain, "
                "low, high, ordered FROM resource WHERE pk = 7"
            )
        )
        values = {"digest": b"d", "entries": bytes(8), "body": dumps(resource)}
        statement = f"INSERT INTO version ({columns}) VALUES ({PLACED}, :digest, :entries, :body)"
        connection.execute(text(statement), {**placed, **values})


def differences(store: SqlStore) -> list[Any]:
    """What Alembic would still change."""
    with store.database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": "none"})
        return list(compare_metadata(context, Table.metadata))


def has_lasting(store: SqlStore) -> bool:
    """Whether `resource_lasting` is there as the tables say; reflection passes over indexes of expressions."""
    asked = "SELECT indexdef FROM pg_indexes WHERE indexname = 'resource_lasting'"
    if store.database.is_sqlite:
        asked = "SELECT sql FROM sqlite_master WHERE name = 'resource_lasting'"
    with store.database.engine.connect() as connection:
        made = "".join(re.findall(r"\w+", str(connection.execute(text(asked)).scalar_one())))
    return "studyfacetuntil1000000at1000000WHEREuntil1000000at100000060" in made


skips_expressions = pytest.mark.filterwarnings("ignore:.*expression.based index")


@skips_expressions
def test_a_released_schema_becomes_the_one_of_today(old: str) -> None:
    store = open_store(old)
    assert differences(store) == []
    assert has_lasting(store)
    with store.database.engine.connect() as connection:
        assert found_version(connection) == SCHEMA_VERSION
        assert not inspect(connection).has_table("schema_version")
        keys = {
            name: inspect(connection).get_pk_constraint(name)["constrained_columns"] for name in Table.metadata.tables
        }
    assert keys == {name: [one.name for one in table.primary_key] for name, table in Table.metadata.tables.items()}
    store.close()


@skips_expressions
def test_a_new_schema_is_the_one_of_the_tables(new_url: str) -> None:
    store = open_store(new_url)
    assert differences(store) == []
    assert has_lasting(store)
    store.close()


def test_what_was_there_is_there_and_goes_on(old: str) -> None:
    store = open_store(old)
    key = Key("s", "Observation", "a")
    found = store.read(key, None)
    assert found is not None
    assert found.body == body("final", 2)
    assert [one.version for one in store.changes("s", None, type="Observation", page=Page(5)).rows] == [2, 1]
    assert store.commit(unit("s", observation("a", status="amended")))[0].stored.version == 3
    assert store.commit(unit("s", observation("b")))[0].outcome == "created"
    assert [one.version for one in store.changes("s", None, type="Observation", page=Page(5)).rows] == [1, 3, 2, 1]
    store.close()


def test_searches_wait_until_everything_is_indexed_again(old: str) -> None:
    store = open_store(old)
    by_code = parse("Observation", [("code", "8867-4")], PARAMETERS)
    for ask in (
        lambda: store.search(by_code, "s", None, Page(5)),
        lambda: list(store.stream(by_code, "s", None)),
        lambda: list(store.stream("Observation", "s", None)),
        lambda: store.find("s", "Observation", "identifier", "", "x"),
    ):
        with pytest.raises(Unavailable) as refused:
            ask()
        assert [found.rule for found in refused.value.issues] == ["store.reindex-needed"]
    told: list[tuple[int, int]] = []
    assert store.maintenance.reindex("s", lambda done, total: told.append((done, total))) == 3
    assert told[-1] == (3, 3)
    assert [one.version for one in store.search(by_code, "s", None, Page(5)).rows] == [2]
    assert store.maintenance.reindex("s", lambda done, total: None) == 0
    store.close()


def test_no_grant_is_made_before_every_consent_is_indexed(old: str) -> None:
    store = open_store(old)
    store.maintenance.reindex("unknown", lambda done, total: None)
    another = consent("another", "p1")
    for write in (lambda: store.commit(unit("s", another)), lambda: store.regrant("s")):
        with pytest.raises(Unavailable) as refused:
            write()
        assert [found.rule for found in refused.value.issues] == ["store.reindex-needed"]
    store.maintenance.reindex("s", lambda done, total: None)
    store.commit(unit("s", another))
    assert store.read(Key("s", "Observation", "a"), None) is not None
    with store.database.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM consent_grant")).scalar_one() == 0
    store.close()


@skips_expressions
def test_bringing_it_up_twice_changes_nothing(old: str) -> None:
    open_store(old).close()
    store = open_store(old)
    store.migrate()
    assert differences(store) == []
    store.close()
