"""Exports as rows: each found by its own key, leased once, and gone when removed; and how Consents stand."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from gateway.core.export_job import ExportJob
from gateway.store.sql import SqlStore
from tests.contract.stores import NOW, Hand, consent, observation, unit


def job(study: str, client: str = "a") -> ExportJob:
    return ExportJob(study, uuid4().hex, client, "running", NOW, NOW + timedelta(days=1), b'{"a":1}')


def test_each_export_is_its_own(store: SqlStore, study: str) -> None:
    made = [job(study, client) for client in "abc"]
    other = job(study + "x")
    for one in (*made, other):
        assert store.exports.add(one, 1)
    assert [store.exports.job(study, one.id) for one in made] == made
    assert sorted(one.id for one in store.exports.jobs(study)) == sorted(one.id for one in made)
    assert store.exports.job(study, other.id) is None
    store.exports.remove(study, made[1].id)
    assert [one and one.client for one in (store.exports.job(study, one.id) for one in made)] == ["a", None, "c"]
    store.exports.remove(study, made[1].id)


def test_a_client_has_only_so_many_running(store: SqlStore, study: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        added = list(pool.map(lambda _: store.exports.add(job(study), 2), range(6)))
    assert sorted(added) == [False] * 4 + [True] * 2
    assert store.exports.add(job(study, "b"), 2)


def test_an_export_has_one_worker_until_the_lease_ends(store: SqlStore, study: str) -> None:
    made = job(study)
    store.exports.add(made, 1)
    with ThreadPoolExecutor(4) as pool:
        leased = list(pool.map(lambda name: store.exports.lease(study, name, NOW, 60), "wxyz"))
    assert [one for one in leased if one] == [made]
    first = "wxyz"[leased.index(made)]
    later = NOW + timedelta(seconds=60)
    assert store.exports.save(replace(made, state=b"1"), first, NOW, 60)
    taken = store.exports.lease(study, "next", later, 60)
    assert taken == replace(made, state=b"1", attempts=1)
    assert not store.exports.save(made, first, later, 60)
    assert store.exports.save(replace(made, status="done", state=b"2"), "next", later, 0)
    assert not store.exports.save(made, "next", later, 60)
    found = store.exports.job(study, made.id)
    assert found == replace(made, status="done", state=b"2", attempts=2)
    assert store.exports.lease(study, "again", later + timedelta(days=1), 60) is None


def test_the_standing_changes_with_each_consent_and_with_time(store: SqlStore, study: str, clock: Hand) -> None:
    exports, since = store.exports, clock()
    told = [exports.standing(study, NOW)]
    assert exports.changed_subjects(study, since, NOW) == []
    for change in (consent("c", "p1"), consent("c", "p1", status="inactive"), consent("c", "p1")):
        store.commit(unit(study, change))
        told.append(exports.standing(study, NOW))
    assert len(set(told)) == 4
    store.commit(unit(study, observation("a")))
    assert exports.standing(study, NOW) == told[-1]
    assert exports.standing(study + "x", NOW) == told[0]
    assert exports.changed_subjects(study, since, clock()) == ["p1"]
    assert exports.changed_subjects(study, clock() + timedelta(days=1), clock()) == []
