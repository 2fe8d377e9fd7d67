"""What leaves while others write: each batch as a statement of its moment would show it, on both databases."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, TypeAlias

import pytest

from gateway.core.instants import micros
from gateway.core.resources import Change, Key, Unit
from gateway.search import Query
from gateway.store.port import Batch
from gateway.store.sql import SqlStore
from tests.contract.stores import NOW, Hand, change, consent, observation, reader, unit

Asked: TypeAlias = Query | str

BATCH = 20
"""As large as batches are here: how they are put together does not depend on it, how long each test takes does."""
COUNT = 3 * BATCH
ROUNDS = 50
PATIENCE_SECONDS = 30


@pytest.fixture(autouse=True)
def _batches_are_small(monkeypatch: pytest.MonkeyPatch) -> None:
    _set_batch(monkeypatch, BATCH)


@pytest.fixture(params=["type", "search"])
def asked(request: pytest.FixtureRequest) -> Asked:
    """All of a type by its keys, or a search of it, which is in time."""
    return Query("Observation") if request.param == "search" else "Observation"


@pytest.fixture
def filled(store: SqlStore, study: str) -> SqlStore:
    """Observations o0, o1 ... of two participants in turn, who both consent."""
    store.commit(unit(study, *(consent(f"c-{person}", person) for person in ("p0", "p1"))))
    store.commit(unit(study, *(observation(f"o{number}", f"p{number % 2}") for number in range(COUNT))))
    return store


@pytest.fixture
def openings(filled: SqlStore, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows with each cursor that is opened; stays empty on SQLite."""
    seen: list[int] = []
    held = filled.database.held_state

    def counted(idle_seconds: int) -> AbstractContextManager[Any]:
        seen.append(idle_seconds)
        return held(idle_seconds)

    monkeypatch.setattr(filled.database, "held_state", counted)
    return seen


def leaving(store: SqlStore, study: str, asked: Asked) -> Iterator[Batch]:
    return store.batches(asked, study, reader(study))


def bodies(batches: Iterator[Batch]) -> list[bytes]:
    return [body for batch in batches for body in batch.bodies]


def test_what_is_written_elsewhere_opens_no_other_cursor(
    filled: SqlStore, study: str, asked: Asked, openings: list[int]
) -> None:
    before = bodies(leaving(filled, study, asked))
    openings.clear()
    batches = leaving(filled, study, asked)
    first = next(batches)
    filled.commit(unit(study, observation("new"), observation("o1", "p1", note=[])))
    filled.commit(unit(f"{study}-other", consent("c", "p0", status="inactive")))
    assert {*first.bodies, *bodies(batches)} >= set(before)
    assert len(openings) == (0 if filled.database.is_sqlite else 1)


@pytest.mark.parametrize("mode", ["deleted", "corrected", "given to another"])
def test_a_resource_leaves_as_it_is_now_or_not_at_all(filled: SqlStore, study: str, asked: Asked, mode: str) -> None:
    batches = leaving(filled, study, asked)
    next(batches)
    at = BATCH + 10
    key = Key(study, "Observation", f"o{at}")
    filled.commit(unit(study, consent("c-p2", "p2", status="inactive")))
    if mode == "deleted":
        filled.commit(Unit(study, (Change(key, None),)))
    elif mode == "corrected":
        filled.commit(unit(study, observation(key.id, "p0", valueString="right")))
    else:
        filled.commit(unit(study, observation(key.id, "p2")))
    rest = [body for body in bodies(batches) if b'"id":"%s"' % key.id.encode() in body]
    assert len(rest) == (mode == "corrected")
    assert all(b"right" in body for body in rest)


def test_a_resource_that_is_placed_with_another_is_gone(filled: SqlStore, study: str, asked: Asked) -> None:
    batches = leaving(filled, study, asked)
    next(batches)
    moved = change(study, observation(f"o{BATCH + 10}", "p0"), subjects=("p2",))
    filled.commit(Unit(study, (moved,)))
    assert not [body for body in bodies(batches) if b'"id":"o%d"' % (BATCH + 10) in body]


def test_consents_that_change_at_every_batch_hold_nothing_up(
    filled: SqlStore, study: str, asked: Asked, openings: list[int]
) -> None:
    seen = 0
    for number, batch in enumerate(leaving(filled, study, asked)):
        seen += batch.count
        filled.commit(unit(study, consent(f"c-other{number}", f"other{number}")))
    assert seen == COUNT
    assert len(openings) == (0 if filled.database.is_sqlite else 3)


def test_a_consent_that_comes_opens_what_is_left(filled: SqlStore, study: str, asked: Asked) -> None:
    filled.commit(unit(study, consent("c-p0", "p0", status="inactive")))
    batches = leaving(filled, study, asked)
    assert not any(b"Patient/p0" in body for body in next(batches).bodies)
    filled.commit(unit(study, consent("c-p0", "p0")))
    assert any(b"Patient/p0" in body for body in bodies(batches))


