"""Units that look before they write: conditional creates and updates are atomic."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import NoReturn

import pytest

from gateway.core.errors import PreconditionFailed
from gateway.core.resources import Change, Committed, Key, Lookup, Unit
from gateway.search import Query, parse
from gateway.store import Page
from gateway.store.sql import SqlStore
from tests.contract.stores import PARAMETERS, change, consent, event, observation, reader, unit


def by_identifier(value: str) -> Query:
    return parse("Observation", [("identifier", f"urn:x|{value}")], PARAMETERS)


def identified(id: str, value: str) -> dict[str, object]:
    return observation(id, identifier=[{"system": "urn:x", "value": value}])


def create_unless_there(study: str, id: str, value: str) -> Callable[[Lookup], Sequence[Change]]:
    def prepare(lookup: Lookup) -> Sequence[Change]:
        return () if lookup(by_identifier(value), None, 2) else (change(study, identified(id, value)),)

    return prepare


def test_what_prepare_returns_is_written_before_the_changes(store: SqlStore, study: str) -> None:
    done: list[tuple[Committed, ...]] = []
    committed = store.commit(
        unit(
            study,
            observation("b"),
            prepare=create_unless_there(study, "a", "1"),
            confirm=done.append,
            report=lambda made: tuple(event(study, one.stored.key.id) for one in made),
            events=(event(study, "first"),),
        )
    )
    assert [one.stored.key.id for one in committed] == ["a", "b"]
    assert done == [committed]
    assert [name in row.event for row, name in zip(store.rows(study), (b"first", b'"a"', b'"b"'), strict=True)] == [
        True
    ] * 3
    again = Unit(study, (), prepare=create_unless_there(study, "c", "1"))
    assert store.commit(again) == ()


def test_a_lookup_sees_what_its_reader_may_see(store: SqlStore, study: str) -> None:
    store.commit(unit(study, identified("a", "1"), identified("b", "1")))
    seen: list[list[str]] = []

    def prepare(lookup: Lookup) -> Sequence[Change]:
        for visibility, limit in ((None, 5), (None, 1), (reader(study), 5)):
            seen.append([one.key.id for one in lookup(by_identifier("1"), visibility, limit)])
        return ()

    store.commit(unit(study, prepare=prepare))
    assert seen == [["b", "a"], ["b"], []]
    store.commit(unit(study, consent("c", "p1")))
    store.commit(unit(study, prepare=prepare))
    assert seen[-1] == ["b", "a"]


def test_a_refusal_of_prepare_undoes_everything(store: SqlStore, study: str) -> None:
    def prepare(_lookup: Lookup) -> NoReturn:
        raise PreconditionFailed

    with pytest.raises(PreconditionFailed):
        store.commit(unit(study, observation("a"), prepare=prepare, locks=("x",)))
    assert store.read(Key(study, "Observation", "a"), None) is None


def test_of_parallel_conditional_creates_one_is_written(store: SqlStore, study: str) -> None:
    start = Barrier(8)

    def create(number: int) -> int:
        start.wait()
        prepare = create_unless_there(study, f"a{number}", "1")
        return len(
            store.commit(Unit(study, (), prepare=prepare, locks=("Observation?identifier=urn:x|1", f"z{number}")))
        )

    with ThreadPoolExecutor(8) as threads:
        written = list(threads.map(create, range(8)))
    assert sorted(written) == [0] * 7 + [1]
    assert len(store.search(by_identifier("1"), study, None, Page(10)).rows) == 1


def test_units_with_locks_in_any_order_do_not_wait_for_each_other_for_ever(store: SqlStore, study: str) -> None:
    start = Barrier(4)

    def write(number: int) -> None:
        locks = ("a", "b", "c") if number % 2 else ("c", "b", "a")
        start.wait()
        for step in range(5):
            store.commit(unit(study, observation(f"o{number}-{step}"), locks=locks))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(4)))
    assert len(store.search(Query("Observation"), study, None, Page(50)).rows) == 20
