"""Searching the store: pages, totals and streams over current, visible rows."""

from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from gateway.core.resources import Change, Key, Placement, Unit
from gateway.search import Query, parse
from gateway.store import Page
from gateway.store.sql import SqlStore
from gateway.store.sql.reading.selecting import ESTIMATED
from tests.contract.stores import PARAMETERS, Hand, change, consent, observation, reader, searched, unit


def ids(store: SqlStore, study: str, *params: tuple[str, str], type: str = "Observation") -> list[str]:
    found = store.search(parse(type, params, PARAMETERS), study, None, Page(1000))
    return sorted(one.key.id for one in found.rows)


def pages(store: SqlStore, query: Query, study: str, size: int) -> list[list[str]]:
    """Every page of a search."""
    after: tuple[int, ...] | None = None
    result = []
    while True:
        found = searched(store, query, study, reader(study), Page(size, after))
        result.append([one.key.id for one in found.rows])
        if found.next is None:
            return result
        after = found.next


def test_pages_cover_the_result_newest_first(store: SqlStore, study: str) -> None:
    store.commit(unit(study, consent("c", "p1"), *(observation(f"o{number}") for number in range(7))))
    assert pages(store, Query("Observation"), study, 3) == [["o6", "o5", "o4"], ["o3", "o2", "o1"], ["o0"]]
    assert pages(store, Query("Observation"), study, 7) == [[f"o{number}" for number in range(6, -1, -1)]]


@pytest.mark.parametrize("params", [[], [("code", "8867-4")], [("subject", "p1,p2"), ("date", "ge2026")]])
def test_pages_are_stable_while_data_are_written(store: SqlStore, study: str, params: list[tuple[str, str]]) -> None:
    store.commit(unit(study, consent("c", "p1"), *(observation(f"o{number}") for number in range(20))))
    query = parse("Observation", params, PARAMETERS)
    after: tuple[int, ...] | None = None
    met: list[str] = []
    for step in count():
        found = searched(store, query, study, reader(study), Page(3, after))
        met += [one.key.id for one in found.rows]
        if found.next is None:
            break
        after = found.next
        store.commit(unit(study, observation(f"new{step}"), observation("o1", note=str(step))))
    assert met == [f"o{number}" for number in range(19, -1, -1)]


def test_totals_count_visible_matches_only(store: SqlStore, study: str) -> None:
    store.commit(unit(study, consent("c", "p1"), *(observation(f"o{n}", f"p{n % 2}") for n in range(5))))
    query = Query("Observation", total="accurate")
    assert store.search(query, study, reader(study), Page(1)).total == 2
    assert store.search(query, study, None, Page(1)).total == 5
    assert store.search(Query("Observation"), study, None, Page(1)).total is None
    only_total = store.search(query, study, reader(study), Page(0))
    assert (only_total.rows, only_total.total, only_total.next) == ((), 2, None)


def test_an_estimate_counts_visible_matches_up_to_a_bound(store: SqlStore, study: str) -> None:
    store.commit(unit(study, consent("c", "p1"), *(observation(f"o{n}", f"p{n % 2}") for n in range(5))))
    for params in ([], [("code", "8867-4")], [("patient", "p0,p1")], [("_id", "o1,o2")], [("date", "ge2020")]):
        query = parse("Observation", [*params, ("_total", "estimate")], PARAMETERS)
        exact = parse("Observation", [*params, ("_total", "accurate")], PARAMETERS)
        for seen in (reader(study), None):
            assert store.search(query, study, seen, Page(1)).total == store.search(exact, study, seen, Page(1)).total
    few = [{"resourceType": "Basic", "id": f"b{number}"} for number in range(ESTIMATED + 1)]
    for start in range(0, len(few), 1_000):
        level = Placement(study_level=True)
        keys = [Key(study, "Basic", one["id"]) for one in few[start : start + 1_000]]
        made = zip(keys, few[start : start + 1_000], strict=True)
        store.commit(Unit(study, tuple(Change(key, one, level) for key, one in made)))
    totals = [
        store.search(parse("Basic", [("_total", how)], PARAMETERS), study, reader(study), Page(0)).total
        for how in ("estimate", "accurate")
    ]
    assert totals == [ESTIMATED, ESTIMATED + 1]


def test_a_stream_is_oldest_first_and_longer_than_a_batch(store: SqlStore, study: str) -> None:
    store.commit(unit(study, consent("c", "p1"), *(observation(f"o{n}", f"p{n % 2}") for n in range(1203))))
    streamed = [one.key.id for one in store.stream("Observation", study, reader(study))]
    assert streamed == [f"o{n}" for n in range(1, 1203, 2)]
    by_code = parse("Observation", [("code", "8867-4")], PARAMETERS)
    assert len(list(store.stream(by_code, study, None))) == 1203


def test_a_withdrawal_ends_a_running_stream(store: SqlStore, study: str) -> None:
    store.commit(unit(study, consent("c", "p1"), *(observation(f"o{n}") for n in range(1200))))
    stream = store.stream("Observation", study, reader(study))
    next(stream)
    store.commit(unit(study, consent("c", "p1", status="inactive")))
    assert sum(1 for _ in stream) == 499


