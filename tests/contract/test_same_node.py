"""Two processes that drew the same node make the same keys while the clock stands: nobody is refused for it."""

from collections.abc import Iterator

import pytest

from gateway.core.resources import Key
from gateway.store.sql import SqlStore
from tests.contract.stores import event, observation, open_store, unit


@pytest.fixture
def twins(new_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[SqlStore, SqlStore]]:
    """Two stores on one database, each with keys of the same node and the same standing clock."""
    monkeypatch.setattr("gateway.store.sql.store.secrets.randbits", lambda _bits: 7)
    first, second = open_store(new_url), open_store(new_url)
    yield first, second
    second.close()
    first.close()


def test_who_makes_a_key_that_is_taken_makes_another(twins: tuple[SqlStore, SqlStore], study: str) -> None:
    for number in range(6):
        for name, store in enumerate(twins):
            store.commit(unit(study, observation(f"o{name}-{number}"), events=(event(study),)))
    first, second = twins
    ids = {f"o{name}-{number}" for name in range(2) for number in range(6)}
    assert {one.key.id for one in first.stream("Observation", study, None)} == ids
    assert [row.sequence for row in second.rows(study)] == list(range(1, len(ids) + 1))
    assert all(len(second.history(Key(study, "Observation", id), None)) == 1 for id in ids)
