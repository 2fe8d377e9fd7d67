"""Every search of the small worlds finds in SQL what it must, whole and page by page."""

import pytest

from gateway.core.resources import Change, Key, Placement, Unit
from gateway.definitions import r4
from gateway.search import parse
from gateway.store import Page
from gateway.store.sql import SqlStore
from gateway.terminology import LocalTerminology
from tests import searches
from tests.contract.stores import PARAMETERS

TERMINOLOGY = LocalTerminology(r4())


@pytest.fixture
def filled(store: SqlStore, study: str) -> str:
    """A study with the resources of the world."""
    changes = tuple(
        Change(Key(study, one["resourceType"], one["id"]), one, Placement(study_level=True))
        for one in searches.resources("clinic")
    )
    store.commit(Unit(study, changes))
    return study


def test_every_search_finds_what_it_must(store: SqlStore, filled: str) -> None:
    wrong = []
    for search in searches.searches():
        params = [*search.params, ("_total", "accurate")]
        query = parse(search.type, params, PARAMETERS, terminology=TERMINOLOGY)
        found = store.search(query, filled, None, Page(50))
        ids = [one.key.id for one in found.rows]
        same = ids == list(search.found) if search.is_sorted else sorted(ids) == sorted(search.found)
        if not same or found.total != len(ids) or {one.key.reference for one in found.included} != search.included:
            wrong.append((str(search), ids, found.total))
    assert wrong == []


def test_pages_of_one_hold_the_same(store: SqlStore, filled: str) -> None:
    for search in searches.searches():
        query = parse(search.type, search.params, PARAMETERS, terminology=TERMINOLOGY)
        whole = [one.key.id for one in store.search(query, filled, None, Page(50)).rows]
        paged, after = [], None
        while True:
            found = store.search(query, filled, None, Page(1, after))
            paged += [one.key.id for one in found.rows]
            if found.next is None:
                break
            after = found.next
        assert paged == whole, str(search)


def test_a_stream_gives_every_match_once(store: SqlStore, filled: str) -> None:
    for search in searches.searches():
        query = parse(search.type, search.params, PARAMETERS, terminology=TERMINOLOGY)
        if query.type:
            found = sorted(one.key.id for one in store.stream(query, filled, None))
            assert found == sorted(search.found), str(search)


@pytest.mark.parametrize(
    ("ask", "compartment", "found"),
    [
        ("", ("Patient", "p1"), ["e1", "o1", "o2", "p1", "r1"]),
        ("_type=Observation,Condition", ("Patient", "p2"), ["c1"]),
        ("_tag=rwd", ("Patient", "p1"), ["p1"]),
        ("_tag=rwd", ("Patient", "p2"), []),
        ("_id=o1,p1", None, ["o1", "p1"]),
    ],
)
def test_compartments(
    store: SqlStore, filled: str, ask: str, compartment: tuple[str, str] | None, found: list[str]
) -> None:
    query = parse("", searches.asked("?" + ask)[1], PARAMETERS, compartment=compartment)
    assert sorted(one.key.id for one in store.search(query, filled, None, Page(50)).rows) == found
