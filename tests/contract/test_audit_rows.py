"""The audit chain has no gaps and no forks, whoever writes it."""

from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from threading import Barrier

from gateway.core.instants import micros
from gateway.store.sql import SqlStore
from tests.contract.stores import NOW, event, observation, unit


def assert_whole(store: SqlStore, study: str, count: int) -> None:
    previous = b""
    rows = list(store.rows(study))
    assert [row.sequence for row in rows] == list(range(1, count + 1))
    for row in rows:
        assert row.digest == sha256(previous + row.event).digest()
        previous = row.digest
    assert store.last(study) == rows[-1]


def test_a_study_without_events_has_no_rows(store: SqlStore, study: str) -> None:
    assert store.last(study) is None
    assert list(store.rows(study)) == []
    assert store.append([]) == ()


def test_appended_events_come_back_in_order(store: SqlStore, study: str) -> None:
    rows = store.append([event(study, "one"), event(study, "two")])
    assert [row.sequence for row in rows] == [1, 2]
    assert rows[0].at == micros(NOW)
    assert list(store.rows(study)) == list(rows)
    assert list(store.rows(study, after=1)) == [rows[1]]
    assert_whole(store, study, 2)


def test_events_of_several_studies_keep_their_order(store: SqlStore, study: str) -> None:
    other = study + "-2"
    rows = store.append([event(study), event(other), event(study)])
    assert [(row.study, row.sequence) for row in rows] == [(study, 1), (other, 1), (study, 2)]
    assert_whole(store, study, 2)
    assert_whole(store, other, 1)


def test_more_rows_than_one_batch_are_read(store: SqlStore, study: str) -> None:
    store.append([event(study)] * 2100)
    assert_whole(store, study, 2100)


def test_writers_at_once_make_one_chain(store: SqlStore, study: str) -> None:
    start = Barrier(4)

    def write(number: int) -> None:
        start.wait()
        for step in range(5):
            if number % 2:
                store.append([event(study, f"{number}-{step}")])
            else:
                store.commit(unit(study, observation(f"o{number}-{step}"), events=(event(study),)))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(4)))
    assert_whole(store, study, 20)
