"""What every test may use: databases of both kinds, and Hypothesis settings that suit a shared machine."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import postgres
from tests.made_once import made_once

settings.register_profile("gateway", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("gateway")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Iterator[None]:
    """What is imported and collected lives as long as the process, so garbage is not looked for while it is made, nor
    among it later; and rarely among what tests keep, of which there are millions of objects: walked after every small
    growth they were a fifth of the time of all tests, in pauses of seconds that befell whichever test was running.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 10, 20)
        gc.enable()


def pytest_unconfigure() -> None:
    """Libraries count at the end of the process what of theirs is left: all can go."""
    gc.unfreeze()


@pytest.fixture(scope="session", autouse=True)
def _pure_parts() -> Iterator[None]:
    """Gateways of the same files share their definitions, search parameters, validator and compiled mappings."""
    with made_once():
        yield


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
