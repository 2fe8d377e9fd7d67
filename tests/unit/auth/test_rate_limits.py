"""Budgets are kept by one process and by several, and nobody gets in when the counters cannot be reached."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from math import ceil

import pytest

from gateway.auth.rate_limits import MemoryCounters, RateLimits, SharedStorage
from gateway.core.errors import TooManyRequests, Unavailable
from gateway.store.sql.database import Database
from gateway.store.sql.migrate import migrate
from gateway.store.sql.records.api_keys import RateCounts


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    found = Database.open(request.getfixturevalue(f"new_{request.param}_url"))
    migrate(found)
    yield found
    found.close()


def shared(database: Database, budget: str = "10/day") -> RateLimits:
    """The budgets of one process."""
    return RateLimits({"fhir": budget, "login": ""}, SharedStorage(RateCounts(database)))


def taken(limits: RateLimits, attempts: int, who: str = "app") -> int:
    count = 0
    for _ in range(attempts):
        try:
            limits.spend("fhir", "s", who)
            count += 1
        except TooManyRequests as error:
            assert 0 < error.seconds <= 86_400
    return count


def test_processes_share_a_budget(database: Database) -> None:
    first, second = shared(database), shared(database)
    assert taken(first, 6) == 6
    assert taken(second, 6) == 4
    assert taken(first, 5) == 0
    assert taken(first, 3, "another") == 3
    with pytest.raises(TooManyRequests):
        second.require_left("fhir", "s", "app")
    second.require_left("fhir", "s", "another")


def test_a_process_takes_a_share_at_a_time(database: Database) -> None:
    first, second = shared(database, "1000/day"), shared(database, "1000/day")
    assert taken(first, 1) == 1
    assert RateCounts(database).get("s", "LIMITER/s/fhir/app/1000/1/day")[0] == 10
    assert taken(second, 2000) == 990
    assert taken(first, 20) == 9


def test_threads_do_not_exceed_a_budget(database: Database) -> None:
    limits = shared(database, "50/day")
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: taken(limits, 10), range(16))) == 50


def test_a_window_that_is_over_starts_anew(database: Database) -> None:
    counts = RateCounts(database)
    assert counts.add("s", "x", 5, 0) == 5
    assert counts.add("s", "x", 5, 60) == 5
    assert counts.add("s", "x", 5, 60) == 10
    assert counts.get("s", "x")[1] > time.time()


def test_no_budget_is_no_limit(database: Database) -> None:
    limits = shared(database)
    for _ in range(100):
        limits.spend("login", "", "192.0.2.1")
        limits.spend("failure", "", "192.0.2.1")


def test_counters_that_cannot_be_reached_let_nobody_in(database: Database) -> None:
    limits = shared(database)
    with database.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE rate_count RENAME TO lost")
    with pytest.raises(Unavailable):
        limits.spend("fhir", "s", "app")


def test_one_process_counts_in_memory_and_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = RateLimits({"fhir": "1000/minute"}, SharedStorage(counters := MemoryCounters()))
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    assert taken(limits, 1500) == 1000
    assert taken(limits, 3, "another") == 3
    with pytest.raises(TooManyRequests):
        limits.require_left("fhir", "s", "app")
    limits.require_left("fhir", "s", "another")
    monkeypatch.setattr(time, "time", lambda: now + 61)
    assert counters.get("s", "LIMITER/s/fhir/app/1000/1/minute") == (0, ceil(now + 61))
    assert taken(limits, 1500) == 1000


def test_counters_that_ended_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    counters, now = MemoryCounters(), time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    for number in range(10_000):
        counters.add("s", str(number), 1, 60)
    monkeypatch.setattr(time, "time", lambda: now + 61)
    assert counters.add("s", "last", 2, 60) == 2
    assert counters.get("s", "last")[0] == 2
    assert not any(counters.get("s", str(number))[0] for number in range(10_000))
