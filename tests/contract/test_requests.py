"""Requests that are answered later, as rows: so many a client, done once, given out no older than the Consents."""

import threading
from datetime import timedelta
from typing import Any

import pytest

from gateway.core.errors import NotFound, TooManyRequests
from gateway.core.principal import Principal
from gateway.rest.waiting.requests import RUNNING_LIMIT, Answer, Asked, Requests
from gateway.store.sql import SqlStore
from tests.contract.stores import Hand, consent, unit

BUNDLE = (
    b'{"resourceType":"Bundle","type":"batch-response","entry":[{"resource":{"a":1},"response":{"status":"200"}}]}'
)
BARE = b'{"resourceType":"Bundle","type":"batch-response","entry":[{"response":{"status":"200"}}]}'


def requests(store: SqlStore, clock: Hand, study: str) -> Requests:
    studies: Any = {study: None}
    return Requests(
        store.requests,
        studies,
        lambda _study, _client: None,
        clock,
        timedelta(hours=1),
        threading.Event(),
        store.database.scrub,
    )


def asked(study: str, client: str = "a", *, reads: bool = True) -> Asked:
    return Asked("GET", "/x", "", (), b"body", Principal(client, study, "org", "role", "TREAT"), reads)


def test_a_client_has_only_so_many_waiting(store: SqlStore, study: str, clock: Hand) -> None:
    every = requests(store, clock, study)
    for _ in range(RUNNING_LIMIT):
        every.start(asked(study))
    with pytest.raises(TooManyRequests):
        every.start(asked(study))
    assert every.start(asked(study, "b")).status == "running"


@pytest.mark.parametrize("reads", [True, False])
def test_an_answer_is_no_older_than_the_consents(store: SqlStore, study: str, clock: Hand, reads: bool) -> None:
    every, who = requests(store, clock, study), asked(study).who
    store.commit(unit(study, consent("c", "p1")))
    identity = every.start(asked(study, reads=reads)).id
    job = store.requests.lease(study, "worker", clock(), 60)
    assert job is not None
    assert store.requests.lease(study, "other", clock(), 60) is None
    standing = store.requests.standing(study, clock())
    assert store.requests.save(every.answered(job, Answer(standing, 200, {}, BUNDLE)), "worker", clock(), 0)
    found = every.answer(every.job(who, identity))
    assert found is not None
    assert found.body == BUNDLE
    store.commit(unit(study, consent("c", "p1", status="inactive")))
    every.tend(clock())  # what is kept is made harmless, even if nobody asks
    kept = store.requests.job(study, identity)
    assert kept is not None
    assert BUNDLE not in kept.state
    later = every.answer(every.job(who, identity))
    assert (later is None) if reads else (later is not None and later.body == BARE)
    assert every.waiting.is_set()
    assert (store.requests.lease(study, "worker", clock(), 60) is not None) is reads


def test_what_has_expired_is_forgotten(store: SqlStore, study: str, clock: Hand) -> None:
    every = requests(store, clock, study)
    identity = every.start(asked(study)).id
    every.tend(clock())
    assert store.requests.job(study, identity) is not None
    clock.move(3601)
    with pytest.raises(NotFound):
        every.job(asked(study).who, identity)
    every.tend(clock())
    assert store.requests.job(study, identity) is None
