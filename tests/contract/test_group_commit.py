"""Writers that come together: each gets its own answer, and on SQLite they share the flush of the disk."""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Barrier, Event
from typing import Any

import pytest
from msgspec import structs
from sqlalchemy import Connection, text

from gateway.core.errors import BadRequest, NotFound, PreconditionFailed
from gateway.core.event import Told
from gateway.core.resources import Change, Committed, Key, Unit
from gateway.store.sql import SqlStore
from gateway.store.sql.driver import DriverConnection
from gateway.store.sql.group_commit import Done, GroupCommit
from tests.contract.stores import change, consent, event, observation, reader, unit

WRITERS = 16


def together(work: Callable[[int], Any]) -> list[Any]:
    """What each of the writers gets, or the refusal that it meets."""
    start = Barrier(WRITERS)

    def run(number: int) -> Any:
        start.wait()
        try:
            return work(number)
        except (NotFound, PreconditionFailed) as refusal:
            return refusal

    with ThreadPoolExecutor(WRITERS) as threads:
        return list(threads.map(run, range(WRITERS)))


def test_a_refused_writer_takes_nobody_along(store: SqlStore, study: str) -> None:
    def write(number: int) -> tuple[Committed, ...]:
        if number % 4 == 0:
            return store.commit(Unit(study, (Change(Key(study, "Observation", "never"), None),)))
        return store.commit(unit(study, observation(f"o{number}"), events=(event(study),)))

    answers = together(write)
    assert [isinstance(one, NotFound) for one in answers] == [number % 4 == 0 for number in range(WRITERS)]
    there = {one.key.id for one in store.stream("Observation", study, None)}
    assert there == {f"o{number}" for number in range(WRITERS) if number % 4}
    assert [row.sequence for row in store.rows(study)] == list(range(1, len(there) + 1))


def test_of_writers_that_saw_the_same_version_one_wins(store: SqlStore, study: str) -> None:
    store.commit(unit(study, observation("a")))
    for version in range(1, 4):
        answers = together(
            lambda number, version=version: store.commit(
                Unit(study, (change(study, observation("a", note=f"{version}-{number}"), if_match=version),))
            )
        )
        won = [one for one in answers if not isinstance(one, PreconditionFailed)]
        assert [one[0].stored.version for one in won] == [version + 1]


def test_writers_of_one_resource_each_make_a_version(store: SqlStore, study: str) -> None:
    together(lambda number: store.commit(unit(study, observation("a", note=str(number)))))
    assert [one.version for one in store.history(Key(study, "Observation", "a"), None)] == list(range(WRITERS, 0, -1))


def test_who_waited_for_a_resource_sees_its_new_version_at_once(store: SqlStore, study: str) -> None:
    """PostgreSQL: a lock that was waited for, and then the version; joined in one statement the version is missed."""
    if store.database.is_sqlite:
        pytest.skip("SQLite has one writer at a time")
    store.commit(unit(study, observation("a", note="0")))
    second = change(study, observation("a", note="2"))
    tried = 0

    def prepare(_lookup: object) -> tuple[Change, ...]:
        nonlocal tried
        tried += 1
        return (second,)

    with ThreadPoolExecutor(1) as threads:

        def wait_for_the_second(_committed: object) -> None:
            waiting.append(threads.submit(store.commit, Unit(study, (), prepare=prepare)))
            while not _somebody_waits(store):
                assert not waiting[0].done()

        waiting: list[Future[tuple[Committed, ...]]] = []
        store.commit(unit(study, observation("a", note="1"), confirm=wait_for_the_second))
        assert [one.stored.version for one in waiting[0].result()] == [3]
    assert tried == 1


def _somebody_waits(store: SqlStore) -> bool:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with store.database.snapshot() as connection:
        return bool(connection.execute(text(waiting)).scalar())


def test_what_is_confirmed_sees_the_consents_of_those_before(store: SqlStore, study: str) -> None:
    """A withdrawal and data of one participant come together: whoever is later in the audit chain knew the other."""
    store.commit(unit(study, consent("c", "p1"), observation("old")))
    seen: dict[int, bool] = {}

    def write(number: int) -> None:
        def look(_committed: object) -> None:
            seen[number] = store.read(Key(study, "Observation", "old"), reader(study)) is not None

        told = (event(study, f"write-{number}"),)
        if number == 8:
            store.commit(unit(study, consent("c", "p1", status="inactive"), events=(event(study, "withdraw"),)))
        else:
            store.commit(unit(study, observation(f"n{number}"), events=told, confirm=look))

    together(write)
    order = [row.event for row in store.rows(study)]
    withdrawn = next(place for place, text in enumerate(order) if b"withdraw" in text)
    for number, was_visible in seen.items():
        place = next(place for place, text in enumerate(order) if f'"write-{number}"'.encode() in text)
        assert was_visible is (place < withdrawn)


