"""An installation of the demo study, shared by the tests of one module, and its clock."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from gateway.app import Gateway, build
from gateway.settings import Settings


class Moving:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 6, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(scope="module")
def clock() -> Moving:
    return Moving()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, clock: Moving) -> Iterator[Gateway]:
    made = build(Settings(data_dir=tmp_path_factory.mktemp("gateway")), clock)
    yield made
    made.close()
