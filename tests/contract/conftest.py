"""Both databases behind one fixture: a contract test runs on each."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from gateway.store.sql import SqlStore
from tests import postgres
from tests.contract.stores import Hand, Noted, open_store


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a database that the tests of this process share."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture(scope="module")
def module_url(
    database_url: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The URL of an empty database that the tests of one file share, of the same kind."""
    if database_url.startswith("sqlite"):
        yield f"sqlite:///{tmp_path_factory.mktemp('module') / 'gateway.db'}"
    else:
        with postgres.database(request.getfixturevalue("postgres_server")) as url:
            yield url


@pytest.fixture(scope="session")
def hand() -> Hand:
    """The clock of the shared store."""
    return Hand()


@pytest.fixture
def clock(hand: Hand) -> Iterator[Hand]:
    """The clock of the shared store, which stands again where it stood when the test is over."""
    now = hand.now
    yield hand
    hand.now = now


@pytest.fixture(scope="session")
def noted() -> Noted:
    """The statements that the shared stores compiled."""
    return Noted()


@pytest.fixture(scope="session")
def store(database_url: str, hand: Hand, noted: Noted) -> Iterator[SqlStore]:
    """A store that the tests of this process share; each test has its own study."""
    opened = open_store(database_url, hand, noted)
    yield opened
    opened.close()


@pytest.fixture
def study() -> str:
    """A study that no other test knows."""
    return f"study-{uuid4().hex[:12]}"


@pytest.fixture
def new_url(database_url: str, request: pytest.FixtureRequest) -> str:
    """The URL of an empty database of this test alone, of the same kind."""
    kind = "new_sqlite_url" if database_url.startswith("sqlite") else "new_postgres_url"
    url: str = request.getfixturevalue(kind)
    return url
