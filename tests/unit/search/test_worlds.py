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

PARAMETERS = Parameters.all(r4())
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
