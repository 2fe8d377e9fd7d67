"""What kind of content a resource is: its codes, those it mentions, its labels, and what cannot be told."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.access.placing.contents import MAX_MENTIONS, followed, kind_of
from gateway.access.placing.sayings import whose_and_what
from gateway.core.kinds import CONFIDENTIALITY, HIGHEST, UNKNOWN, Kind, KindTest, Part
from gateway.core.types import Resource

PRINCIPAL = {
    "Observation": "code",
    "DocumentReference": "type",
    "Encounter": "type",
    "Immunization": "vaccineCode",
    "MedicationAdministration": "medicationCodeableConcept",
    "MedicationDispense": "medicationCodeableConcept",
    "MedicationRequest": "medicationCodeableConcept",
    "MedicationStatement": "medicationCodeableConcept",
    "Specimen": "type",
}


def concept(*codes: str, system: str | None = "s") -> dict[str, Any]:
    return {"coding": [{"code": code} | ({"system": system} if system else {}) for code in codes]}


def part(resource: Resource) -> Part:
    """The only part; the quick way finds it too."""
    kind = kind_of(resource)
    assert whose_and_what({"id": "x", **resource})[1] == kind
    assert kind.direct
    [found] = kind.parts
    return found


@pytest.mark.parametrize(("kind", "element"), PRINCIPAL.items())
def test_the_element_that_says_what_it_is(kind: str, element: str) -> None:
    other = "code" if element != "code" else "type"
    found = part({"resourceType": kind, element: concept("b", "a"), other: concept("c", "a"), "x": [concept("d")]})
    assert found == Part(kind, ("s|a", "s|b"), ("s|c", "s|d"))


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({}, Part("Observation")),
        ({"code": {"text": "pulse"}}, Part("Observation", uncoded=True)),
        ({"code": {}}, Part("Observation", uncoded=True)),
        ({"code": "pulse"}, Part("Observation")),
        ({"code": concept("a", system=None)}, Part("Observation", ("|a",), uncoded=True)),
        ({"x": concept("a", system=None)}, Part("Observation", (), ("|a",), uncoded=True)),
        ({"x": {"value": Decimal(1), "code": "bpm", "system": "u"}}, Part("Observation")),
        ({"x": {"value": {"code": "b"}, "code": "a", "system": "s"}}, Part("Observation", (), ("|b",), uncoded=True)),
        ({"x": {"code": 7, "system": "s"}}, Part("Observation")),
        ({"meta": {"tag": [{"system": "s", "code": "a"}]}}, Part("Observation")),
        ({"x": [[concept("a")]]}, Part("Observation", (), ("s|a",))),
    ],
    ids=str,
)
def test_what_is_said_and_what_is_not(elements: dict[str, Any], expected: Part) -> None:
    assert part({"resourceType": "Observation", **elements}) == expected


@pytest.mark.parametrize(("count", "listed"), [(MAX_MENTIONS, True), (MAX_MENTIONS + 1, False)])
def test_with_too_many_codes_any_may_be_meant(count: int, listed: bool) -> None:
    mentioned = concept(*(f"{number:03}" for number in range(count)))
    found = part({"resourceType": "Observation", "code": concept("a"), "x": mentioned})
    assert MAX_MENTIONS == 64
    assert (len(found.mentions), found.uncoded) == ((count, False) if listed else (0, True))


def test_a_code_that_says_what_it_is_is_not_mentioned_beside() -> None:
    found = part({"resourceType": "Observation", "code": concept("a"), "x": concept("a", "b")})
    assert (found.codes, found.mentions) == (("s|a",), ("s|b",))


def label(code: str, system: str = CONFIDENTIALITY) -> dict[str, Any]:
    return {"meta": {"security": [{"system": system, "code": code}]}}


@pytest.mark.parametrize(
    ("elements", "labels", "level"),
    [
        (label("R"), (f"{CONFIDENTIALITY}|R",), 4),
        (label("U"), (f"{CONFIDENTIALITY}|U",), 0),
        (label("X"), (f"{CONFIDENTIALITY}|X",), HIGHEST),
        (label("R", "urn:x"), ("urn:x|R",), 3),
        ({"contained": [label("V")]}, (f"{CONFIDENTIALITY}|V",), 5),
        (
            label("L") | {"contained": [label("N"), "x", {"meta": []}]},
            (f"{CONFIDENTIALITY}|L", f"{CONFIDENTIALITY}|N"),
            3,
        ),
        ({"meta": {"security": ["x", {"code": "a"}, {"system": "urn:y"}]}}, ("urn:y|", "|a"), 3),
        ({"meta": {"security": None}}, (), 3),
        ({"meta": "x"}, (), 3),
        ({"contained": None}, (), 3),
    ],
    ids=str,
)
def test_labels_and_the_highest_level(elements: dict[str, Any], labels: tuple[str, ...], level: int) -> None:
    found = part({"resourceType": "Observation", **elements})
    assert (found.labels, found.level) == (labels, level)


def test_what_is_about_others_is_of_their_kinds_with_its_own_labels() -> None:
    one, other = Part("Observation", ("s|a",), labels=("l|1",)), Part("Condition", ("s|b",), ("s|c",), True, (), 5)
    about: Resource = {"resourceType": "Provenance", **label("R")}
    mark = f"{CONFIDENTIALITY}|R"
    expected = (
        Part("Condition", ("s|b",), ("s|c",), True, (mark,), 5),
        Part("Observation", ("s|a",), (), False, (mark, "l|1"), 4),
    )
    assert followed([Kind((one,), True), Kind((other, one))], about) == Kind(expected)
    assert followed([Kind((one,)), UNKNOWN], about) == UNKNOWN
    assert followed([], about) == Kind()


def some(*texts: str) -> st.SearchStrategy[tuple[str, ...]]:
    return st.sets(st.sampled_from(texts)).map(lambda found: tuple(sorted(found)))


PARTS = st.builds(
    Part, st.sampled_from(("Observation", "Specimen")), some("a", "b", "c"), some("a", "b", "h", "l"), st.booleans(),
    some("x", "y"), st.sampled_from((3, 5))
)  # fmt: skip
TESTS = st.builds(
    KindTest, st.booleans(), *(st.none() | some(*texts).map(frozenset) for texts in (("Observation",), "abhl", "xy")),
    st.frozensets(st.sampled_from((2, 3, 4, 5))), st.booleans()
)  # fmt: skip


@given(st.lists(PARTS, max_size=5, unique=True), TESTS)
def test_a_rule_means_what_is_about_others_as_it_means_these_together(parts: list[Part], test: KindTest) -> None:
    about = followed([Kind((part,)) for part in parts], {"resourceType": "Provenance"})
    assert test.match(about) is test.match(Kind(tuple(parts)))


def test_what_is_about_several_is_of_one_kind_whichever_of_them_has_a_flag() -> None:
    about: Resource = {"resourceType": "Provenance"}
    kinds = {
        followed([Kind((Part("Observation", (code,), (f"flag|{flag}",)),)) for code, flag in pairs], about)
        for pairs in ((("a", "H"), ("b", "L")), (("b", "H"), ("a", "L")))
    }
    assert len(kinds) == 1
    many = [Kind((Part("Observation", (str(one),), tuple(f"{one}|{n:02}" for n in range(40))),)) for one in (1, 2)]
    assert {len(part.mentions) for part in followed(many, about).parts} == {40}
