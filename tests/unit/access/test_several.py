"""Several searches as one: pages of every size go through all rows once, in order, as totals and includes say."""

from typing import Any

import pytest

from gateway.access.reading.several import one_after_another
from gateway.core.instants import micros
from gateway.core.resources import Visibility
from gateway.search import Parameters, Query, parse
from gateway.store.port import Found, Page
from tests.unit.access.conftest import World
from tests.unit.access.observations import observation


@pytest.fixture
def filled(world: World) -> World:
    """Five Observations of two people, of which one has no match of the second search."""
    first, second = world.person("101-001"), world.person("201-001")
    rows = [observation(person, f"o{n}") for n, person in enumerate([first, first, second, first, second])]
    world.door("registrar").commit(rows)
    return world


def found(world: World, parameters: Parameters, texts: list[tuple[str, str]], page: Page) -> Found:
    queries = [parse(kind, _pairs(text), parameters) for kind, text in texts]
    who = world.door("registrar").principal
    eyes = Visibility(world.study.id, who.organisation, "access", who.purpose, micros(world.now))
    return one_after_another(world.store, queries, world.study.id, eyes, page)


def _pairs(text: str) -> list[tuple[str, str]]:
    return [(name, value) for name, _, value in (part.partition("=") for part in text.split("&")) if name]


ALL = [("Patient", "_sort=_id"), ("Goal", ""), ("Observation", "_sort=_id"), ("Flag", "")]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6, 7, 8])
def test_pages_of_every_size_show_each_once(filled: World, parameters: Parameters, count: int) -> None:
    whole = [row.key.reference for row in found(filled, parameters, ALL, Page(100)).rows]
    assert [one.partition("/")[0] for one in whole] == ["Patient"] * 2 + ["Observation"] * 5
    seen: list[str] = []
    after: Any = None
    while True:
        page = found(filled, parameters, ALL, Page(count, after))
        assert 0 < len(page.rows) <= count
        assert len(page.rows) == count or page.next is None
        seen += [row.key.reference for row in page.rows]
        after = page.next
        if after is None:
            break
    assert seen == whole


def test_a_page_of_nothing_leads_nowhere(filled: World, parameters: Parameters) -> None:
    page = found(filled, parameters, ALL, Page(0))
    assert (page.rows, page.next, page.total, page.is_cut) == ((), None, None, False)
    assert found(filled, parameters, ALL, Page(3)).is_cut is False


def test_the_total_is_told_when_every_search_asks_for_it(filled: World, parameters: Parameters) -> None:
    asked = [("Patient", "_total=accurate"), ("Observation", "_total=accurate"), ("Goal", "_total=accurate")]
    assert found(filled, parameters, asked, Page(1)).total == 7
    assert found(filled, parameters, asked[2:], Page(1)).total == 0
    assert found(filled, parameters, [*asked, ("Flag", "")], Page(1)).total is None
    assert found(filled, parameters, [], Page(1)).total is None


def test_what_matches_is_not_included_beside(filled: World, parameters: Parameters) -> None:
    asked = [("Observation", "_include=Observation:subject&_id=o0,o2")]
    page = found(filled, parameters, asked, Page(10))
    people = {f"Patient/{filled.person(id).patient}" for id in ("101-001", "201-001")}
    assert {row.key.reference for row in page.included} == people
    both = found(filled, parameters, [*asked, ("Patient", "")], Page(10))
    assert both.included == ()
    assert len(both.rows) == 4


def test_a_type_without_rows_does_not_end_the_page(filled: World, parameters: Parameters) -> None:
    page = found(filled, parameters, [("Goal", ""), ("Patient", "_sort=_id")], Page(2))
    assert (len(page.rows), page.next) == (2, None)
    page = found(filled, parameters, [("Patient", ""), ("Goal", ""), ("Observation", "")], Page(2))
    assert len(page.rows) == 2
    assert page.next
    assert page.next[0] in (1, 2)


class Told:
    """Searches whose answers are known, by their type."""

    def __init__(self, **answers: Found) -> None:
        self.answers = answers

    def search(self, query: Query, study: str, visibility: Visibility, page: Page) -> Found:
        del study, visibility, page
        return self.answers[query.type]


@pytest.mark.parametrize("cut", [(False, False), (True, False), (False, True), (True, True)], ids=str)
def test_one_search_with_too_many_includes_is_enough_to_say_so(cut: tuple[bool, bool]) -> None:
    first, last = (Found((), None, None, (), one) for one in cut)
    store: Any = Told(Goal=first, Flag=last)
    eyes = Visibility("st", "a", "access", "TREAT", 0)
    assert one_after_another(store, [Query("Goal"), Query("Flag")], "st", eyes, Page(5)).is_cut is any(cut)
