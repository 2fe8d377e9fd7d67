"""Which codes a value set holds, whichever way it is asked; definitions that would run for ever are refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import NotFound, Unprocessable
from gateway.terminology import membership
from gateway.terminology.membership import Membership
from tests.unit.terminology.examples import ANIMALS, catalog, imported, listed, picked, value_set, whole

ALL = ["animal", "dog", "poodle", "dodo", "plant"]


def members(definition: dict[str, Any], *others: dict[str, Any]) -> list[str]:
    return [code for _system, code in Membership(catalog(*others)).members(definition)]


@pytest.mark.parametrize(
    ("entry", "codes"),
    [
        (whole(), ALL),
        (listed("plant", "dog", "unicorn"), ["plant", "dog"]),
        (picked("concept", "is-a", "dog"), ["dog", "poodle"]),
        (picked("concept", "descendent-of", "animal"), ["dog", "poodle", "dodo"]),
        (picked("concept", "child-of", "animal"), ["dog", "dodo"]),
        (picked("concept", "is-not-a", "dog"), ["animal", "dodo", "plant"]),
        (picked("concept", "generalizes", "poodle"), ["animal", "dog", "poodle"]),
        (picked("concept", "in", "dog,plant"), ["dog", "plant"]),
        (picked("concept", "not-in", "dog,plant"), ["animal", "poodle", "dodo"]),
        (picked("legs", "=", "4"), ["dog"]),
        (picked("legs", "exists", "true"), ["dog"]),
        (picked("code", "regex", "d.*"), ["dog", "dodo"]),
    ],
)
def test_includes(entry: dict[str, Any], codes: list[str]) -> None:
    assert members(value_set(include=[entry])) == codes


def test_excludes_and_imports() -> None:
    dogs = value_set("dogs", include=[picked("concept", "is-a", "dog")])
    assert members(value_set(include=[whole()], exclude=[imported("dogs")]), dogs) == ["animal", "dodo", "plant"]
    both = {**listed("dog", "plant"), **imported("dogs")}
    assert members(value_set(include=[both]), dogs) == ["dog"]


def test_an_expansion_counts_where_there_is_no_definition() -> None:
    inner = {"system": ANIMALS, "code": "dog", "contains": [{"system": ANIMALS, "code": "poodle"}]}
    expanded = {
        "resourceType": "ValueSet",
        "url": "http://example.org/ValueSet/x",
        "expansion": {"contains": [inner]},
    }
    assert members(expanded) == ["dog", "poodle"]


entries = st.one_of(
    st.just(whole()),
    st.lists(st.sampled_from(ALL), min_size=1, max_size=3).map(lambda codes: listed(*codes)),
    st.sampled_from(["is-a", "child-of", "generalizes", "in", "is-not-a"]).flatmap(
        lambda op: st.sampled_from(ALL).map(lambda code: picked("concept", op, code))
    ),
    st.just(imported("b")),
    st.just(listed("dog", "plant") | imported("b")),
)
definitions = st.builds(
    lambda include, exclude: {"include": include, "exclude": exclude},
    st.lists(entries, min_size=1, max_size=3),
    st.lists(entries, max_size=2),
)
other_entries = st.lists(entries.filter(lambda entry: "valueSet" not in entry), min_size=1, max_size=2)


@given(definitions, other_entries)
def test_asking_for_one_code_is_the_same_as_expanding(compose: dict[str, Any], other: list[dict[str, Any]]) -> None:
    known = catalog(value_set("b", include=other))
    definition = value_set(**compose)
    expanded = {code for _system, code in Membership(known).members(definition)}
    assert {code for code in ALL if Membership(known).holds(definition, ANIMALS, code)} == expanded


def test_value_sets_that_include_each_other_are_refused() -> None:
    first, second = value_set("a", include=[imported("b")]), value_set("b", include=[imported("a")])
    known = catalog(first, second)
    with pytest.raises(Unprocessable, match=r"terminology\.circular"):
        Membership(known).members(first)
    with pytest.raises(Unprocessable, match=r"terminology\.circular"):
        Membership(known).holds(first, ANIMALS, "dog")


def test_a_lattice_of_imports_costs_no_more_than_its_value_sets() -> None:
    levels = [value_set("v0", include=[whole()])]
    levels += [
        value_set(f"v{level}", include=[imported(f"v{level - 1}")] * 10, exclude=[listed("plant")])
        for level in range(1, 30)
    ]
    asked = Membership(catalog(*levels))
    assert len(asked.members(levels[-1])) == 4
    assert asked.holds(levels[-1], ANIMALS, "unicorn") is None


def test_too_many_codes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(membership, "MAX_MEMBERS", 4)
    with pytest.raises(Unprocessable, match=r"terminology\.too-costly"):
        members(value_set(include=[whole()]))


@pytest.mark.parametrize(
    ("entry", "error", "rule"),
    [
        ({"system": ANIMALS, "filter": [{"property": "concept", "op": "is-a"}]}, Unprocessable, "filter-no-value"),
        (picked("concept", "looks-like", "dog"), Unprocessable, "filter-unknown"),
        (picked("code", "regex", "(broken"), Unprocessable, "filter-unknown"),
        (imported("nowhere"), NotFound, "unknown-value-set"),
        ({"system": "http://example.org/unknown"}, NotFound, "unknown-system"),
    ],
)
def test_what_cannot_be_expanded_is_refused(entry: dict[str, Any], error: type[Exception], rule: str) -> None:
    with pytest.raises(error, match=rule):
        members(value_set(include=[entry]))
