"""Study profiles written as differentials: overlay, slicing, extensions, bounds."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.conformance import Validator
from gateway.core import Resource
from gateway.definitions import Definitions, r4
from gateway.terminology import LocalTerminology

PREFIX = "http://hl7.org/fhir/StructureDefinition/"
PATIENT: Resource = {
    "resourceType": "Patient",
    "identifier": [{"system": "urn:study", "value": "P-1"}, {"system": "urn:mrn", "value": "7"}],
    "birthDate": "1950-01-01",
}


def profile(url: str, base: str, type_name: str, *elements: dict[str, Any]) -> Resource:
    return {
        "resourceType": "StructureDefinition",
        "url": url,
        "name": "Profile",
        "status": "active",
        "kind": "resource",
        "abstract": False,
        "type": type_name,
        "baseDefinition": base,
        "derivation": "constraint",
        "differential": {"element": [{"path": type_name}, *elements]},
    }


class Shelf:
    """Profiles of one test."""

    def __init__(self, *resources: Resource) -> None:
        self.resources = resources

    def find(self, url: str) -> list[Resource]:
        return [found for found in self.resources if found["url"] == url]

    def all(self) -> Iterator[Resource]:
        yield from self.resources

    def has(self, kind: str) -> bool:
        return True


def errors(resource: Resource, *profiles: Resource) -> list[tuple[str, str]]:
    definitions = Definitions.of(r4(), Shelf(*profiles))
    found = Validator(definitions, LocalTerminology(definitions)).validate(resource, [profiles[0]["url"]])
    return [(one.rule.removeprefix("conformance."), one.expression) for one in found if one.blocks]


def sliced(rules: str = "open", ordered: bool = False) -> list[dict[str, Any]]:
    discriminator = [{"type": "value", "path": "system"}]
    return [
        {
            "path": "Patient.identifier",
            "slicing": {"discriminator": discriminator, "rules": rules, "ordered": ordered},
        },
        {"path": "Patient.identifier", "sliceName": "study", "min": 1, "max": "1"},
        {"path": "Patient.identifier.system", "fixedUri": "urn:study"},
        {"path": "Patient.identifier.value", "min": 1, "maxLength": 5},
        {"path": "Patient.identifier", "sliceName": "mrn", "max": "1"},
        {"path": "Patient.identifier.system", "fixedUri": "urn:mrn"},
    ]


def test_slices_by_value() -> None:
    study = profile("urn:p", PREFIX + "Patient", "Patient", *sliced())
    assert errors(PATIENT, study) == []
    assert errors({"resourceType": "Patient"}, study) == [("minimum", "Patient")]
    twice = {**PATIENT, "identifier": [PATIENT["identifier"][0], PATIENT["identifier"][0]]}
    assert errors(twice, study) == [("maximum", "Patient")]
    long = {**PATIENT, "identifier": [{"system": "urn:study", "value": "P-12345"}]}
    assert errors(long, study) == [("too-long", "Patient.identifier[0].value")]


def test_closed_and_ordered_slicing() -> None:
    other = {**PATIENT, "identifier": [*PATIENT["identifier"], {"system": "urn:other"}]}
    assert errors(other, profile("urn:p", PREFIX + "Patient", "Patient", *sliced("closed"))) == [
        ("slice-closed", "Patient.identifier[2]")
    ]
    reverse = {**PATIENT, "identifier": PATIENT["identifier"][::-1]}
    assert errors(reverse, profile("urn:p", PREFIX + "Patient", "Patient", *sliced(ordered=True))) == [
        ("slice-order", "Patient.identifier[1]")
    ]
    first = {**PATIENT, "identifier": [{"system": "urn:other"}, *PATIENT["identifier"]]}
    assert errors(first, profile("urn:p", PREFIX + "Patient", "Patient", *sliced("openAtEnd"))) == [
        ("slice-order", "Patient.identifier[1]"),
        ("slice-order", "Patient.identifier[2]"),
    ]


def test_a_profile_on_a_profile_adds_to_it() -> None:
    parent = profile("urn:parent", PREFIX + "Patient", "Patient", *sliced())
    child = profile(
        "urn:child",
        "urn:parent",
        "Patient",
        {"path": "Patient.birthDate", "min": 1},
        {"path": "Patient.identifier", "sliceName": "mrn", "min": 1},
    )
    assert errors(PATIENT, child, parent) == []
    assert errors({"resourceType": "Patient", "identifier": PATIENT["identifier"][:1]}, child, parent) == [
        ("minimum", "Patient"),
        ("minimum", "Patient"),
    ]


def test_a_profile_on_vital_signs_keeps_what_they_say() -> None:
    study = profile(
        "urn:hr",
        PREFIX + "heartrate",
        "Observation",
        {
            "path": "Observation.valueQuantity",
            "min": 1,
            "constraint": [{"key": "hr-1", "severity": "error", "human": "Plausible", "expression": "value < 300"}],
        },
    )
    observation: Resource = {
        "resourceType": "Observation",
        "status": "final",
        "category": [
            {
                "coding": [
                    {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"}
                ]
            }
        ],
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
        "subject": {"reference": "Patient/1"},
        "effectiveDateTime": "2026-01-01",
        "valueQuantity": {"value": 72, "unit": "x", "system": "http://unitsofmeasure.org", "code": "/min"},
    }
    assert errors(observation, study) == []
    high = copy.deepcopy(observation)
    high["valueQuantity"]["value"] = 301
    assert errors(high, study) == [("invariant", "Observation.value.ofType(Quantity)")]
    absent = {name: value for name, value in observation.items() if name != "valueQuantity"}
    absent["dataAbsentReason"] = {"text": "lost"}
    assert ("minimum", "Observation") in errors(absent, study)
    uncoded = {name: value for name, value in observation.items() if name != "category"}
    assert ("minimum", "Observation") in errors(uncoded, study)


@pytest.mark.parametrize(
    ("element", "rule", "expression"),
    [
        ({"path": "Patient.birthDate", "minValueDate": "1960-01-01"}, "below-minimum", "Patient.birthDate"),
        ({"path": "Patient.birthDate", "maxValueDate": "1940-01-01"}, "above-maximum", "Patient.birthDate"),
        ({"path": "Patient.birthDate", "max": "0"}, "maximum", "Patient"),
        ({"path": "Patient.identifier", "max": "1"}, "maximum", "Patient"),
        ({"path": "Patient.birthDate", "fixedDate": "1950-01-02"}, "fixed", "Patient.birthDate"),
        ({"path": "Patient.identifier", "patternIdentifier": {"system": "urn:study"}}, "pattern",
         "Patient.identifier[1]"),
    ],
)  # fmt: skip
def test_single_restrictions(element: dict[str, Any], rule: str, expression: str) -> None:
    assert errors(PATIENT, profile("urn:p", PREFIX + "Patient", "Patient", element)) == [(rule, expression)]


def test_an_element_that_the_base_lacks_is_a_fault_of_the_profile_alone() -> None:
    definitions = Definitions.of(
        r4(), Shelf(profile("urn:p", PREFIX + "Patient", "Patient", {"path": "Patient.birthPlace", "min": 1}))
    )
    found = Validator(definitions, LocalTerminology(definitions)).validate(PATIENT, ["urn:p"])
    assert [(one.severity, one.rule) for one in found] == [("warning", "conformance.profile-fault")]


def test_profiles_that_are_their_own_base_end() -> None:
    first = profile("urn:a", "urn:b", "Patient", {"path": "Patient.gender", "min": 1})
    second = profile("urn:b", "urn:a", "Patient", {"path": "Patient.name", "min": 1})
    assert set(errors(PATIENT, first, second)) == {("minimum", "Patient")}


def test_an_invariant_that_cannot_be_compiled_is_said() -> None:
    broken = [{"key": "x-1", "severity": "error", "human": "?", "expression": "nonsense("}]
    study = profile("urn:p", PREFIX + "Patient", "Patient", {"path": "Patient.name", "constraint": broken})
    definitions = Definitions.of(r4(), Shelf(study))
    validator = Validator(definitions, LocalTerminology(definitions))
    found = validator.validate({**PATIENT, "name": [{"family": "x"}]}, ["urn:p"])
    assert [one.rule for one in found] == ["conformance.invariant-not-compiled"]
    assert list(validator.uncompiled) == ["x-1"]


def test_withdrawal_extension_is_one_of_ours() -> None:
    url = "urn:trial-fhir-gateway:extension:withdrawal"
    parts = [{"url": "mode", "valueCode": "stop-collection"}, {"url": "at", "valueInstant": "2026-01-01T00:00:00Z"}]
    consent: Resource = {
        "resourceType": "Consent",
        "status": "inactive",
        "scope": {"text": "research"},
        "category": [{"text": "research"}],
        "policy": [{"uri": "urn:policy"}],
        "patient": {"reference": "Patient/1"},
        "extension": [{"url": url, "extension": parts}],
    }
    validator = Validator(r4(), LocalTerminology(r4()))
    assert [found for found in validator.validate(consent) if found.blocks] == []
    parts[0]["valueCode"] = "forget"
    assert [found.rule for found in validator.validate(consent) if found.blocks] == ["conformance.binding-required"]
    del parts[0]
    assert "conformance.minimum" in [found.rule for found in validator.validate(consent)]
