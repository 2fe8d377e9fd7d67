"""A unit is one transaction: all of it is durable, or nothing of it is there."""

from collections.abc import Callable
from typing import Any, NoReturn

import pytest
from msgspec import structs
from sqlalchemy import text

from gateway.core.errors import BadRequest, NotFound, Unavailable
from gateway.core.receipt import Payload, Receipt
from gateway.core.resources import Change, Committed, Key, Unit
from gateway.search import Query
from gateway.store import Page
from gateway.store.sql import SqlStore
from gateway.store.sql.tables import Table
from tests.contract.stores import NOW, change, consent, event, observation, unit


def counted(store: SqlStore) -> dict[str, int]:
    """How many rows each table has."""
    with store.database.snapshot() as connection:
        return {
            name: connection.execute(text(f'SELECT count(*) FROM "{name}"')).scalar_one()
            for name in Table.metadata.tables
        }


def landed(store: SqlStore, study: str, id: str = "r1") -> Receipt:
    receipt = Receipt(id, study, "source", "received", NOW, "0" * 64, 2, "application/json")
    store.land(Payload(study, "source", b"{}", "application/json", NOW), receipt)
    return receipt


def fail(*_given: object) -> NoReturn:
    raise RuntimeError("in mid-commit")


@pytest.mark.parametrize("broken", ["accompany", "settle"])
def test_a_crash_in_mid_commit_leaves_nothing(store: SqlStore, study: str, broken: str) -> None:
    store.commit(unit(study, observation("a"), consent("c", "p1")))
    before = counted(store)
    resources = [observation("a", status="amended"), observation("b"), consent("d", "p2")]
    parts: dict[str, Any] = {broken: fail}
    with pytest.raises(RuntimeError, match="mid-commit"):
        store.commit(unit(study, *resources, events=(event(study),), **parts))
    assert counted(store) == before
    read = store.read(Key(study, "Observation", "a"), None)
    assert read is not None
    assert read.version == 1


def test_a_refused_change_undoes_the_others(store: SqlStore, study: str) -> None:
    before = counted(store)
    missing = Change(Key(study, "Observation", "never"), None)
    with pytest.raises(NotFound):
        store.commit(Unit(study, (change(study, observation("a")), missing)))
    assert counted(store) == before


def test_accompanying_changes_see_what_became_of_the_others(store: SqlStore, study: str) -> None:
    store.commit(unit(study, observation("a")))

    def accompany(committed: tuple[Committed, ...]) -> tuple[Change, ...]:
        targets = [{"reference": one.stored.key.reference} for one in committed if one.outcome != "unchanged"]
        return (change(study, {"resourceType": "Provenance", "id": "p", "target": targets}),)

    committed = store.commit(unit(study, observation("a"), observation("b"), accompany=accompany))
    assert [one.outcome for one in committed] == ["unchanged", "created"]
    read = store.read(Key(study, "Provenance", "p"), None)
    assert read is not None
    assert b"Observation/b" in read.body
    assert b"Observation/a" not in read.body


def test_the_receipt_is_settled_with_the_unit(store: SqlStore, study: str) -> None:
    receipt = landed(store, study)

    def settle(committed: tuple[Committed, ...]) -> Receipt:
        assert [one.outcome for one in committed] == ["created"]
        return Receipt(
            receipt.id, study, "source", "stored", NOW, receipt.sha256, 2, "application/json", mapping="m|1"
        )

    store.commit(unit(study, observation("a"), settle=settle))
    saved = store.receipt(study, receipt.id)
    assert saved is not None
    assert (saved.status, saved.mapping) == ("stored", "m|1")


@pytest.mark.parametrize("other", ["study", "id"])
def test_only_a_landed_receipt_of_the_study_can_be_settled(store: SqlStore, study: str, other: str) -> None:
    receipt = landed(store, study)
    wrong = (receipt.id, study + "-2") if other == "study" else ("unknown", study)
    made: Callable[[object], Receipt] = lambda _committed: Receipt(  # noqa: E731
        *wrong, "source", "stored", NOW, receipt.sha256, 2, "application/json"
    )
    with pytest.raises((BadRequest, NotFound)):
        store.commit(unit(study, observation("a"), settle=made))
    assert store.read(Key(study, "Observation", "a"), None) is None


def test_events_join_the_chain_of_the_study(store: SqlStore, study: str) -> None:
    store.append([event(study, "first")])
    store.commit(unit(study, observation("a"), events=(event(study, "second"), event(study, "third"))))
    store.append([event(study, "fourth")])
    rows = list(store.rows(study))
    assert [row.sequence for row in rows] == [1, 2, 3, 4]
    assert [name for row in rows for name in (b"first", b"second", b"third", b"fourth") if name in row.event] == [
        b"first",
        b"second",
        b"third",
        b"fourth",
    ]


def test_events_of_another_study_are_refused(store: SqlStore, study: str) -> None:
    with pytest.raises(BadRequest):
        store.commit(unit(study, observation("a"), events=(event("another"),)))
    assert store.read(Key(study, "Observation", "a"), None) is None


def test_an_update_leaves_no_old_index_row(store: SqlStore, study: str) -> None:
    store.commit(unit(study, observation("a", identifier=[{"system": "urn:x", "value": "1"}])))
    before = counted(store)
    store.commit(unit(study, observation("a", identifier=[{"system": "urn:x", "value": "2"}])))
    after = counted(store)
    assert (after["search_term"], after["search_date"]) == (before["search_term"], before["search_date"])
    assert store.find(study, "Observation", "identifier", "urn:x", "1") == []
    assert store.find(study, "Observation", "identifier", "urn:x", "2") == [Key(study, "Observation", "a")]
    store.commit(Unit(study, (Change(Key(study, "Observation", "a"), None),)))
    gone = counted(store)
    assert gone["search_term"] < before["search_term"]
    assert store.search(Query("Observation"), study, None, Page(10)).rows == ()


def test_what_is_said_to_be_new_never_comes_over_what_is_there(store: SqlStore, study: str) -> None:
    store.commit(unit(study, observation("a")))
    rows = counted(store)
    with pytest.raises(Unavailable):
        store.commit(
            Unit(study, (structs.replace(change(study, observation("a", note="x"), if_match=0), is_new=True),))
        )
    assert counted(store) == rows
