"""PostgreSQL plans the statement of a page for any values, once for each connection: planning takes longest of all.

Where a plan for any values seems dear, it goes on planning each search anew. Values that may be common or rare need
that: a walk to the first page of rare ones passes all there is.
"""

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from gateway.search import parse
from gateway.store import Page
from gateway.store.sql import SqlStore
from gateway.store.sql.database import Prepared
from tests import postgres
from tests.contract.stores import PARAMETERS, consent, observation, open_store, reader, unit

STUDY = "study"
SEARCHES = {
    "code": [("code", "8867-4")],
    "type": [("_lastUpdated", "gt2020"), ("_sort", "_lastUpdated")],
    "participant": [("patient", "p1")],
    "newest": [("code", "8867-4"), ("_sort", "-date")],
    "oldest": [("code", "8867-4"), ("_sort", "date")],
}
BY_VALUES = {
    "value": [("code", "8867-4"), ("value-quantity", "gt1||/min")],
    "composite": [("code-value-quantity", "http://loinc.org|8867-4$gt1||/min")],
    "order": [("code", "8867-4"), ("_sort", "value-quantity")],
}
BEFORE = 12
"""After five searches the driver names the statement, after five more the server has a plan for any values too."""
PLANS = "SELECT custom_plans FROM pg_prepared_statements WHERE strpos(statement, 'body') > 0"


@pytest.fixture(scope="module")
def filled(postgres_server: str) -> Iterator[SqlStore]:
    """A store with 1,500 Observations of equal codes, whose statistics the database knows."""
    with postgres.database(postgres_server) as url:
        store = open_store(url)
        _fill(store)
        yield store
        store.close()


def _fill(store: SqlStore) -> None:
    made = (
        observation(
            f"o{number}",
            f"p{number % 50}",
            valueQuantity={"value": number, "system": "http://unitsofmeasure.org", "code": "/min"},
        )
        for number in range(1_500)
    )
    store.commit(unit(STUDY, *(consent(f"c{number}", f"p{number}") for number in range(50)), *made))
    with store.database.engine.begin() as connection:
        connection.execute(text("ANALYZE"))


def _planned(store: SqlStore, search: list[tuple[str, str]], count: int) -> list[tuple[int, ...]]:
    """How often the statement that the server keeps for a page was planned with values, after so many searches."""
    query = parse("Observation", search, PARAMETERS)
    store.database.close()
    for _ in range(BEFORE):
        assert len(store.search(query, STUDY, reader(STUDY), Page(count)).rows) == count
    return store.database.fetch(Prepared(PLANS, None, {}), {})


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("count", [1, 20])
def test_a_page_of_one_way_is_not_planned_anew(filled: SqlStore, search: str, count: int) -> None:
    assert _planned(filled, SEARCHES[search], count) == [(5,)]


def test_ids_are_few_whatever_they_are(filled: SqlStore) -> None:
    assert len(_planned(filled, [("_id", "o1")], 1)) == 1


def test_no_connection_compiles_statements(filled: SqlStore) -> None:
    shown = Prepared("SHOW jit", None, {})
    assert filled.database.fetch(shown, {}) == [("off",)]
    assert filled.database.write(lambda connection: filled.database.run(connection, shown, {})) == [("off",)]


@pytest.mark.parametrize("search", BY_VALUES)
def test_values_common_or_rare_are_planned_each_time(filled: SqlStore, search: str) -> None:
    assert _planned(filled, BY_VALUES[search], 20) == []