def test_a_grant_that_ends_meanwhile_holds_no_longer(filled: SqlStore, study: str, asked: Asked, clock: Hand) -> None:
    ends = micros(NOW) + 60_000_000
    filled.commit(unit(study, consent("c-p0", "p0", {"valid_low": 0, "valid_high": ends})))
    batches = leaving(filled, study, asked)
    assert any(b"Patient/p0" in body for body in next(batches).bodies)
    clock.move(60)
    assert not any(b"Patient/p0" in body for body in bodies(batches))


def test_a_clock_that_goes_back_gives_nothing_back(filled: SqlStore, study: str, asked: Asked, clock: Hand) -> None:
    ends = micros(NOW) - 60_000_000
    filled.commit(unit(study, consent("c-p0", "p0", {"valid_low": 0, "valid_high": ends})))
    batches = leaving(filled, study, asked)
    assert not any(b"Patient/p0" in body for body in next(batches).bodies)
    clock.move(-120)
    filled.commit(unit(study, consent("c-p2", "p2")))  # so that another cursor is opened
    assert not any(b"Patient/p0" in body for body in bodies(batches))


def test_a_reader_who_goes_away_leaves_no_cursor(filled: SqlStore, study: str, asked: Asked) -> None:
    batches = leaving(filled, study, asked)
    next(batches)
    assert open_states(filled) == (0 if filled.database.is_sqlite else 1)
    batches.close()  # type: ignore[attr-defined]  # a generator, whatever the port says
    await_ended_states(filled)
    assert len(bodies(leaving(filled, study, asked))) == COUNT
    assert open_states(filled) == 0


def test_connections_are_used_again(
    filled: SqlStore, study: str, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(bodies(leaving(filled, study, asked))) == COUNT
    connect, made = filled.database.connect, list[Any]()

    def counted(*pragmas: Any) -> Any:
        made.append(pragmas)
        return connect(*pragmas)

    monkeypatch.setattr(filled.database, "connect", counted)
    assert len(bodies(leaving(filled, study, asked))) == COUNT
    assert not bodies(filled.batches("Encounter", study, reader(study)))
    assert made == []


def test_no_state_is_shown_for_long(
    filled: SqlStore, study: str, asked: Asked, openings: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.store.sql.reading.cursors.STATE_SECONDS", -1.0)
    assert len(bodies(leaving(filled, study, asked))) == COUNT
    assert len(openings) == (0 if filled.database.is_sqlite else 4)


def test_a_lost_connection_costs_another_cursor(
    filled: SqlStore, study: str, asked: Asked, openings: list[int]
) -> None:
    if filled.database.is_sqlite:
        pytest.skip("a file has no connection to lose")
    batches = leaving(filled, study, asked)
    first = next(batches)
    end_states(filled)
    second = next(batches)
    assert len(openings) == 2
    end_states(filled)
    rest = bodies(batches)
    assert len(openings) == 3
    assert len({*first.bodies, *second.bodies, *rest}) == len(first.bodies) + len(second.bodies) + len(rest) == COUNT


def test_nothing_leaves_of_a_participant_who_has_withdrawn(
    filled: SqlStore, study: str, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Round after round one of two participants withdraws while a batch of five after another leaves."""
    _set_batch(monkeypatch, 5)
    chance, held = random.Random(20261122), 0
    for _ in range(ROUNDS):
        filled.commit(unit(study, consent("c-p0", "p0")))
        gone, begun, start = threading.Event(), threading.Event(), chance.randrange(8)

        def leave(gone: threading.Event = gone, begun: threading.Event = begun) -> None:
            begun.wait()
            filled.commit(unit(study, consent("c-p0", "p0", status="inactive")))
            gone.set()

        thread = threading.Thread(target=leave)
        thread.start()
        batches = leaving(filled, study, asked)
        for number in range(100):
            if number == start:
                begun.set()
            is_after = gone.is_set()
            batch = next(batches, None)
            if batch is None:
                break
            held += b"Patient/p0" in batch.lines
            assert not (is_after and b"Patient/p0" in batch.lines)
        thread.join()
        assert not any(b"Patient/p0" in body for body in bodies(leaving(filled, study, asked)))
    assert held > ROUNDS


def _set_batch(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    for module in ("sql.reading.cursors", "sql.reading.leaving", "sql.reading.streams", "batches"):
        monkeypatch.setattr(f"gateway.store.{module}.BATCH", count)


def open_states(store: SqlStore) -> int:
    """How many connections of the database are within a transaction, this one aside."""
    return 0 if store.database.is_sqlite else len(_states(store, "pid"))


def await_ended_states(store: SqlStore) -> None:
    """Waits: a process of the server notes that its client has gone when it next runs, after that has closed."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while open_states(store):
        assert time.monotonic() < deadline, "a cursor was left open"
        time.sleep(0.01)


def end_states(store: SqlStore) -> None:
    """Ends them, as a server does that restarts, and waits until they have ended."""
    assert all(ended for (ended,) in _states(store, f"pg_terminate_backend(pid, {PATIENCE_SECONDS}000)"))


def _states(store: SqlStore, told: str) -> list[Any]:
    with store.database.engine.connect() as connection:
        return list(
            connection.exec_driver_sql(
                f"SELECT {told} FROM pg_stat_activity WHERE datname = current_database() "  # our words
                "AND pid <> pg_backend_pid() AND state = 'idle in transaction'"
            )
        )