def test_deleted_and_other_types_are_not_found(store: SqlStore, study: str) -> None:
    store.commit(unit(study, observation("a"), consent("a", "p1"), {"resourceType": "Patient", "id": "a"}))
    store.commit(Unit(study, (Change(Key(study, "Observation", "a"), None),)))
    assert ids(store, study) == []
    assert ids(store, study, ("code", "8867-4")) == []
    assert ids(store, study, type="Patient") == ["a"]


def test_last_updated_is_the_time_of_the_version(store: SqlStore, study: str, clock: Hand) -> None:
    store.commit(unit(study, observation("a")))
    clock.move(60)
    store.commit(unit(study, observation("b")))
    clock.move(-60)
    assert ids(store, study, ("_lastUpdated", "2026-06-01T12:00:00.000Z")) == ["a"]
    assert ids(store, study, ("_lastUpdated", "gt2026-06-01T12:00:30Z")) == ["b"]
    assert ids(store, study, ("_lastUpdated", "2026-06-01")) == ["a", "b"]


def test_a_resource_found_by_two_values_comes_once(store: SqlStore, study: str) -> None:
    codes = {"coding": [{"system": "http://loinc.org", "code": code} for code in ("8867-4", "8889-8")]}
    store.commit(unit(study, observation("a", code=codes)))
    assert ids(store, study, ("code", "8867-4,8889-8")) == ["a"]
    assert ids(store, study, ("code", "8867-4"), ("code", "8889-8")) == ["a"]


def test_a_thousand_values_are_one_statement(store: SqlStore, study: str) -> None:
    store.commit(unit(study, *(observation(f"o{number}") for number in range(20))))
    wanted = ",".join(f"o{number}" for number in range(10, 1010))
    assert ids(store, study, ("_id", wanted)) == sorted(f"o{number}" for number in range(10, 20))


def test_find_needs_the_exact_system_and_value(store: SqlStore, study: str) -> None:
    person = {"resourceType": "Patient", "id": "a", "identifier": [{"system": "urn:x", "value": "1"}]}
    store.commit(Unit(study, (change(study, person, subjects=("a",)),)))
    assert store.find(study, "Patient", "identifier", "urn:x", "1") == [Key(study, "Patient", "a")]
    for system, value in (("urn:y", "1"), ("", "1"), ("urn:x", ""), ("urn:x", "1 ")):
        assert store.find(study, "Patient", "identifier", system, value) == []
    assert store.find(study + "-2", "Patient", "identifier", "urn:x", "1") == []


def weight(text: str) -> dict[str, Any]:
    return {"value": Decimal(text), "system": "http://unitsofmeasure.org", "code": "kg"}


def test_a_quantity_orders_by_its_last_version_in_a_unit(store: SqlStore, study: str) -> None:
    """The same key several times in one unit, its value gone, come and changed between."""
    low, high = {"value": 0}, {"value": Decimal("70.5")}
    written = [
        observation("o2", "a", valueQuantity=low),
        observation("o0", "a", status="amended"),
        observation("o1", "b", valueQuantity=low),
        observation("o0", "a"),
        observation("o3", "c", valueQuantity=high),
        observation("o0", "a", valueQuantity=low),
        observation("o0", "a", status="amended"),
        observation("o0", "a", valueQuantity=high),
    ]
    store.commit(unit(study, *written))
    for who in ("a", "b"):
        store.commit(unit(study, consent(f"c-{who}", who)))
    for sort, wanted in (
        ("-value-quantity,-_id", ["o0", "o2", "o1"]),
        ("-value-quantity,_id", ["o0", "o1", "o2"]),
        ("value-quantity,_id", ["o1", "o2", "o0"]),
    ):
        query = parse("Observation", [("_sort", sort)], PARAMETERS)
        for size in (1, 2, 5):
            assert [id for page in pages(store, query, study, size) for id in page] == wanted
    assert ids(store, study, ("value-quantity", "gt5")) == ["o0", "o3"]


def test_decimals_that_differ_in_the_base_unit_only_are_kept_apart(store: SqlStore, study: str) -> None:
    """Both texts are the number 0.1, yet 100 g and a little more than 100 g."""
    parts = [{"code": {"text": "x"}, "valueQuantity": weight(text)} for text in ("0.1", "0.10000000000000001")]
    asked = ("component-value-quantity", "gt100|http://unitsofmeasure.org|g")
    store.commit(unit(study, observation("a", component=parts)))
    assert ids(store, study, asked) == ["a"]
    store.commit(unit(study, observation("a", component=parts[:1])))
    assert ids(store, study, asked) == []
    assert ids(store, study, ("component-value-quantity", "100|http://unitsofmeasure.org|g")) == ["a"]
    store.commit(unit(study, observation("a", component=[*parts, {"valueQuantity": weight("2")}])))
    assert ids(store, study, asked) == ["a"]