def test_writers_that_wait_share_a_transaction(store: SqlStore, study: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if not store.database.is_sqlite:
        pytest.skip("PostgreSQL shares flushes itself")
    begun, go, commits = Event(), Event(), 0
    database = store.database

    def count(work: Callable[[DriverConnection], Any]) -> Any:
        nonlocal commits
        commits += 1
        return write(work)

    def hold(_committed: object) -> None:
        begun.set()
        assert go.wait(10)

    write = database.write_driver
    monkeypatch.setattr(database, "write_driver", count)
    with ThreadPoolExecutor(WRITERS) as threads:
        first = threads.submit(store.commit, unit(study, observation("first"), confirm=hold))
        assert begun.wait(10)
        others = [threads.submit(store.commit, unit(study, observation(f"o{n}"))) for n in range(WRITERS - 1)]
        while len(store._group._waiting) < WRITERS - 1:
            pass
        go.set()
        assert [len(one.result()) for one in [first, *others]] == [1] * WRITERS
    assert commits == 2


def test_units_of_one_caller_each_have_their_own_answer(store: SqlStore, study: str) -> None:
    units = [unit(study, observation(f"o{number}"), events=(event(study),)) for number in range(40)]
    units[7] = Unit(study, (Change(Key(study, "Observation", "never"), None),))
    units[20] = unit(study, observation("o19", note="again"))
    answers = store.commit_all(units)
    assert isinstance(answers[7], NotFound)
    assert [answer[0].outcome for answer in answers if not isinstance(answer, BaseException)] == [
        "updated" if number == 20 else "created" for number in range(40) if number != 7
    ]
    assert len(list(store.rows(study))) == 38


def test_what_is_committed_is_asked_once_in_a_group(store: SqlStore) -> None:
    if not store.database.is_sqlite:
        pytest.skip("PostgreSQL commits units beside each other")
    group, asked = GroupCommit(store.database, lambda _connection, _events: None), iter(range(10))

    def ask() -> int:
        return group.once("epoch", lambda: next(asked))

    seen: list[int] = []

    def work(_connection: Connection) -> Done:
        seen.append(ask())
        return Done((), set(), goes_alone=False)

    group.run_all([work, work, work])
    assert (ask(), ask()) == (1, 2)
    group.run(work)
    assert seen == [0, 0, 0, 3]


def test_callers_with_several_units_and_others_lead_in_turn(store: SqlStore, study: str) -> None:
    def write(number: int) -> list[Any]:
        if number % 2:
            return [store.commit(unit(study, observation(f"{number}")))]
        return list(store.commit_all([unit(study, observation(f"{number}-{one}")) for one in range(5)]))

    answers = together(write)
    assert [len(one) for one in answers] == [1 if number % 2 else 5 for number in range(WRITERS)]
    assert not [one for several in answers for one in several if isinstance(one, BaseException)]


def test_each_event_tells_of_the_consents_that_its_writer_met(store: SqlStore, study: str) -> None:
    store.commit(unit(study, consent("c", "p1", {"consent": "Consent/c/1"})))

    def write(number: int) -> Unit:
        told = structs.replace(event(study, f"write-{number}"), targets=(f"Observation/o{number}",))
        return unit(study, observation(f"o{number}"), events=(told,))

    withdrawal = unit(study, consent("c", "p1", status="inactive"), events=(event(study, "withdraw"),))
    answers = store.commit_all([write(1), write(2), withdrawal, write(3)])
    assert not [one for one in answers if isinstance(one, BaseException)]
    rows = [json.loads(row.event) for row in store.rows(study)]
    assert [(row["operation"], row["consents"]) for row in rows] == [
        ("write-1", ["Consent/c/1"]),
        ("write-2", ["Consent/c/1"]),
        ("withdraw", []),
        ("write-3", []),
    ]


def test_an_event_tells_of_what_it_is_about_as_its_writer_found_it(store: SqlStore, study: str) -> None:
    """Somebody found a resource in a transaction that another then changed in the same group."""
    store.commit(unit(study, observation("found"), observation("other", "p2")))
    told = structs.replace(event(study, "found"), targets=("Observation/found",))
    moved = Unit(study, (change(study, observation("found", "p2"), if_match=1),), events=(event(study, "moved"),))
    store.commit_all([unit(study, observation("new"), events=(told,)), moved])
    rows = [json.loads(row.event) for row in store.rows(study)]
    assert [(row["operation"], row["patients"]) for row in rows] == [("found", ["p1"]), ("moved", [])]


def test_an_event_of_another_study_undoes_its_unit_alone(store: SqlStore, study: str) -> None:
    units = [unit(study, observation(f"o{number}"), events=(event(study),)) for number in range(3)]
    units[1] = unit(study, observation("o1"), events=(event("elsewhere"),))
    answers = store.commit_all(units)
    assert [isinstance(one, BadRequest) for one in answers] == [False, True, False]
    assert {one.key.id for one in store.stream("Observation", study, None)} == {"o0", "o2"}


def test_an_event_that_cannot_be_written_takes_nobody_along(store: SqlStore, study: str) -> None:
    if not store.database.is_sqlite:
        pytest.skip("PostgreSQL writes each event within its unit")
    recorded: list[str] = []

    def record(_connection: Connection, events: Sequence[Told]) -> None:
        for one in events:
            if one.study == "bad":
                raise ValueError
        recorded.extend(one.study for one in events)

    group = GroupCommit(store.database, record)
    works = [
        lambda _connection, name=name: Done((), frozenset(), goes_alone=False, events=(event(name),))
        for name in ("one", "bad", "two")
    ]
    answers = group.run_all(works)
    assert [isinstance(one, ValueError) for one in answers] == [False, True, False]
    assert recorded == ["one", "two"]
