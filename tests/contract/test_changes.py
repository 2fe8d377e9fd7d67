"""Histories page by page: of a resource, a type and the study, gated like everything else."""

from collections.abc import Iterator

import pytest

from gateway.core.instants import micros
from gateway.core.resources import Change, Key, Stored, Unit, Visibility
from gateway.store import Page, Position
from gateway.store.sql import SqlStore
from tests.contract.stores import Hand, consent, observation, open_store, reader, unit


@pytest.fixture
def clock() -> Hand:
    """A clock of this test's own."""
    return Hand()


@pytest.fixture
def store(database_url: str, clock: Hand) -> Iterator[SqlStore]:
    """The shared database through a store with a clock of its own."""
    opened = open_store(database_url, clock)
    yield opened
    opened.close()


def history(
    store: SqlStore, study: str, visibility: Visibility | None = None, size: int = 3, **asked: object
) -> list[Stored]:
    """All pages of a history."""

    def pages() -> Iterator[Stored]:
        after: Position | None = None
        while True:
            found = store.changes(study, visibility, page=Page(size, after), **asked)  # type: ignore[arg-type]
            assert len(found.rows) <= size
            yield from found.rows
            if found.next is None:
                return
            assert len(found.rows) == size
            after = found.next

    return list(pages())


def names(rows: list[Stored]) -> list[str]:
    return [f"{one.key.id}/{one.version}{'-' if one.deleted else ''}" for one in rows]


def write_some(store: SqlStore, study: str, clock: Hand) -> list[int]:
    """Five commits, one second apart; their instants."""
    at = []
    for commit in (
        unit(study, observation("a"), observation("b"), consent("c", "p1")),
        unit(study, observation("a", status="amended")),
        unit(study, {"resourceType": "Patient", "id": "p1", "subject": {"reference": "Patient/p1"}}),
        Unit(study, (Change(Key(study, "Observation", "b"), None),)),
        unit(study, observation("a", status="corrected"), observation("d", "p2")),
    ):
        clock.move(1)
        at.append(micros(clock()))
        store.commit(commit)
    return at


@pytest.mark.parametrize("size", [1, 2, 3, 50])
def test_pages_cover_each_history_newest_first(store: SqlStore, study: str, clock: Hand, size: int) -> None:
    write_some(store, study, clock)
    of_type = names(history(store, study, size=size, type="Observation"))
    assert sorted(of_type[:2]) == ["a/3", "d/1"]
    assert of_type[2:4] == ["b/2-", "a/2"]
    assert sorted(of_type[4:]) == ["a/1", "b/1"]
    assert names(history(store, study, size=size, type="Observation", id="a")) == ["a/3", "a/2", "a/1"]
    assert names(history(store, study, size=size, type="Observation", id="b")) == ["b/2-", "b/1"]
    everything = history(store, study, size=size)
    assert len(everything) == 8
    assert [one.updated for one in everything] == sorted((one.updated for one in everything), reverse=True)
    assert {one.key.type for one in everything} == {"Observation", "Patient", "Consent"}
    assert history(store, study, type="Device") == history(store, "another") == []
    assert history(store, study, type="Observation", id="never") == []


def test_what_is_listed_is_what_is_read(store: SqlStore, study: str, clock: Hand) -> None:
    write_some(store, study, clock)
    for one in history(store, study):
        assert store.read(one.key, None, one.version) == one


def test_since_and_at(store: SqlStore, study: str, clock: Hand) -> None:
    first, second, third, fourth, last = write_some(store, study, clock)
    of_a = {"type": "Observation", "id": "a"}
    assert names(history(store, study, since=second, **of_a)) == ["a/3", "a/2"]
    assert names(history(store, study, since=last + 1, **of_a)) == []
    for asked in (of_a, {"type": "Observation"}, {}):
        at_third = names(history(store, study, at=(third, third + 1), **asked))
        assert "a/2" in at_third
        assert "a/1" not in at_third
        assert "a/3" not in at_third
    assert sorted(names(history(store, study, at=(first, third), type="Observation"))) == ["a/1", "a/2", "b/1"]
    assert names(history(store, study, at=(fourth, last), type="Observation")) == ["b/2-", "a/2"]
    assert history(store, study, at=(0, first)) == []


def test_hidden_versions_are_in_no_history(store: SqlStore, study: str, clock: Hand) -> None:
    write_some(store, study, clock)
    seen = names(history(store, study, reader(study)))
    assert "d/1" not in seen
    assert {"a/1", "a/2", "a/3", "b/1", "b/2-"} < set(seen)
    assert history(store, study, reader(study), size=1, type="Observation", id="d") == []
    store.commit(unit(study, consent("c", "p1", status="inactive")))
    assert history(store, study, reader(study)) == []


def test_an_old_version_of_another_patient_is_in_no_history(store: SqlStore, study: str) -> None:
    store.commit(unit(study, observation("a", "p1")))
    store.commit(unit(study, observation("a", "p2"), consent("c", "p2")))
    for asked in ({"type": "Observation", "id": "a"}, {"type": "Observation"}):
        assert names(history(store, study, reader(study), **asked)) == ["a/2"]
    store.commit(unit(study, consent("e", "p1")))
    assert names(history(store, study, reader(study), type="Observation")) == ["a/2", "a/1"]


def test_pages_are_stable_while_data_are_written(store: SqlStore, study: str, clock: Hand) -> None:
    store.commit(unit(study, *(observation(f"o{number}") for number in range(9))))
    met: list[str] = []
    after: Position | None = None
    for step in range(9):
        found = store.changes(study, None, type="Observation", page=Page(1, after))
        met += names(list(found.rows))
        after = found.next
        clock.move(1)
        store.commit(unit(study, observation("o3", note=[{"text": str(step)}]), observation(f"new{step}")))
    assert sorted(met) == [f"o{number}/1" for number in range(9)]


def test_an_id_needs_a_type(store: SqlStore, study: str) -> None:
    with pytest.raises(ValueError, match="without a type"):
        store.changes(study, None, id="a", page=Page(1))
