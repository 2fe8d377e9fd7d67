"""Searches for an event loop: those that an index gives at once are answered, all others are left to a thread."""

from uuid import uuid4

import pytest

from gateway.core.resources import Change, Key, Unit
from gateway.search import parse
from gateway.store import Page
from gateway.store.sql import SqlStore
from gateway.store.sql.database import Prepared
from gateway.store.sql.reading.brief import BriefReads
from gateway.store.sql.reading.brief_searches import RESTS
from tests.contract.stores import PARAMETERS, change, consent, observation, reader, unit

COUNT = 600
"""More than a search that looks at each of them may take, by far; few enough to be counted."""

PAGE = [("patient", "p1"), ("code", "http://loinc.org|8867-4"), ("date", "ge2026"), ("_sort", "-date")]


def briefly(store: SqlStore, study: str, params: list[tuple[str, str]], count: int = 20) -> list[str] | None:
    found = store.search_briefly(parse("Observation", params, PARAMETERS), study, reader(study), Page(count))
    return None if found is None else list(found.ids)


@pytest.fixture
def some(store: SqlStore, study: str) -> str:
    store.commit(unit(study, consent("c", "p1"), *(observation(f"o{number}") for number in range(30))))
    return study


@pytest.fixture(scope="module")
def filled(store: SqlStore) -> str:
    """A study that the tests of this file only read."""
    return fill(store, f"study-{uuid4().hex[:12]}")


def fill(store: SqlStore, study: str) -> str:
    store.commit(unit(study, consent("c", "p1"), *(observation(f"o{number}") for number in range(COUNT))))
    return study


@pytest.mark.parametrize("params", [[], [("patient", "p1")], PAGE])
def test_a_page_in_the_order_of_an_index_is_had_at_once(
    store: SqlStore, filled: str, params: list[tuple[str, str]]
) -> None:
    newest = [f"o{number}" for number in range(COUNT - 1, COUNT - 21, -1)]
    assert briefly(store, filled, params) == (newest if store.database.is_sqlite else None)


def test_nothing_is_found_at_once(store: SqlStore, filled: str) -> None:
    nothing: list[str] | None = [] if store.database.is_sqlite else None
    assert briefly(store, filled, [("patient", "p2")]) == nothing
    assert briefly(store, filled, [("code", "nowhere")]) == nothing


@pytest.mark.parametrize(
    "params",
    [
        [("_total", "accurate")],
        [("_revinclude", "Provenance:target")],
        [("_include:iterate", "Observation:subject")],
        [("_sort", "date")],
        [("_sort", "_id")],
        [("patient", "p1"), *(("identifier:not", name) for name in "abcd"), ("value-quantity", "gt1000000")],
    ],
)
def test_what_takes_longer_is_left(store: SqlStore, filled: str, params: list[tuple[str, str]]) -> None:
    assert briefly(store, filled, params) is None


def test_a_large_page_is_left(store: SqlStore, filled: str) -> None:
    assert briefly(store, filled, [], COUNT) is None


def test_a_large_body_is_left(store: SqlStore, study: str) -> None:
    note = [{"text": "x" * 30_000}]
    store.commit(unit(study, consent("c", "p1"), observation("o1"), observation("o2", note=note)))
    assert briefly(store, study, []) is None


@pytest.mark.parametrize("count", [1, 20])
def test_a_large_body_alone_is_left(store: SqlStore, study: str, count: int) -> None:
    note = [{"text": "x" * 30_000}]
    store.commit(unit(study, consent("c", "p1"), observation("o1", note=note)))
    assert briefly(store, study, [], count) is None


def test_a_search_that_was_given_up_leaves_nothing_behind(store: SqlStore, filled: str) -> None:
    for _ in range(3):
        assert briefly(store, filled, [], COUNT) is None
        assert len(briefly(store, filled, []) or []) == (20 if store.database.is_sqlite else 0)


def test_a_kept_search_sees_what_came_and_what_consents_say_now(store: SqlStore, some: str) -> None:
    if not store.database.is_sqlite:
        pytest.skip("PostgreSQL is not read on the loop")
    other = {"coding": [{"system": "http://loinc.org", "code": "59408-5"}]}
    oxygen = [("patient", "p1"), ("code", "http://loinc.org|59408-5")]
    assert briefly(store, some, oxygen) == []
    store.commit(unit(some, observation("new", code=other)))
    assert briefly(store, some, oxygen) == ["new"]
    store.commit(unit(some, consent("c", "p1", status="inactive")))
    assert briefly(store, some, oxygen) == []
    assert briefly(store, some, PAGE) == []


def counted(store: SqlStore, study: str, params: list[tuple[str, str]]) -> int | None:
    query = parse("Observation", [*params, ("_summary", "count")], PARAMETERS)
    found = store.search_briefly(query, study, reader(study), Page(0))
    assert found is None or not found.ids
    return None if found is None else found.total


def test_what_a_participant_has_is_counted_at_once(store: SqlStore, filled: str) -> None:
    one = store.database.is_sqlite
    code = ("code", "http://loinc.org|8867-4")
    assert counted(store, filled, [("patient", "p1")]) == (COUNT if one else None)
    assert counted(store, filled, [("patient", "p1"), code]) == (COUNT if one else None)
    assert counted(store, filled, [("patient", "p2"), code]) == (0 if one else None)
    assert counted(store, filled, [("patient", "p1"), ("code", "nowhere")]) == (0 if one else None)
    assert counted(store, filled, [code]) is None
    assert counted(store, filled, []) is None


