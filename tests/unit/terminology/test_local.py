"""LocalTerminology over R4 and over value sets made here."""

from collections.abc import Iterator

import pytest

from gateway.core import Resource
from gateway.definitions import r4
from gateway.terminology import LocalTerminology

ANIMALS = {
    "resourceType": "CodeSystem",
    "url": "urn:animals",
    "content": "complete",
    "concept": [
        {
            "code": "animal",
            "display": "Animal",
            "concept": [
                {"code": "cat", "display": "Cat", "property": [{"code": "legs", "valueInteger": 4}]},
                {"code": "bird", "concept": [{"code": "hen", "property": [{"code": "legs", "valueInteger": 2}]}]},
            ],
        },
        {"code": "stone"},
    ],
}


def include(**parts: object) -> dict[str, object]:
    return {"system": "urn:animals", **parts}


VALUE_SETS: dict[str, dict[str, object]] = {
    "all": {"include": [include()]},
    "is-a": {"include": [include(filter=[{"property": "concept", "op": "is-a", "value": "bird"}])]},
    "below": {"include": [include(filter=[{"property": "concept", "op": "descendent-of", "value": "animal"}])]},
    "legs": {"include": [include(filter=[{"property": "legs", "op": "=", "value": "4"}])]},
    "regex": {"include": [include(filter=[{"property": "code", "op": "regex", "value": "[ch].*"}])]},
    "excluded": {"include": [include()], "exclude": [include(concept=[{"code": "stone"}])]},
    "listed": {"include": [include(concept=[{"code": "cat"}, {"code": "hen"}])]},
    "imported": {"include": [{"valueSet": ["urn:vs:below", "urn:vs:listed"]}]},
    "unknown-system": {"include": [{"system": "urn:elsewhere"}, include(concept=[{"code": "cat"}])]},
    "unknown-part": {"include": [{"valueSet": ["urn:vs:nowhere"]}, include(concept=[{"code": "cat"}])]},
    "circle-a": {"include": [{"valueSet": ["urn:vs:circle-b"]}, include(concept=[{"code": "cat"}])]},
    "circle-b": {"include": [{"valueSet": ["urn:vs:circle-a"]}]},
}
MAP = {
    "resourceType": "ConceptMap",
    "url": "urn:map",
    "group": [
        {
            "source": "urn:animals",
            "target": "urn:other",
            "element": [
                {"code": "cat", "target": [{"code": "C", "equivalence": "equivalent"}]},
                {"code": "hen", "target": [{"equivalence": "unmatched"}]},
            ],
            "unmapped": {"mode": "fixed", "code": "X"},
        }
    ],
}


class Shelf:
    """Canonical resources held in this file."""

    def value_set(self, url: str) -> Resource | None:
        compose = VALUE_SETS.get(url.removeprefix("urn:vs:"))
        return {"resourceType": "ValueSet", "url": url, "compose": compose} if compose else None

    def code_system(self, url: str) -> Resource | None:
        return ANIMALS if url == "urn:animals" else None

    def concept_map(self, url: str) -> Resource | None:
        return MAP if url == "urn:map" else None

    def all(self, kind: str) -> Iterator[Resource]:
        yield from ()


TERMINOLOGY = LocalTerminology(Shelf())


@pytest.mark.parametrize(
    ("value_set", "members", "others"),
    [
        ("all", "animal cat bird hen stone", "dog"),
        ("is-a", "bird hen", "animal cat stone"),
        ("below", "cat bird hen", "animal stone"),
        ("legs", "cat", "hen animal"),
        ("regex", "cat hen", "bird stone"),
        ("excluded", "animal cat bird hen", "stone"),
        ("listed", "cat hen", "bird"),
        ("imported", "cat hen", "bird stone"),
    ],
)
def test_membership_and_expansion_agree(value_set: str, members: str, others: str) -> None:
    url = f"urn:vs:{value_set}"
    for code in members.split():
        assert TERMINOLOGY.validate_code("urn:animals", code, url).result is True
        assert TERMINOLOGY.validate_code(None, code, url).result is True
        assert TERMINOLOGY.validate_code("urn:other", code, url).result is False
    for code in others.split():
        assert TERMINOLOGY.validate_code("urn:animals", code, url).result is False
    expansion = TERMINOLOGY.expand(url)
    assert expansion is not None
    assert expansion.complete
    assert {coding.code for coding in expansion.codings} == set(members.split())


