"""Searches for an event loop: those that an index gives at once are answered, all others are left to a thread."""

import pytest

from gateway.search import parse
from gateway.store import Page
from gateway.store.sql import SqlStore
from tests.contract.stores import PARAMETERS, consent, observation, reader, unit

PAGE = [("patient", "p1"), ("code", "http://loinc.org|8867-4"), ("date", "ge2026"), ("_sort", "-date")]


def briefly(store: SqlStore, study: str, params: list[tuple[str, str]], count: int = 20) -> list[str] | None:
    found = store.search_briefly(parse("Observation", params, PARAMETERS), study, reader(study), Page(count))
    return None if found is None else list(found.ids)


@pytest.fixture
def filled(store: SqlStore, study: str) -> str:
    store.commit(unit(study, consent("c", "p1"), *(observation(f"o{number}") for number in range(400))))
    return study


@pytest.mark.parametrize("params", [[], [("patient", "p1")], PAGE])
def test_a_page_in_the_order_of_an_index_is_had_at_once(
    store: SqlStore, filled: str, params: list[tuple[str, str]]
) -> None:
    newest = [f"o{number}" for number in range(399, 379, -1)]
    assert briefly(store, filled, params) == (newest if store.database.is_sqlite else None)


def test_nothing_is_found_at_once(store: SqlStore, filled: str) -> None:
    nothing: list[str] | None = [] if store.database.is_sqlite else None
    assert briefly(store, filled, [("patient", "p2")]) == nothing
    assert briefly(store, filled, [("code", "nowhere")]) == nothing


@pytest.mark.parametrize(
    "params",
    [
        [("_total", "accurate")],
        [("_include", "Observation:subject")],
        [("_sort", "date")],
        [("_sort", "_id")],
        [("patient", "p1"), ("value-quantity", "gt1000000")],
    ],
)
def test_what_takes_longer_is_left(store: SqlStore, filled: str, params: list[tuple[str, str]]) -> None:
    assert briefly(store, filled, params) is None


def test_a_large_page_is_left(store: SqlStore, filled: str) -> None:
    assert briefly(store, filled, [], 400) is None


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
        assert briefly(store, filled, [], 400) is None
        assert len(briefly(store, filled, []) or []) == (20 if store.database.is_sqlite else 0)


def test_a_kept_search_sees_what_came_and_what_consents_say_now(store: SqlStore, filled: str) -> None:
    if not store.database.is_sqlite:
        pytest.skip("PostgreSQL is not read on the loop")
    other = {"coding": [{"system": "http://loinc.org", "code": "59408-5"}]}
    oxygen = [("patient", "p1"), ("code", "http://loinc.org|59408-5")]
    assert briefly(store, filled, oxygen) == []
    store.commit(unit(filled, observation("new", code=other)))
    assert briefly(store, filled, oxygen) == ["new"]
    store.commit(unit(filled, consent("c", "p1", status="inactive")))
    assert briefly(store, filled, oxygen) == []
    assert briefly(store, filled, PAGE) == []