def test_a_kept_count_sees_what_came_and_what_consents_say_now(store: SqlStore, some: str) -> None:
    if not store.database.is_sqlite:
        pytest.skip("PostgreSQL is not read on the loop")
    other = {"coding": [{"system": "http://loinc.org", "code": "59408-5"}]}
    oxygen = [("patient", "p1"), ("code", "http://loinc.org|59408-5")]
    assert counted(store, some, oxygen) == 0
    for number in (1, 2):
        store.commit(unit(some, observation(f"new{number}", code=other)))
        assert counted(store, some, oxygen) == number
    store.commit(unit(some, observation("newer", code={**other, "text": "another facet"})))
    assert counted(store, some, oxygen) == 3
    assert briefly(store, some, oxygen) == ["newer", "new2", "new1"]
    store.commit(unit(some, consent("c", "p1", status="inactive")))
    assert counted(store, some, oxygen) == 0
    assert counted(store, some, [("patient", "p1")]) == 0


def test_what_was_given_up_rests_and_is_tried_again(store: SqlStore, study: str) -> None:
    if not store.database.is_sqlite:
        pytest.skip("PostgreSQL is not read on the loop")
    fill(store, study)
    long = [("patient", "p1"), ("value-quantity", "gt1000000")]
    assert briefly(store, study, long) is None
    store.commit(Unit(study, tuple(Change(Key(study, "Observation", f"o{number}"), None) for number in range(COUNT))))
    for _ in range(RESTS):
        assert briefly(store, study, long) is None
    assert briefly(store, study, long) == []


def people(store: SqlStore, study: str, count: int) -> None:
    """Participants called `p1` and so on, each with a Consent, an identifier and an Observation `o1` and so on."""
    for number in range(1, count + 1):
        names = [{"system": "urn:s", "value": "all"}, {"system": "urn:s", "value": str(number)}]
        person = change(
            study, {"resourceType": "Patient", "id": f"p{number}", "identifier": names}, subjects=(f"p{number}",)
        )
        own = unit(study, consent(f"c{number}", f"p{number}"), observation(f"o{number}", f"p{number}"))
        store.commit(Unit(study, (*own.changes, person)))


CHAINED = [("subject.identifier", "urn:s|1")]


def test_a_chain_is_followed_at_once_through_what_the_reader_sees_now(store: SqlStore, study: str) -> None:
    if not store.database.is_sqlite:
        pytest.skip("PostgreSQL is not read on the loop")
    people(store, study, 2)
    for params in (CHAINED, [("patient.identifier", "urn:s|1"), ("code", "http://loinc.org|8867-4")]):
        assert briefly(store, study, params) == ["o1"]
        assert counted(store, study, params) == 1
    assert briefly(store, study, [("patient.identifier", "urn:s|3")]) == []
    store.commit(unit(study, consent("c1", "p1", status="inactive"), observation("o3", "p2")))
    assert briefly(store, study, CHAINED) == []
    assert briefly(store, study, [("patient.identifier", "urn:s|2")]) == ["o3", "o2"]


def test_a_chain_to_many_is_left(store: SqlStore, study: str) -> None:
    people(store, study, 9)
    assert briefly(store, study, [("patient.identifier", "urn:s|all")]) is None


def test_what_is_included_comes_at_once_with_whose_it_is(store: SqlStore, study: str) -> None:
    if not store.database.is_sqlite:
        pytest.skip("PostgreSQL is not read on the loop")
    people(store, study, 2)
    store.commit(unit(study, consent("c2", "p2", status="inactive")))
    query = parse("Observation", [("_include", "Observation:subject"), ("_count", "2")], PARAMETERS)
    found = store.search_briefly(query, study, reader(study), Page(2))
    assert found
    assert (list(found.ids), [one.key.reference for one in found.included]) == (["o1"], ["Patient/p1"])
    assert found.pairs == (("p1", "heart"),)


def test_a_large_body_that_would_be_included_is_left(store: SqlStore, study: str) -> None:
    people(store, study, 1)
    large = {"resourceType": "Patient", "id": "p1", "name": [{"text": "x" * 30_000}]}
    store.commit(Unit(study, (change(study, large, subjects=("p1",)),)))
    assert briefly(store, study, [("_include", "Observation:subject")]) is None


@pytest.mark.parametrize("text", ["SELECT 1 FROM nowhere", "SELECT ?1"])
def test_an_error_gives_nothing_and_is_met_by_who_asks_in_another_way(store: SqlStore, text: str) -> None:
    if not store.database.is_sqlite:
        pytest.skip("PostgreSQL is not read on the loop")
    reads = BriefReads(store.database)
    assert reads.read(Prepared(text, (), {}), {}, 1) is None
    assert reads.in_one_state(lambda read: read(Prepared(text, (), {}), {}, 1), 1) is None
    assert reads.read(Prepared("SELECT 1", (), {}), {}, 1) == [(1,)]
    reads.close()
