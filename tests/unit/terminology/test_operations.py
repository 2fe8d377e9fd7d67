"""$expand, $validate-code, $lookup, $subsumes and $translate as functions."""

from typing import Any

import pytest

from gateway.core.errors import BadRequest, NotFound, Unprocessable
from gateway.core.types import Resource
from gateway.terminology import expansion
from gateway.terminology.catalog import Catalog
from gateway.terminology.expansion import ExpandRequest, expand
from gateway.terminology.languages import Languages
from gateway.terminology.lookup import LookupRequest, lookup
from gateway.terminology.subsumption import subsumes
from gateway.terminology.translation import TranslateRequest, translate
from gateway.terminology.validation import Form, ValidateRequest, validate_code
from tests.unit.terminology.examples import ANIMALS, CODE_SYSTEM, Nothing, catalog, listed, value_set, whole

UCUM = "http://unitsofmeasure.org"


def expanded(definition: Resource, **request: Any) -> Resource:
    made = expand(catalog(), definition, ExpandRequest(**request), "2026-01-01T00:00:00Z", "urn:uuid:1")
    return made["expansion"]  # type: ignore[no-any-return]


def codes(expansion: Resource) -> list[str]:
    return [node["code"] for node in expansion.get("contains", [])]


def values(parameters: Resource) -> dict[str, Any]:
    return {
        entry["name"]: next(value for name, value in entry.items() if name != "name")
        for entry in parameters["parameter"]
    }


def rules(parameters: Resource) -> list[str]:
    outcome = values(parameters).get("issues", {"issue": []})
    return [entry["details"]["coding"][0]["code"] for entry in outcome["issue"]]


def checked(form: Form, value: dict[str, Any], definition: Resource | None = None, **options: Any) -> Resource:
    return validate_code(catalog(), definition, ValidateRequest(form, value, **options))


def test_an_expansion_is_nested_unless_it_is_asked_for_flat_or_in_pages() -> None:
    everything = value_set(include=[whole()])
    nested = expanded(everything)
    assert codes(nested) == ["animal", "plant"]
    assert codes(nested["contains"][0]) == ["dog", "dodo"]
    assert codes(expanded(everything, exclude_nested=True)) == ["animal", "dog", "poodle", "dodo", "plant"]
    page = expanded(everything, offset=1, count=2)
    assert (codes(page), page["total"], page["offset"]) == (["dog", "poodle"], 5, 1)
    assert codes(expanded(everything, offset=99, count=2)) == []


def test_inactive_and_abstract_codes_are_marked_and_inactive_ones_can_be_left_out() -> None:
    everything = value_set(include=[whole()])
    by_code = {node["code"]: node for node in expanded(everything, exclude_nested=True)["contains"]}
    assert by_code["animal"]["abstract"] is True
    assert by_code["dodo"]["inactive"] is True
    assert "dodo" not in codes(expanded(everything, exclude_nested=True, active_only=True))
    assert "dodo" not in codes(expanded(value_set(include=[whole()], inactive=False), exclude_nested=True))


@pytest.mark.parametrize(
    ("asked", "display"), [("de", "Hund"), ("fr", "Chien"), ("en", "Dog"), ("es", "Dog"), ("es, *;q=0", None)]
)
def test_displays_are_in_the_language_that_is_asked_for(asked: str, display: str | None) -> None:
    node = expanded(value_set(include=[listed("dog")]), display_language=asked)["contains"][0]
    assert node.get("display") == display


def test_designations_and_properties_come_when_asked_for() -> None:
    asked = expanded(value_set(include=[listed("dog")]), include_designations=True, properties=["legs", "definition"])
    node = asked["contains"][0]
    assert [name["value"] for name in node["designation"]] == ["Hund", "Chien"]
    assert {"code": "legs", "valueInteger": 4} in node["property"]
    assert {"code": "legs", "uri": "http://example.org/legs"} in asked["property"]


def test_a_filter_looks_at_code_and_display() -> None:
    assert codes(expanded(value_set(include=[whole()]), filter="DO")) == ["dog", "dodo"]
    assert codes(expanded(value_set(include=[whole()]), filter="xyz")) == []


