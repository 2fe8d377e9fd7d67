"""How a search is run, as each database tells it: no value is in it, and what is hidden changes nothing."""

import pytest

from gateway.search import Query, parse
from gateway.search.query import AnyClause, ReferenceClause
from gateway.store import Page
from gateway.store.sql import SqlStore
from tests.contract.stores import PARAMETERS, consent, observation, reader, unit

SEARCHES = (
    [("code", "a")],
    [("code", "secret")],
    [("code", "secret"), ("value-quantity", "gt4711"), ("_total", "accurate")],
    [("identifier", "secret|4711"), ("_sort", "value-quantity")],
    [("subject", "Patient/secret"), ("category", "secret"), ("_sort", "-date")],
    [("_lastUpdated", "gt2024"), ("_include", "Observation:subject"), ("device:missing", "true")],
)


@pytest.mark.parametrize("search", SEARCHES, ids=str)
def test_no_value_is_told(store: SqlStore, study: str, search: list[tuple[str, str]]) -> None:
    store.commit(unit(study, observation("4711"), consent("c", "p1")))
    told = store.explain(parse("Observation", search, PARAMETERS), study, reader(study), Page(9317))
    assert told
    for statement in told:
        assert statement.text.startswith("SELECT")
        assert statement.plan
        text = "\n".join((statement.text, *statement.plan))
        assert not [value for value in ("secret", "4711", "9317", study) if value in text]


def test_a_code_that_nobody_has_is_asked_for_like_one_that_somebody_has(store: SqlStore, study: str) -> None:
    query = parse("Observation", [("code", "a"), ("status", "final")], PARAMETERS)
    before = [one.text for one in store.explain(query, study, reader(study), Page(5))]
    store.commit(unit(study, observation("a")))
    assert [one.text for one in store.explain(query, study, reader(study), Page(5))] == before


def test_a_compartment_that_several_references_lead_to_is_read_by_them(store: SqlStore, study: str) -> None:
    ways = (ReferenceClause("subject", ("Patient/p1",)), ReferenceClause("performer", ("Patient/p1",)))
    told = store.explain(Query("Observation", (AnyClause(ways),)), study, reader(study), Page(5))
    assert "FROM search_term" in told[-1].text


def test_a_code_within_a_composite_drives_the_search_as_one_beside_a_value(store: SqlStore, study: str) -> None:
    together = parse("Observation", [("code-value-quantity", "a$gt90||kg")], PARAMETERS)
    beside = parse("Observation", [("code", "a"), ("value-quantity", "gt90||kg")], PARAMETERS)
    page = Page(5)
    store.commit(unit(study, observation("1")))
    asked, same = (store.explain(query, study, reader(study), page) for query in (together, beside))
    assert [one.text for one in asked] == [one.text for one in same]


@pytest.mark.parametrize("date", ["2020", "le2020", "eb2020", "lt2020"])
@pytest.mark.parametrize("beside", [[], [("patient", "p1")], [("code", "8867-4")]], ids=str)
def test_a_date_in_the_past_is_where_an_index_is_read_from(
    store: SqlStore, study: str, date: str, beside: list[tuple[str, str]]
) -> None:
    store.commit(unit(study, observation("1")))
    query = parse("Observation", [("date", date), *beside], PARAMETERS)
    told = store.explain(query, study, reader(study), Page(5))
    if store.database.is_sqlite:
        assert [line for line in told[-1].plan if "at<?" in line]
