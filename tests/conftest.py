"""What every test may use: databases of both kinds, and Hypothesis settings that suit a shared machine."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import postgres

settings.register_profile("gateway", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("gateway")


@pytest.fixture(scope="session")
def postgres_server(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a PostgreSQL server: `GATEWAY_TEST_POSTGRES_URL`, or one started for this run."""
    worker = getattr(request.config, "workerinput", {})
    run = worker.get("testrunuid", str(os.getpid()))
    with postgres.server(run[:12], os.environ.get("GATEWAY_TEST_POSTGRES_URL")) as url:
        yield url


@pytest.fixture(scope="session")
def postgres_url(postgres_server: str) -> Iterator[str]:
    """The URL of a PostgreSQL database that the tests of this process share; use a study of your own in it."""
    with postgres.database(postgres_server) as url:
        yield url


@pytest.fixture(scope="session")
def sqlite_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a SQLite database that the tests of this process share; use a study of your own in it."""
    return f"sqlite:///{tmp_path_factory.mktemp('sqlite') / 'gateway.db'}"


@pytest.fixture
def new_postgres_url(postgres_server: str) -> Iterator[str]:
    """The URL of an empty PostgreSQL database of this test alone."""
    with postgres.database(postgres_server) as url:
        yield url


@pytest.fixture
def new_sqlite_url(tmp_path: Path) -> str:
    """The URL of a SQLite database of this test alone; the file does not exist yet."""
    return f"sqlite:///{tmp_path / 'gateway.db'}"
