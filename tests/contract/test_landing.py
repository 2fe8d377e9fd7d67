"""Payloads and receipts: kept once, found again, leased to one process at a time."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import text

from gateway.core import issue
from gateway.core.errors import NotFound
from gateway.core.ids import sha256
from gateway.core.receipt import Counts, Payload, Receipt
from gateway.store.sql import SqlStore
from tests.contract.stores import NOW

BODY = b'{"a": "\\u0000 \xc3\xa4"}'


def payload(study: str, source: str = "ring", body: bytes = BODY) -> Payload:
    return Payload(study, source, body, "application/json", NOW, {"vendorUserId": "u\x00ä"}, "a.json")


def receipt(study: str, id: str, source: str = "ring", body: bytes = BODY, **more: object) -> Receipt:
    made = Receipt(id, study, source, "received", NOW, sha256(body), len(body), "application/json", "a.json")
    return replace(made, **more)  # type: ignore[arg-type]


def test_a_payload_comes_back_as_it_was(store: SqlStore, study: str) -> None:
    store.land(payload(study), receipt(study, "r1"))
    assert store.payload(study, "r1") == payload(study)
    assert store.receipt(study, "r1") == receipt(study, "r1")


def test_another_study_has_no_such_receipt(store: SqlStore, study: str) -> None:
    store.land(payload(study), receipt(study, "r1"))
    assert store.receipt(study + "-2", "r1") is None
    with pytest.raises(NotFound):
        store.payload(study + "-2", "r1")
    with pytest.raises(NotFound):
        store.save(receipt(study + "-2", "r1"))


def test_the_same_bytes_are_kept_once(store: SqlStore, study: str) -> None:
    for id in ("r1", "r2"):
        store.land(payload(study), receipt(study, id))
    with store.database.snapshot() as connection:
        counted = text("SELECT count(*) FROM payload WHERE study = :study")
        kept = connection.execute(counted, {"study": study}).scalar_one()
    assert kept == 1
    assert store.payload(study, "r2") == payload(study)


def test_the_first_receipt_of_the_same_bytes_is_found(store: SqlStore, study: str) -> None:
    later = NOW + timedelta(seconds=1)
    store.land(payload(study), receipt(study, "r2", received=later))
    store.land(payload(study), receipt(study, "r1"))
    first = store.first_with(study, "ring", sha256(BODY))
    assert first is not None
    assert first.id == "r1"
    assert store.first_with(study, "scale", sha256(BODY)) is None
    assert store.first_with(study, "ring", sha256(b"")) is None


def test_a_saved_receipt_keeps_counts_and_issues(store: SqlStore, study: str) -> None:
    store.land(payload(study), receipt(study, "r1"))
    found = (
        issue("store.busy", source="/a/3"),
        issue("store.busy"),
        issue("search.value", parameter="a", expected="b"),
    )
    done = receipt(study, "r1", status="partial", counts=Counts(5, 4, 3, 0, 1, 1), issues=found, attempts=2)
    store.save(done)
    assert store.receipt(study, "r1") == done
    assert [one.id for one in store.receipts(study, rule="store.busy")] == ["r1"]
    store.save(replace(done, issues=()))
    assert store.receipts(study, rule="store.busy") == []


def test_receipts_are_found_by_every_filter(store: SqlStore, study: str) -> None:
    busy = (issue("store.busy"),)
    store.land(payload(study), receipt(study, "r1"))
    store.land(payload(study), receipt(study, "r2", status="quarantined", issues=busy, mapping="a_b|1"))
    store.land(payload(study, "scale"), receipt(study, "r3", "scale", status="stored", mapping="axb|1,c|2"))

    def ids(**filters: str) -> list[str]:
        return [one.id for one in store.receipts(study, **filters)]  # type: ignore[arg-type]

    assert ids() == ["r1", "r2", "r3"]
    assert ids(source="scale") == ["r3"]
    assert ids(status="quarantined") == ["r2"]
    assert ids(rule="store.busy") == ["r2"]
    assert ids(mapping="a_b") == ids(mapping="a_b|1") == ["r2"]
    assert ids(mapping="a_b", status="stored") == []
    assert ids(mapping="axb") == ids(mapping="c") == ids(mapping="c|2") == ids(mapping="axb|1") == ["r3"]
    assert ids(mapping="b") == ids(mapping="2") == ids(mapping="c|1") == []


def test_a_lease_is_taken_once_until_it_ends(store: SqlStore, study: str) -> None:
    store.land(payload(study), receipt(study, "r1"))
    assert store.lease(study, NOW, 60) == receipt(study, "r1")
    assert store.lease(study, NOW + timedelta(seconds=59), 60) is None
    assert store.lease(study, NOW + timedelta(seconds=60), 60) is not None
    store.release(study, "r1")
    assert store.lease(study, NOW, 60) is not None


def test_a_finished_receipt_is_not_leased(store: SqlStore, study: str) -> None:
    store.land(payload(study), receipt(study, "r1", status="stored"))
    assert store.lease(study, NOW, 60) is None


def test_landing_may_take_the_lease_at_once(store: SqlStore, study: str) -> None:
    until = NOW + timedelta(seconds=60)
    store.land(payload(study), receipt(study, "r1"), until)
    assert store.lease(study, NOW, 60) is None
    assert store.lease(study, until, 60) is not None


def test_any_study_may_be_asked_for_work(store: SqlStore, study: str) -> None:
    store.land(payload(study), receipt(study, "r1"))
    far = NOW + timedelta(days=3650)
    taken = set()
    while found := store.lease(None, far, 60):
        taken.add((found.study, found.id))
    assert (study, "r1") in taken


def test_two_processes_never_take_the_same_receipt(store: SqlStore, study: str) -> None:
    for number in range(8):
        store.land(payload(study), receipt(study, f"r{number}"))
    start = Barrier(4)

    def work(_number: int) -> list[str]:
        start.wait()
        taken = []
        while found := store.lease(study, NOW, 60):
            taken.append(found.id)
        return taken

    with ThreadPoolExecutor(4) as threads:
        taken = [id for ids in threads.map(work, range(4)) for id in ids]
    assert len(taken) == len(set(taken))
    left = set()
    while found := store.lease(study, NOW, 60):
        left.add(found.id)
    assert left | set(taken) == {f"r{number}" for number in range(8)}