def test_codes_that_are_not_selectable_and_whole_systems_can_be_left_out() -> None:
    everything = value_set(include=[whole()])
    assert codes(expanded(everything, exclude_nested=True, exclude_not_selectable=True)) == [
        "dog",
        "poodle",
        "dodo",
        "plant",
    ]
    assert codes(expanded(everything, exclude_systems=[ANIMALS])) == []


@pytest.mark.parametrize(
    ("stated", "options", "used"),
    [
        ("", {}, "2"),
        ("", {"default_versions": [f"{ANIMALS}|1"]}, "1"),
        ("2", {"default_versions": [f"{ANIMALS}|1"]}, "2"),
        ("2", {"force_versions": [f"{ANIMALS}|1"]}, "1"),
        ("", {"check_versions": [f"{ANIMALS}|2"]}, "2"),
        ("", {"check_versions": [f"{ANIMALS}|1"]}, "terminology.other-version"),
        ("3", {}, "terminology.unknown-system"),
    ],
)
def test_versions_of_code_systems(stated: str, options: dict[str, Any], used: str) -> None:
    older = {**CODE_SYSTEM, "version": "1"}
    definition = value_set(include=[whole() | ({"version": stated} if stated else {})])
    known = Catalog(Nothing(), (older, CODE_SYSTEM))
    try:
        made = expand(known, definition, ExpandRequest(**options), "2026-01-01T00:00:00Z", "urn:uuid:1")
    except (NotFound, Unprocessable) as error:
        assert error.issues[0].rule == used
    else:
        stated_use = {"name": "used-codesystem", "valueUri": f"{ANIMALS}|{used}"}
        assert stated_use in made["expansion"]["parameter"]


def test_a_large_expansion_needs_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expansion, "UNPAGED_LIMIT", 3)
    with pytest.raises(Unprocessable, match=r"terminology\.too-costly"):
        expanded(value_set(include=[whole()]))
    assert len(codes(expanded(value_set(include=[whole()]), count=5))) == 5


@pytest.mark.parametrize(
    ("value", "result", "expected"),
    [
        ({"system": ANIMALS, "code": "dog"}, True, []),
        ({"system": ANIMALS, "code": "dog", "display": "dog"}, True, []),
        ({"system": ANIMALS, "code": "dog", "display": "Hund"}, True, []),
        ({"system": ANIMALS, "code": "dog", "display": "Cat"}, False, ["terminology.wrong-display"]),
        ({"system": ANIMALS, "code": "dodo"}, True, ["terminology.inactive-code"]),
        ({"system": ANIMALS, "code": "plant"}, False, ["terminology.not-in-vs"]),
        ({"system": ANIMALS, "code": "cow"}, False, ["terminology.unknown-code", "terminology.not-in-vs"]),
        ({"system": ANIMALS, "version": "9", "code": "dog"}, False, ["terminology.unknown-system-version"]),
        ({"system": "http://x.org", "code": "dog"}, False, ["terminology.unknown-system", "terminology.not-in-vs"]),
        ({"code": "dog"}, False, ["terminology.no-system", "terminology.not-in-vs"]),
        ({}, False, ["terminology.no-system", "terminology.not-in-vs"]),
    ],
)
def test_a_coding_is_checked(value: dict[str, Any], result: bool, expected: list[str]) -> None:
    answer = checked("coding", value, value_set(include=[listed("dog", "dodo")]))
    assert (values(answer)["result"], rules(answer)) == (result, expected)


def test_a_code_without_system_can_be_found_in_the_value_set() -> None:
    animals = value_set(include=[listed("dog")])
    assert values(checked("code", {"code": "dog"}, animals, infer_system=True))["system"] == ANIMALS
    assert rules(checked("code", {"code": "cow"}, animals, infer_system=True))[-1] == "terminology.cannot-infer"


def test_one_good_coding_makes_a_concept_good() -> None:
    concept = {"coding": [{"system": ANIMALS, "code": "plant"}, {"system": ANIMALS, "code": "dog"}]}
    answer = values(checked("codeableConcept", concept, value_set(include=[listed("dog")])))
    assert (answer["result"], answer["code"]) == (True, "dog")
    assert values(checked("codeableConcept", {"coding": []}, value_set(include=[whole()])))["result"] is False


def test_units_are_checked_by_their_grammar() -> None:
    units = value_set(include=[{"system": UCUM}])
    assert values(checked("coding", {"system": UCUM, "code": "mg/dL"}, units))["result"] is True
    assert rules(checked("coding", {"system": UCUM, "code": "furlongs"}, units))[0] == "terminology.unknown-code"


