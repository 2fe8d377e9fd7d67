"""Writing and reading single resources: versions, unchanged content, conditions, deletions."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier
from typing import Any

import pytest
from msgspec import structs

from gateway.core import loads
from gateway.core.errors import BadRequest, FhirError, NotFound, PreconditionFailed, Unprocessable
from gateway.core.resources import Change, Committed, Key, Unit
from gateway.store.sql import SqlStore
from tests.contract.stores import Hand, change, observation, unit


def commit_one(store: SqlStore, one: Change) -> Committed:
    return store.commit(Unit(one.key.study, (one,)))[0]


def test_what_was_written_is_read_with_the_servers_meta(store: SqlStore, study: str) -> None:
    sent = observation("a", valueDecimal=Decimal("1.50"), meta={"profile": ["http://x"], "versionId": "7"})
    made = commit_one(store, change(study, sent))
    read = store.read(Key(study, "Observation", "a"), None)
    assert read == made.stored
    assert made.outcome == "created"
    assert b"1.50" in read.body
    tree = loads(read.body)
    assert tree.pop("meta") == {
        "profile": ["http://x"],
        "versionId": "1",
        "lastUpdated": "2026-06-01T12:00:00.000Z",
    }
    assert tree == {name: value for name, value in sent.items() if name != "meta"}


def test_a_resource_of_nothing_but_type_and_id_is_kept(store: SqlStore, study: str) -> None:
    commit_one(store, change(study, {"resourceType": "Basic", "id": "a"}))
    read = store.read(Key(study, "Basic", "a"), None)
    assert read is not None
    assert loads(read.body)["id"] == "a"


def test_absent_resources_and_versions_are_none(store: SqlStore, study: str) -> None:
    commit_one(store, change(study, observation("a")))
    assert store.read(Key(study, "Observation", "b"), None) is None
    assert store.read(Key(study, "Patient", "a"), None) is None
    assert store.read(Key("another", "Observation", "a"), None) is None
    assert store.read(Key(study, "Observation", "a"), None, version=2) is None
    assert store.history(Key(study, "Observation", "b"), None) == []


def test_each_update_is_a_version_and_time_goes_forward_when_the_clock_stands(store: SqlStore, study: str) -> None:
    for status in ("registered", "preliminary", "final"):
        commit_one(store, change(study, observation("a", status=status)))
    key = Key(study, "Observation", "a")
    history = store.history(key, None)
    assert [one.version for one in history] == [3, 2, 1]
    assert history[0].updated > history[1].updated > history[2].updated
    assert [loads(one.body)["status"] for one in history] == ["final", "preliminary", "registered"]
    assert [store.read(key, None, version) for version in (3, 2, 1)] == history


def test_the_same_content_is_not_written_again(store: SqlStore, study: str) -> None:
    first = commit_one(store, change(study, observation("a")))
    other_order = dict(reversed(observation("a", meta={"lastUpdated": "2020-01-01T00:00:00Z"}).items()))
    again = commit_one(store, change(study, other_order))
    assert again.outcome == "unchanged"
    assert again.stored == first.stored
    assert len(store.history(first.stored.key, None)) == 1


@pytest.mark.parametrize("value", [Decimal("1.00"), 1, "1.0", True])
def test_another_spelling_of_a_value_is_another_content(store: SqlStore, study: str, value: object) -> None:
    commit_one(store, change(study, observation("a", value=Decimal("1.0"))))
    assert commit_one(store, change(study, observation("a", value=value))).outcome == "updated"


def test_if_match_must_hold(store: SqlStore, study: str) -> None:
    commit_one(store, change(study, observation("a"), if_match=0))
    with pytest.raises(PreconditionFailed) as refused:
        commit_one(store, change(study, observation("a", status="amended"), if_match=0))
    assert [found.rule for found in refused.value.issues] == ["store.version-conflict"]
    with pytest.raises(PreconditionFailed):
        commit_one(store, change(study, observation("a", status="amended"), if_match=2))
    with pytest.raises(PreconditionFailed):
        commit_one(store, change(study, observation("b"), if_match=1))
    assert commit_one(store, change(study, observation("a", status="amended"), if_match=1)).stored.version == 2


def test_of_many_writers_with_the_same_if_match_exactly_one_wins(store: SqlStore, study: str) -> None:
    commit_one(store, change(study, observation("a")))
    start = Barrier(4)

    def write(number: int) -> str:
        start.wait()
        try:
            return commit_one(store, change(study, observation("a", note=str(number)), if_match=1)).outcome
        except PreconditionFailed:
            return "refused"

    with ThreadPoolExecutor(4) as threads:
        outcomes = sorted(threads.map(write, range(4)))
    assert outcomes == ["refused", "refused", "refused", "updated"]


def test_many_writers_of_a_new_id_make_one_resource(store: SqlStore, study: str) -> None:
    start = Barrier(4)

    def write(_number: int) -> str:
        start.wait()
        return commit_one(store, change(study, observation("a"))).outcome

    with ThreadPoolExecutor(4) as threads:
        outcomes = sorted(threads.map(write, range(4)))
    assert outcomes == ["created", "unchanged", "unchanged", "unchanged"]


def test_a_deletion_is_a_version_without_body(store: SqlStore, study: str) -> None:
    key = Key(study, "Observation", "a")
    commit_one(store, change(study, observation("a")))
    gone = commit_one(store, Change(key, None))
    assert (gone.outcome, gone.stored.deleted, gone.stored.version, gone.stored.body) == ("deleted", True, 2, b"")
    assert store.read(key, None) == gone.stored
    assert commit_one(store, Change(key, None)).outcome == "unchanged"
    back = commit_one(store, change(study, observation("a"), if_match=0))
    assert (back.outcome, back.stored.version) == ("created", 3)
    assert [one.deleted for one in store.history(key, None)] == [False, True, False]


def test_what_never_was_cannot_be_deleted(store: SqlStore, study: str) -> None:
    with pytest.raises(NotFound):
        commit_one(store, Change(Key(study, "Observation", "a"), None))


def test_a_key_may_change_several_times_in_a_unit(store: SqlStore, study: str) -> None:
    key = Key(study, "Observation", "a")
    changes = (
        change(study, observation("a")),
        change(study, observation("b")),
        change(study, observation("a", status="amended")),
        Change(key, None),
    )
    outcomes = [one.outcome for one in store.commit(Unit(study, changes))]
    assert outcomes == ["created", "created", "updated", "deleted"]


@pytest.mark.parametrize(
    ("key", "error"),
    [
        (("Observation", "b"), Unprocessable),
        (("Patient", "a"), Unprocessable),
    ],
)
def test_a_resource_must_carry_its_key(
    store: SqlStore, study: str, key: tuple[str, str], error: type[FhirError]
) -> None:
    wrong = structs.replace(change(study, observation("a")), key=Key(study, *key))
    with pytest.raises(error):
        commit_one(store, wrong)


@pytest.mark.parametrize("id", ["", "a b", "../a", "a" * 65, 'a"b', "ä"])
def test_an_id_that_is_none_is_refused(store: SqlStore, study: str, id: str) -> None:
    with pytest.raises(Unprocessable) as refused:
        commit_one(store, change(study, observation(id)))
    assert [found.rule for found in refused.value.issues] == ["store.id"]


def test_a_unit_touches_one_study(store: SqlStore, study: str) -> None:
    with pytest.raises(BadRequest):
        store.commit(Unit(study, (change("another", observation("a")),)))


def test_studies_do_not_see_each_other(store: SqlStore, study: str) -> None:
    for name in (study, study + "-2"):
        store.commit(unit(name, observation("a", status=name)))
    read = store.read(Key(study, "Observation", "a"), None)
    assert read is not None
    assert loads(read.body)["status"] == study


def test_a_large_unit_is_written_as_a_whole(store: SqlStore, study: str, clock: Hand) -> None:
    resources = [observation(f"o{number}", f"p{number % 7}") for number in range(2500)]
    outcomes = {one.outcome for one in store.commit(unit(study, *resources))}
    assert outcomes == {"created"}
    assert sum(1 for _ in store.stream("Observation", study, None)) == 2500
    assert {one.outcome for one in store.commit(unit(study, *resources))} == {"unchanged"}


def ordered(study: str, order: int | None, **more: Any) -> Change:
    return structs.replace(change(study, observation("a", **more)), order=order)


def test_an_older_message_never_replaces_a_newer_one(store: SqlStore, study: str) -> None:
    newer = commit_one(store, ordered(study, 20, status="amended"))
    older = commit_one(store, ordered(study, 10, status="final"))
    assert (older.outcome, older.stored) == ("superseded", newer.stored)
    assert len(store.history(newer.stored.key, None)) == 1
    assert commit_one(store, ordered(study, 20, status="corrected")).outcome == "updated"
    assert commit_one(store, ordered(study, 21, status="final")).outcome == "updated"


def test_the_order_goes_on_when_the_content_does_not_change(store: SqlStore, study: str) -> None:
    commit_one(store, ordered(study, 10))
    assert commit_one(store, ordered(study, 30)).outcome == "unchanged"
    assert commit_one(store, ordered(study, 20, status="amended")).outcome == "superseded"


def test_a_write_without_order_replaces_and_keeps_the_order(store: SqlStore, study: str) -> None:
    commit_one(store, ordered(study, 10))
    assert commit_one(store, ordered(study, None, status="amended")).outcome == "updated"
    assert commit_one(store, ordered(study, 9)).outcome == "superseded"


def test_an_older_message_does_not_bring_back_what_was_deleted(store: SqlStore, study: str) -> None:
    made = commit_one(store, ordered(study, 10))
    commit_one(store, Change(made.stored.key, None))
    again = commit_one(store, ordered(study, 9))
    assert (again.outcome, again.stored.deleted) == ("superseded", True)
    assert commit_one(store, ordered(study, 11)).outcome == "created"


def test_of_messages_that_come_at_once_the_newest_stays(store: SqlStore, study: str) -> None:
    start = Barrier(4)

    def send(order: int) -> None:
        start.wait()
        commit_one(store, ordered(study, order, note=[{"text": str(order)}]))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(send, (3, 1, 4, 2)))
    current = store.read(Key(study, "Observation", "a"), None)
    assert current is not None
    assert loads(current.body)["note"] == [{"text": "4"}]
