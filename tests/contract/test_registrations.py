"""Registrations of clients on every database: a step is kept once, with its audit event, or not at all."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from gateway.core.event import Event
from gateway.store.sql import SqlStore


def put(store: SqlStore, study: str, steps: int, body: bytes, id: str = "lake") -> bool:
    moment = datetime(2026, 11, 22, 5, tzinfo=UTC)
    event = Event(
        moment, study, "U", f"step-{steps}", "success", "ana", "org", "operator", "", targets=(f"client:{id}",)
    )
    return store.registrations.put(study, id, steps, body, event)


def test_steps_are_kept_in_their_order_alone(store: SqlStore, study: str) -> None:
    assert store.registrations.all(study) == []
    assert [put(store, study, 1, b"one"), put(store, study, 1, b"again"), put(store, study, 3, b"three")] == [
        True,
        False,
        False,
    ]
    assert put(store, study, 2, b"two")
    assert not put(store, study, 2, b"late")
    assert put(store, study, 1, b"another", "aardvark")
    assert store.registrations.all(study) == [b"another", b"two"]
    assert store.registrations.all(f"{study}-other") == []
    assert [row.sequence for row in store.rows(study)] == [1, 2, 3]


def test_one_of_many_at_once_takes_a_step(store: SqlStore, study: str) -> None:
    put(store, study, 1, b"one")
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda number: put(store, study, 2, b"%d" % number), range(8)))
    assert sum(done) == 1
    assert store.registrations.all(study) == [b"%d" % done.index(True)]
    assert len(list(store.rows(study))) == 2
