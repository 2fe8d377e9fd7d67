"""Whose data and what content a resource is: the quick way says what the slow one says."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.access.placing.contents import kind_of
from gateway.access.placing.outline import Outline
from gateway.access.placing.sayings import Sayings, outlined, whose_and_what
from gateway.access.placing.subjects import participants

TEXTS = st.sampled_from(["Patient/one", "Patient/two", "http://a.org/Patient/x", "Device/a", "a", "", 'a"code":"b'])
LEAVES = st.one_of(TEXTS, st.integers(0, 3), st.booleans(), st.none())
NAMES = st.sampled_from(
    ["code", "system", "value", "reference", "coding", "security", "meta", "type", "subject", "a"]
)
TREES = st.recursive(
    LEAVES,
    lambda below: st.one_of(st.lists(below, max_size=3), st.dictionaries(NAMES, below, max_size=4)),
    max_leaves=12,
)
ELEMENTS = st.dictionaries(
    st.sampled_from(["code", "type", "subject", "patient", "category", "valueQuantity", "contained", "meta", "b"]),
    TREES,
    max_size=6,
)


@settings(max_examples=250, deadline=None)
@given(ELEMENTS, st.sampled_from(["Observation", "Patient", "Encounter", "Device"]))
def test_the_quick_way_says_the_same(elements: dict[str, Any], kind: str) -> None:
    resource = {"resourceType": kind, "id": "one", "meta": {"security": [{"system": "s", "code": "c"}]}, **elements}
    assert whose_and_what(resource) == (participants(resource), kind_of(resource))


@settings(max_examples=250, deadline=None)
@given(ELEMENTS, st.sampled_from(["Observation", "Patient", "Encounter", "Device"]), TEXTS)
def test_an_outline_says_the_same_when_references_were_written(elements: dict[str, Any], kind: str, new: str) -> None:
    given = {"resourceType": kind, "id": "one", "meta": {"security": [{"system": "s", "code": "c"}]}, **elements}
    outline = Outline(given)
    resource = {**given, "id": "other"}
    for node, name, _ in outline.places:
        node[name] = new
    assert outline.is_of(resource)
    assert outlined(resource, outline) == whose_and_what(resource)
    assert Sayings().of(resource, outline) == whose_and_what(resource)


@given(ELEMENTS, st.sampled_from(["code", "subject", "meta", "b"]), TREES)
def test_an_outline_is_of_no_other_tree(elements: dict[str, Any], name: str, value: Any) -> None:
    resource = {"resourceType": "Observation", "id": "one", **elements}
    outline = Outline(resource)
    other = {**resource, name: value}
    assert not outline.is_of({**resource, "resourceType": "Patient"})
    assert not isinstance(value, dict | list) or not outline.is_of(other)
    assert Sayings().of(other, outline) == whose_and_what(other)


RESOURCES = st.tuples(ELEMENTS, st.sampled_from(["Observation", "Patient", "Encounter", "Device"]))


@settings(max_examples=100, deadline=None)
@given(st.lists(RESOURCES, min_size=1, max_size=4))
def test_what_came_before_changes_no_answer(several: list[tuple[dict[str, Any], str]]) -> None:
    sayings = Sayings()
    for elements, kind in several:
        for place in range(2):  # the second time, what was kept may be found again
            resource = {"resourceType": kind, "id": f"id-{place}", **elements}
            assert sayings.of(resource) == whose_and_what(resource)


def test_values_and_times_are_not_told_apart() -> None:
    sayings = Sayings()
    plain = {
        "resourceType": "Observation",
        "subject": {"reference": "Patient/one"},
        "code": {"coding": [{"code": "c"}]},
    }
    first = {**plain, "id": "a", "effectivePeriod": {"start": "2026"}, "valueQuantity": {"value": 1, "code": "/min"}}
    other = {**plain, "id": "b", "effectivePeriod": {"start": "2027"}, "valueQuantity": {"value": 2, "code": "/min"}}
    assert sayings.of(other) is sayings.of(first)
    changes: tuple[dict[str, Any], ...] = (
        {"subject": {"reference": "Patient/two"}},
        {"valueQuantity": {"code": "/min"}},
        {"code": {}},
    )
    for changed in changes:
        assert sayings.of({**first, **changed}) == whose_and_what({**first, **changed}) != sayings.of(first)


def test_the_last_1024_contents_are_kept() -> None:
    sayings = Sayings()
    for number in range(1_025):
        sayings.of({"resourceType": "Device", "id": "a", "patient": {"reference": f"Patient/{number}"}})
        assert len(sayings) == (number + 1 if number < 1_024 else 1)


@pytest.mark.parametrize(
    ("resource", "kept"),
    [
        ({"resourceType": "Device", "id": "a"}, 1),
        ({"resourceType": "Patient", "id": "a"}, 0),
        ({"resourceType": "Device", "reference": "Patient/one"}, 0),
        ({"resourceType": "Device", **{f"part{number}": [] for number in range(6)}}, 1),
        ({"resourceType": "Device", **{f"part{number}": [] for number in range(7)}}, 0),
        ({"resourceType": "Device", "note": ["a" * (1_000 - len('{"note":[""]}'))]}, 1),
        ({"resourceType": "Device", "note": ["a" * (1_001 - len('{"note":[""]}'))]}, 0),
    ],
)
def test_long_contents_and_those_of_many_parts_are_not_kept(resource: dict[str, Any], kept: int) -> None:
    sayings = Sayings()
    assert sayings.of(resource) == whose_and_what(resource)
    assert len(sayings) == kept