def test_lookup_tells_what_a_code_means() -> None:
    answer = lookup(catalog(), LookupRequest(ANIMALS, "dog", properties=["*"], display_language="de"))
    assert values(answer)["display"] == "Hund"
    properties = [
        {part["name"]: next(value for key, value in part.items() if key != "name") for part in entry["part"]}
        for entry in answer["parameter"]
        if entry["name"] == "property"
    ]
    found = {(entry["code"], entry["value"]) for entry in properties}
    assert {("parent", "animal"), ("child", "poodle"), ("legs", 4), ("inactive", False)} <= found
    assert values(lookup(catalog(), LookupRequest(UCUM, "mg")))["display"] == "mg"
    for system, code in ((ANIMALS, "cow"), ("http://x.org", "dog"), (UCUM, "furlongs")):
        with pytest.raises(NotFound):
            lookup(catalog(), LookupRequest(system, code))


@pytest.mark.parametrize(
    ("a", "b", "outcome"),
    [
        ("dog", "dog", "equivalent"),
        ("animal", "poodle", "subsumes"),
        ("poodle", "animal", "subsumed-by"),
        ("dog", "plant", "not-subsumed"),
    ],
)
def test_subsumption(a: str, b: str, outcome: str) -> None:
    assert subsumes(catalog(), ANIMALS, a, b) == outcome
    with pytest.raises(NotFound):
        subsumes(catalog(), ANIMALS, a, "cow")


def concept_map(name: str, mode: str, **unmapped: str) -> Resource:
    targets = [
        {"code": "dog", "target": [{"code": "canine", "equivalence": "wider"}]},
        {"code": "dodo", "target": [{"equivalence": "unmatched"}, {"code": "none", "equivalence": "disjoint"}]},
    ]
    group = {"source": ANIMALS, "target": "http://t.org", "element": targets, "unmapped": {"mode": mode, **unmapped}}
    return {"resourceType": "ConceptMap", "url": f"http://example.org/ConceptMap/{name}", "group": [group]}


def matches(answer: Resource) -> list[tuple[str, str]]:
    parts = [
        {part["name"]: next(value for key, value in part.items() if key != "name") for part in entry["part"]}
        for entry in answer["parameter"]
        if entry["name"] == "match"
    ]
    return [(part["equivalence"], part.get("source", part["concept"])["code"]) for part in parts]


@pytest.mark.parametrize(
    ("code", "unmapped", "expected"),
    [
        ("dog", {"mode": "provided"}, [("wider", "canine")]),
        ("cow", {"mode": "provided"}, [("equal", "cow")]),
        ("cow", {"mode": "fixed", "code": "other"}, [("inexact", "other")]),
        ("cow", {"mode": "other-map", "url": "http://example.org/ConceptMap/second"}, [("inexact", "last")]),
        ("cow", {"mode": "other-map", "url": "http://example.org/ConceptMap/first"}, []),
    ],
)
def test_translation_and_its_unmapped_modes(
    code: str, unmapped: dict[str, str], expected: list[tuple[str, str]]
) -> None:
    first, second = concept_map("first", **unmapped), concept_map("second", "fixed", code="last")
    answer = translate(catalog(first, second), first, TranslateRequest(code, ANIMALS))
    assert matches(answer) == expected
    assert values(answer)["result"] is bool(expected)


def test_translation_in_reverse_and_what_is_no_translation() -> None:
    known = concept_map("first", "provided")
    backwards = translate(catalog(), known, TranslateRequest("canine", "http://t.org", reverse=True))
    assert matches(backwards) == [("narrower", "dog")]
    answer = translate(catalog(), known, TranslateRequest("dodo", ANIMALS))
    assert (values(answer)["result"], matches(answer)) == (False, [("disjoint", "none")])
    with pytest.raises(NotFound):
        translate(catalog(), None, TranslateRequest("dog", url="http://nowhere.org"))


def test_languages() -> None:
    assert Languages.parse("en;q=0.2, de, fr;q=0").tags == ("de", "en")
    assert Languages.parse("de, *;q=0").only
    assert not Languages.parse("")
    for text in ("d e", "de;q=2", "<script>", ",,"):
        with pytest.raises(BadRequest, match=r"terminology\.language"):
            Languages.parse(text)
