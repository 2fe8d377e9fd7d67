"""Every search of the small worlds, answered by the oracle; every refusal by its rule."""

from functools import cache

import pytest

from gateway.core import Resource
from gateway.core.errors import BadRequest
from gateway.definitions import r4
from gateway.search import Parameters, matches, parse
from gateway.search.including import included
from gateway.search.ordering import ordered
from gateway.terminology import LocalTerminology
from tests import searches
from tests.searches import Search

PARAMETERS = Parameters(r4())
TERMINOLOGY = LocalTerminology(r4())


@cache
def world(name: str) -> list[Resource]:
    return searches.resources(name)


def reference(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


@pytest.mark.parametrize("search", searches.searches(), ids=str)
def test_a_search_finds_what_it_must(search: Search) -> None:
    query = parse(search.type, search.params, PARAMETERS, terminology=TERMINOLOGY)
    everything = world(search.world)
    found = [one for one in everything if matches(query, one, PARAMETERS, everything)]
    ids = [one["id"] for one in ordered(query.sort, found, PARAMETERS)]
    assert (ids if search.is_sorted else sorted(ids)) == (
        list(search.found) if search.is_sorted else sorted(search.found)
    )
    assert {reference(one) for one in included(query, found, everything, PARAMETERS)} == search.included


@pytest.mark.parametrize(("ask", "rule"), searches.refusals())
def test_a_search_is_refused_by_its_rule(ask: str, rule: str) -> None:
    type, params = searches.asked(ask)
    with pytest.raises(BadRequest) as refused:
        parse(type, params, PARAMETERS, terminology=TERMINOLOGY)
    assert [found.rule for found in refused.value.issues] == [rule]


@pytest.mark.parametrize(
    ("type", "ask", "compartment", "found"),
    [
        ("Observation", "", ("Patient", "p1"), {"o1", "o2"}),
        ("Observation", "code=8867-4", ("Patient", "p1"), {"o1"}),
        ("Observation", "", ("Encounter", "e1"), {"o1"}),
        ("Observation", "", ("Device", "v1"), {"o1"}),
        ("Patient", "", ("Patient", "p1"), {"p1"}),
        ("AuditEvent", "", ("Practitioner", "d1"), {"a1"}),
        ("", "", ("Patient", "p1"), {"p1", "e1", "o1", "o2", "r1"}),
        ("", "_type=Observation,Condition", ("Patient", "p2"), {"c1"}),
        ("", "_tag=rwd", ("Patient", "p1"), {"p1"}),
        ("", "_tag=rwd", ("Patient", "p2"), set()),
        ("", "_type=Observation,Encounter&patient=p1", None, {"o1", "o2", "e1"}),
        ("", "_id=o1,p1", None, {"o1", "p1"}),
    ],
)
def test_compartments_and_several_types(
    type: str, ask: str, compartment: tuple[str, str] | None, found: set[str]
) -> None:
    params = searches.asked("?" + ask)[1]
    query = parse(type, params, PARAMETERS, compartment=compartment)
    assert {one["id"] for one in world("clinic") if matches(query, one, PARAMETERS, world("clinic"))} == found


@pytest.mark.parametrize(
    ("type", "ask", "compartment", "rule"),
    [
        ("ValueSet", "", ("Patient", "p1"), "search.compartment"),
        ("", "_type=ValueSet", ("Patient", "p1"), "search.compartment"),
        ("Observation", "", ("Nothing", "p1"), "search.compartment"),
        ("", "", ("Nothing", "p1"), "search.compartment"),
        ("", "_type=Nothing", None, "search.unknown-type"),
        ("", "code=a", None, "search.unknown-parameter"),
        ("", "_type=Observation,Patient&gender=male", None, "search.unknown-parameter"),
        ("", "_has:Observation:patient:code=a", None, "search.unknown-parameter"),
        ("Observation", "_type=Observation", None, "search.unknown-parameter"),
    ],
)
def test_compartments_and_types_that_are_refused(
    type: str, ask: str, compartment: tuple[str, str] | None, rule: str
) -> None:
    with pytest.raises(BadRequest) as refused:
        parse(type, searches.asked("?" + ask)[1], PARAMETERS, compartment=compartment)
    assert [found.rule for found in refused.value.issues] == [rule]


def test_a_lenient_search_names_what_it_left_out() -> None:
    params = [("code", "8867-4"), ("colour", "red"), ("_filter", "x"), ("status", "")]
    query = parse("Observation", params, PARAMETERS, strict=False)
    assert [found.rule for found in query.ignored] == ["search.ignored"] * 3
    assert ["colour" in query.ignored[0].message, len(query.clauses)] == [True, 1]
    for name, text, rule in (("code:exact", "a", "search.modifier"), ("date", "x", "search.value")):
        with pytest.raises(BadRequest) as refused:
            parse("Observation", [(name, text)], PARAMETERS, strict=False)
        assert [found.rule for found in refused.value.issues] == [rule]