def test_what_is_not_here_is_undecided_not_guessed() -> None:
    assert TERMINOLOGY.validate_code("urn:elsewhere", "x", "urn:vs:unknown-system").result is None
    assert TERMINOLOGY.validate_code("urn:animals", "cat", "urn:vs:unknown-system").result is True
    assert TERMINOLOGY.validate_code("urn:animals", "dog", "urn:vs:unknown-system").result is False
    assert TERMINOLOGY.validate_code("urn:animals", "dog", "urn:vs:unknown-part").result is None
    assert TERMINOLOGY.validate_code("urn:animals", "cat", "urn:vs:unknown-part").result is True
    check = TERMINOLOGY.validate_code("urn:animals", "cat", "urn:vs:nowhere")
    assert (check.result, check.rule) == (None, "terminology.value-set-unknown")
    assert TERMINOLOGY.expand("urn:vs:nowhere") is None


def test_value_sets_that_include_each_other_end() -> None:
    assert TERMINOLOGY.validate_code("urn:animals", "cat", "urn:vs:circle-a").result is True
    assert TERMINOLOGY.validate_code("urn:animals", "dog", "urn:vs:circle-a").result is None


def test_expansion_is_filtered_and_paged() -> None:
    expansion = TERMINOLOGY.expand("urn:vs:all", offset=1, count=2)
    assert expansion is not None
    assert (len(expansion.codings), expansion.total) == (2, 5)
    by_text = TERMINOLOGY.expand("urn:vs:all", text="CAT")
    assert by_text is not None
    assert [coding.display for coding in by_text.codings] == ["Cat"]


def test_lookup_and_subsumption() -> None:
    concept = TERMINOLOGY.lookup("urn:animals", "hen")
    assert concept is not None
    assert concept.parents == ("bird",)
    assert TERMINOLOGY.lookup("urn:animals", "dog") is None
    assert TERMINOLOGY.subsumes("urn:animals", "animal", "hen") == "subsumes"
    assert TERMINOLOGY.subsumes("urn:animals", "hen", "animal") == "subsumed-by"
    assert TERMINOLOGY.subsumes("urn:animals", "hen", "hen") == "equivalent"
    assert TERMINOLOGY.subsumes("urn:animals", "hen", "stone") == "not-subsumed"
    assert TERMINOLOGY.subsumes("urn:animals", "hen", "dog") is None


def test_translation_with_unmapped_mode() -> None:
    assert [(found.system, found.code) for found in TERMINOLOGY.translate("urn:animals", "cat", "urn:map")] == [
        ("urn:other", "C")
    ]
    assert TERMINOLOGY.translate("urn:animals", "hen", "urn:map") == ()
    assert [found.code for found in TERMINOLOGY.translate("urn:animals", "stone", "urn:map")] == ["X"]
    assert TERMINOLOGY.translate("urn:elsewhere", "cat", "urn:map") == ()
    assert TERMINOLOGY.translate("urn:animals", "cat", "urn:no-map") == ()


@pytest.mark.parametrize(
    ("system", "code", "value_set", "expected"),
    [
        (None, "final", "observation-status|4.0.1", True),
        (None, "foo", "observation-status|4.0.1", False),
        (None, "en-US", "all-languages", True),
        (None, "not a language", "all-languages", False),
        (None, "USD", "currencies", True),
        (None, "ZZZ", "currencies", False),
        ("http://unitsofmeasure.org", "mm[Hg]", "ucum-units", True),
        ("http://unitsofmeasure.org", "parsecs per fortnight", "ucum-units", False),
        ("http://unitsofmeasure.org", "/min", "ucum-vitals-common", True),
        ("http://unitsofmeasure.org", "[lb_av]/min", "ucum-vitals-common", False),
        (None, "text/plain; charset=utf-8", "mimetypes", True),
        (None, "a b/c", "mimetypes", False),
        ("http://loinc.org", "8867-4", "observation-codes", None),
        ("http://example.org", "8867-4", "observation-codes", False),
    ],
)
def test_r4_value_sets(system: str | None, code: str, value_set: str, expected: bool | None) -> None:
    check = LocalTerminology(r4()).validate_code(system, code, f"http://hl7.org/fhir/ValueSet/{value_set}")
    assert check.result is expected
