"""How many tests of content, and how many instances, the Consents of one participant may tell apart."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs

from gateway.consent import compile_grants, grants, narrowing
from gateway.consent.decision import Asked
from gateway.consent.narrowing import bounded, instances_of, provisions
from gateway.consent.request import ACTIONS
from gateway.consent.terms import Provision, Terms, read_terms
from gateway.core.kinds import Kind, KindTest, Match, Part
from gateway.core.types import Resource
from tests.compliance.decision_table import TERMINOLOGY
from tests.unit.consent.test_criteria import DOMAIN, LOINC, PURPOSE, TYPES, coding, concept, instance
from tests.unit.consent.test_terms import CASE, PERMIT, PLACED, answer, consent, rule

ROLE = concept(coding(f"{TERMINOLOGY}v3-ParticipationType", "IRCP"))[0]
OTHER = structs.replace(
    PLACED, kind=Kind((Part("Observation", (f"{LOINC}|other",)),), True), instance="Observation/other"
)


def denying(*elements: dict[str, Any]) -> Resource:
    """A Consent that permits, with a deny below for each of `elements`."""
    return consent(rule("permit", provision=[{"type": "deny", **one} for one in elements]))


def codes(count: int) -> list[dict[str, Any]]:
    return [{"code": concept(coding(LOINC, str(number)))} for number in range(count)]


def read(given: Resource) -> list[Terms]:
    terms = read_terms(given, "P1", CASE.policy)
    assert terms
    return [terms]


@pytest.mark.parametrize(("count", "permitted"), [(5, True), (6, True), (7, False)])
def test_six_tests_of_two_outcomes_are_told_apart(count: int, permitted: bool) -> None:
    assert answer(denying(*codes(count)), placed=OTHER).permit is permitted
    one = structs.replace(OTHER, kind=Kind((Part("Observation", (f"{LOINC}|0",)),), True))
    assert not answer(denying(*codes(count)), placed=one).permit


def test_a_class_beyond_the_bound_is_as_vague_as_a_code() -> None:
    assert answer(denying(*codes(5), {"class": [coding(TYPES, "Condition")]}), placed=OTHER).permit
    assert not answer(denying(*codes(6), {"class": [coding(TYPES, "Condition")]}), placed=OTHER).permit


@pytest.mark.parametrize(("count", "permitted"), [(31, True), (32, True), (33, False)])
def test_thirty_two_instances_are_told_apart(count: int, permitted: bool) -> None:
    named = [{"data": instance(f"Observation/o{number}")} for number in range(count)]
    assert answer(denying(*named), placed=OTHER).permit is permitted
    assert not answer(denying(*named), placed=structs.replace(OTHER, instance="Observation/o0")).permit


def test_one_test_that_is_asked_twice_counts_once() -> None:
    assert answer(denying(*codes(6), *codes(6)), placed=OTHER).permit


def test_what_fits_stays_as_it_is() -> None:
    terms = read(denying(*codes(6), {"data": instance("Observation/o1")}))
    assert bounded(terms) == terms


def test_what_is_beyond_loses_all_that_it_says_of_content_and_no_more() -> None:
    wide: dict[str, Any] = {
        "code": concept(coding(LOINC, "x"), coding(DOMAIN, "lab")),
        "class": [coding(TYPES, "Condition")],
        "data": instance("Observation/o1"),
    }
    below = {"type": "deny", "class": [coding(TYPES, "Goal")]}
    terms = read(denying(*codes(6), wide | {"provision": [below]}, {"data": instance("Observation/o2")}))
    [root] = [one.root for one in bounded(terms)]
    *kept, lost, named = root.children
    assert kept == list(terms[0].root.children[:6])
    assert named == terms[0].root.children[7]
    assert lost == replace(
        terms[0].root.children[6],
        vague=True,
        content=None,
        codes=None,
        domains=None,
        instances=None,
        children=lost.children,
    )
    assert [(one.vague, one.content) for one in lost.children] == [(True, None)]
    assert (root.vague, root.domains) == (False, None)


def test_a_provision_that_is_vague_already_stays_so() -> None:
    given = denying(*codes(6), {"class": [coding(TYPES, "Goal")]}, {"expression": {}})
    [root] = [one.root for one in bounded(read(given))]
    assert [one.vague for one in root.children] == [False] * 6 + [True, True]


def test_instances_beyond_the_bound_leave_the_tests_of_content_alone() -> None:
    named = [{"data": instance(f"Observation/o{number}")} for number in range(33)]
    [root] = [one.root for one in bounded(read(denying(*codes(1), *named)))]
    assert root.children[0].codes is not None
    assert not root.children[0].vague
    assert {(one.vague, one.instances) for one in root.children[1:]} == {(True, None)}


def test_what_has_provisions_below_has_three_outcomes() -> None:
    of_code = {"code": concept(coding(LOINC, "1"))}
    deny: dict[str, Any] = {"type": "deny", "class": [coding(TYPES, "Goal")], "provision": [{"type": "permit"}]}
    terms = read(consent(rule("permit", provision=[of_code | {"type": "permit"}, deny, {"type": "deny", **of_code}])))
    assert len(list(provisions(terms[0].root))) == 5
    assert narrowing.tests_of(terms) == {
        KindTest(True, codes=frozenset({f"{LOINC}|1"})): (Match.NO, Match.CERTAIN),
        KindTest(False, classes=frozenset({"Goal"})): (Match.NO, Match.POSSIBLE, Match.CERTAIN),
        KindTest(False, codes=frozenset({f"{LOINC}|1"})): (Match.NO, Match.POSSIBLE),
    }


def test_instances_are_in_a_stable_order() -> None:
    given = denying(*({"data": instance(f"Observation/{name}")} for name in "bca"), {"code": "x"})
    assert instances_of(read(given)) == ("Observation/a", "Observation/b", "Observation/c")
    assert instances_of(read(PERMIT)) == ()


AXES: dict[str, Callable[[int], dict[str, Any]]] = {
    "actors": lambda number: {
        "actor": [{"role": ROLE, "reference": {"reference": f"Organization/o{number}"}}],
    },
    "domains": lambda number: {"code": concept(coding(DOMAIN, f"d{number}"))},
    "purposes": lambda number: {"purpose": [coding(PURPOSE, f"P{number}")]},
    "period": lambda number: {"period": {"start": f"{1900 + number}", "end": f"{1900 + number}"}},
    "data": lambda number: {"dataPeriod": {"start": f"{1900 + number}", "end": f"{1900 + number}"}},
}


def various(count: int, *axes: str) -> Resource:
    """A Consent whose denials name each a value of its own on each axis."""
    together: list[dict[str, Any]] = [{} for _ in range(count)]
    for axis in axes:
        for number, one in enumerate(together):
            one |= AXES[axis](number)
    return denying(*together)


@pytest.mark.parametrize("axes", [(*AXES,), ("actors", "period"), ("domains", "purposes", "data")], ids="-".join)
def test_many_values_on_several_axes_cost_no_more_questions_than_the_bound(
    axes: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    ask, count = grants.match_values, [0]

    def counted(provision: Provision, asked: Asked) -> Match:
        count[0] += 1
        return ask(provision, asked)

    monkeypatch.setattr(grants, "match_values", counted)
    monkeypatch.setattr(narrowing, "MAX_QUESTIONS", 30_000)
    compile_grants("P1", [various(40, *axes)], CASE.policy)
    assert 0 < count[0] <= 30_000
    [root] = [one.root for one in bounded(read(various(40, *axes)))]
    assert {one.vague for one in root.children} == {True}
    assert not root.vague


@pytest.mark.parametrize("axis", AXES)
def test_many_values_on_one_axis_are_told_apart(axis: str) -> None:
    terms = read(various(60, axis))
    assert bounded(terms) == terms


def test_the_axis_with_the_most_values_is_given_up_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(narrowing, "MAX_QUESTIONS", 10_000)
    given = denying(*(AXES["actors"](number) for number in range(30)), AXES["period"](1), AXES["domains"](1))
    [root] = [one.root for one in bounded(read(given))]
    assert [(one.vague, one.actors) for one in root.children[:30]] == [(True, None)] * 30
    assert [one.vague for one in root.children[30:]] == [False, False]


def room(terms: list[Terms], values: int) -> int:
    """So many questions that so many combinations of values are told apart, and not one more."""
    return values * len(ACTIONS) * len(list(provisions(terms[0].root)))


WIDE: dict[str, tuple[tuple[str, ...], int, int]] = {
    "three values and any other, and none": (("purposes",), 3, 3 + 2),
    "three organisations": (("actors",), 3, 3 + 2),
    "three data domains": (("domains",), 3, 3 + 2),
    "three intervals, and what is before and behind each": (("period",), 3, 1 + 2 * 3),
    "three intervals of data": (("data",), 3, 1 + 2 * 3),
    "all of two axes": (("purposes", "period"), 3, 5 * 7),
}


@pytest.mark.parametrize(("axes", "count", "values"), WIDE.values(), ids=WIDE)
def test_values_are_told_apart_as_long_as_there_is_room(
    axes: tuple[str, ...], count: int, values: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    terms = read(various(count, *axes))
    monkeypatch.setattr(narrowing, "MAX_QUESTIONS", room(terms, values))
    assert bounded(terms) == terms
    monkeypatch.setattr(narrowing, "MAX_QUESTIONS", room(terms, values) - 1)
    [root] = [one.root for one in bounded(terms)]
    assert {one.vague for one in root.children} == {True}
    assert not root.vague


def test_combinations_of_outcomes_take_room(monkeypatch: pytest.MonkeyPatch) -> None:
    terms = read(denying(*codes(2), AXES["purposes"](1)))
    monkeypatch.setattr(narrowing, "MAX_QUESTIONS", 4 * room(terms, 3))
    assert bounded(terms) == terms
    monkeypatch.setattr(narrowing, "MAX_QUESTIONS", 4 * room(terms, 3) - 1)
    [root] = [one.root for one in bounded(terms)]
    assert [one.vague for one in root.children] == [False, False, True]


def test_where_there_is_no_room_at_all_every_axis_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(narrowing, "MAX_QUESTIONS", 0)
    given = denying(*({"data": instance(f"Observation/{name}")} for name in "ab"), *(one(1) for one in AXES.values()))
    [root] = [one.root for one in bounded(read(given))]
    assert all(one.vague for one in root.children)
    for one in root.children:
        named = (one.actors, one.domains, one.purposes, one.instances, one.period, one.data)
        assert named == (None,) * 6
    assert not root.vague


@pytest.mark.parametrize(
    ("given", "codes_left"),
    [(AXES["domains"](1), False), ({"data": instance("Observation/a")}, False), (AXES["purposes"](1), True)],
)
def test_what_loses_a_domain_or_an_instance_loses_its_codes(
    given: dict[str, Any], codes_left: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_code = {"code": concept(coding(LOINC, "x"), *(coding(DOMAIN, "d1") for _ in given.get("code", ())))}
    terms = read(denying(given | of_code))
    assert terms[0].root.children[0].codes is not None
    monkeypatch.setattr(narrowing, "MAX_QUESTIONS", 0)
    [root] = [one.root for one in bounded(terms)]
    assert (root.children[0].codes is not None) is codes_left
    assert root.children[0].vague
