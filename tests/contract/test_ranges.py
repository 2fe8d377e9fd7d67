"""Searches over several sets of common values: each page is put together from several ranges of an index."""

import pytest

from gateway.search import parse
from gateway.store import Page, Position
from gateway.store.sql import SqlStore
from tests.contract.stores import PARAMETERS, consent, observation, reader, unit

STATUSES = ("final", "amended", "preliminary")
NEWEST = [f"o{number}" for number in reversed(range(30)) if number % 5]
SEARCHES = (
    [("code", "8867-4")],
    [("code", "8867-4"), ("patient", "p1")],
    [("code", "8867-4"), ("_sort", "-date")],
)


@pytest.fixture
def filled(store: SqlStore, study: str) -> str:
    """Thirty Observations in turn of three statuses, so of three sets; every fifth belongs to who permits nothing."""
    made = [
        observation(
            f"o{number}",
            "p1" if number % 5 else "hidden",
            status=STATUSES[number % 3],
            effectiveDateTime=f"2026-06-{number // 2 + 1:02}",
        )
        for number in range(30)
    ]
    store.commit(unit(study, consent("c", "p1"), *made))
    return study


@pytest.mark.parametrize("search", SEARCHES, ids=str)
@pytest.mark.parametrize("count", [1, 4, 24])
def test_pages_hold_each_once_the_newest_first(
    store: SqlStore, filled: str, search: list[tuple[str, str]], count: int
) -> None:
    query = parse("Observation", search, PARAMETERS)
    after: Position | None = None
    found: list[str] = []
    while True:
        page = store.search(query, filled, reader(filled), Page(count, after))
        briefly = store.search_briefly(query, filled, reader(filled), Page(count, after))
        ids = [row.key.id for row in page.rows]
        if store.database.is_sqlite:
            assert briefly is not None
            assert (list(briefly.ids), briefly.next) == (ids, page.next)
        found += ids
        after = page.next
        if after is None:
            break
    assert found == NEWEST


def test_the_oldest_first_is_the_same_in_reverse(store: SqlStore, filled: str) -> None:
    query = parse("Observation", [("code", "8867-4"), ("_sort", "date")], PARAMETERS)
    found = store.search(query, filled, reader(filled), Page(50)).rows
    assert [row.key.id for row in found] == NEWEST[::-1]


def test_one_statement_reads_all_sets_side_by_side(store: SqlStore, filled: str) -> None:
    query = parse("Observation", [("code", "8867-4")], PARAMETERS)
    told = store.explain(query, filled, reader(filled), Page(5))
    if store.database.is_sqlite:
        assert told[-1].text.count("UNION ALL") == len(STATUSES) - 1
        assert not [line for line in told[-1].plan if "TEMP B-TREE FOR ORDER BY" in line]
