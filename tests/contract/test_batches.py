"""What leaves in batches is what a stream gives, with whose data it is told, and ends with a withdrawal."""

from collections.abc import Sequence
from typing import Any

import pytest

from gateway.core.resources import Unit
from gateway.search import Query
from gateway.search.query import IdClause
from gateway.store.batches import BATCH
from gateway.store.port import Batch
from gateway.store.sql import SqlStore
from gateway.store.sql.reading.selecting import PACKED
from tests.contract.stores import change, consent, observation, reader, unit

PEOPLE = ("p1", "p2", "p3")


def left(batches: Sequence[Batch]) -> list[bytes]:
    """The bodies that left, each batch told rightly."""
    for batch in batches:
        assert batch.count == len(batch.bodies) > 0
        assert not batch.ids or len(batch.ids) == batch.count
    return sorted(body for batch in batches for body in batch.bodies)


def fill(store: SqlStore, study: str, count: int, **more: Any) -> None:
    """Observations of three participants, of whom the third consents to nothing."""
    store.commit(unit(study, *(consent(f"c-{person}", person) for person in PEOPLE[:2])))
    rows = [observation(f"o{number}", PEOPLE[number % 3], **more) for number in range(count)]
    store.commit(unit(study, *rows))


@pytest.mark.parametrize("count", [0, 1, 3 * BATCH // 2 - 3, 3 * BATCH // 2, 3 * BATCH // 2 + 3, 3 * BATCH])
def test_batches_hold_what_a_stream_gives(store: SqlStore, study: str, count: int) -> None:
    fill(store, study, count)
    batches = list(store.batches("Observation", study, reader(study)))
    streamed = sorted(one.body for one in store.stream("Observation", study, reader(study)))
    assert left(batches) == streamed
    assert len(streamed) == count - count // 3
    told = {person for batch in batches for person in batch.patients or ()}
    assert told == ((set(PEOPLE[:2]) if count > 1 else {"p1"}) if count else set())
    assert all((batch.patients is None) is bool(batch.ids) for batch in batches)


def test_large_bodies_and_those_of_several_participants_leave_too(store: SqlStore, study: str) -> None:
    fill(store, study, 9)
    both = observation("both", "p1")
    store.commit(unit(study, observation("large", "p1", note=[{"text": "x" * PACKED}])))
    store.commit(Unit(study, (change(study, both, subjects=("p1", "p2")),)))
    hidden = observation("hidden", "p1")
    store.commit(Unit(study, (change(study, hidden, subjects=("p1", "p3")),)))
    batches = list(store.batches("Observation", study, reader(study)))
    assert left(batches) == sorted(one.body for one in store.stream("Observation", study, reader(study)))
    assert [batch.patients for batch in batches] == [None]
    assert {"large", "both"} < set(batches[0].ids)
    assert "hidden" not in batches[0].ids


def test_no_more_than_a_batch_is_read_ahead(store: SqlStore, study: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(store, study, 9 * BATCH // 2)
    fetch, reads = store.database.fetch, list[int]()

    def counted(*asked: Any, **how: Any) -> list[Any]:
        rows = fetch(*asked, **how)
        reads.append(len(rows))
        return rows

    monkeypatch.setattr(store.database, "fetch", counted)
    seen = 0
    for seen, batch in enumerate(store.batches("Observation", study, reader(study)), 1):
        assert batch.count <= BATCH
        assert sum(reads) <= seen * (BATCH + 2)  # rows that only tell something about a batch are few
    assert seen == 3
    assert max(reads) <= BATCH


def test_a_search_leaves_in_batches(store: SqlStore, study: str) -> None:
    fill(store, study, 9)
    query = Query("Observation", (IdClause(("o0", "o1", "o2")),))
    batches = list(store.batches(query, study, reader(study)))
    assert [sorted(batch.ids) for batch in batches] == [["o0", "o1"]]
    assert left(batches) == sorted(one.body for one in store.stream(query, study, reader(study)))


def test_a_withdrawal_ends_what_leaves(store: SqlStore, study: str) -> None:
    fill(store, study, 3 * BATCH)
    batches = store.batches("Observation", study, reader(study))
    first = next(batches)
    assert first.count == BATCH
    store.commit(unit(study, consent("c-p1", "p1", status="inactive")))
    rest = left(list(batches))
    assert rest
    assert all(b"Patient/p2" in body for body in rest)
