"""Pages by key while others write: what stays as it is comes exactly once, in order, on both databases.

A row that is written meanwhile may be met or not; one that moves in the order may be met again.
"""

import threading
from random import Random

import pytest

from gateway.core import Resource
from gateway.core.resources import Change, Key, Unit
from gateway.search import Query, parse
from gateway.store import Page
from gateway.store.sql import SqlStore
from tests.contract.stores import PARAMETERS, consent, observation, reader, unit

SORTS = ("", "date", "-date", "-_lastUpdated", "_id", "-status,date", "code")
ROWS = 60


def drawn(chance: Random, identity: str) -> Resource:
    day, status = f"2026-05-{chance.randint(1, 28):02}", chance.choice(("final", "amended"))
    return observation(identity, effectiveDateTime=f"{day}T08:00:00Z", status=status)


def writer(store: SqlStore, study: str, chance: Random, stopping: threading.Event) -> None:
    """Creates, changes and deletes the odd rows, and new ones, until it is told to stop."""
    for number in range(2_000):
        if stopping.is_set():
            return
        identity = f"o{chance.randrange(1, ROWS, 2):03}" if chance.random() < 0.6 else f"new{number}"
        if chance.random() < 0.2 and not identity.startswith("new"):
            current = store.read(Key(study, "Observation", identity), None)
            if current is not None and not current.deleted:
                store.commit(Unit(study, (Change(Key(study, "Observation", identity), None),)))
        else:
            store.commit(unit(study, drawn(chance, identity)))


def crawl(store: SqlStore, study: str, query: Query, size: int) -> list[str]:
    after, met = None, list[str]()
    while True:
        found = store.search(query, study, reader(study), Page(size, after))
        met += [row.key.id for row in found.rows]
        if found.next is None:
            return met
        after = found.next


@pytest.mark.parametrize("sort", SORTS)
def test_what_stays_comes_exactly_once_while_others_write(store: SqlStore, study: str, sort: str) -> None:
    chance = Random(20261122 + len(sort))
    rows = {f"o{number:03}": drawn(chance, f"o{number:03}") for number in range(ROWS)}
    store.commit(unit(study, consent("c", "p1"), *rows.values()))
    query = parse("Observation", [("_sort", sort)] if sort else [], PARAMETERS)
    staying = [f"o{number:03}" for number in range(0, ROWS, 2)]
    before = [one for one in crawl(store, study, query, 1_000) if one in staying]
    stopping = threading.Event()
    other = threading.Thread(target=writer, args=(store, study, Random(7), stopping))
    other.start()
    try:
        for size in (1, 3, 7):
            assert [one for one in crawl(store, study, query, size) if one in staying] == before
    finally:
        stopping.set()
        other.join()
    assert sorted(before) == staying


def test_a_history_tells_every_version_once_while_others_write(store: SqlStore, study: str) -> None:
    chance = Random(3)
    store.commit(unit(study, consent("c", "p1"), *(drawn(chance, f"o{number:03}") for number in range(20))))
    first = store.changes(study, reader(study), type="Observation", page=Page(1_000)).rows
    known = [(row.key.id, row.version) for row in first]
    stopping = threading.Event()
    other = threading.Thread(target=writer, args=(store, study, Random(11), stopping))
    other.start()
    try:
        after, met = None, list[tuple[str, int]]()
        while True:
            found = store.changes(study, reader(study), type="Observation", page=Page(3, after))
            met += [(row.key.id, row.version) for row in found.rows]
            if found.next is None:
                break
            after = found.next
    finally:
        stopping.set()
        other.join()
    assert [one for one in met if one in known] == known
    assert len(met) == len(set(met))
