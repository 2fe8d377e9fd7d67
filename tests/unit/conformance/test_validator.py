"""The validator on an Observation: valid, and with one fault at a time."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from gateway.conformance import Validator
from gateway.core import Resource
from gateway.core.rules import RULES
from gateway.definitions import r4
from gateway.terminology import LocalTerminology

HEART_RATE = "http://hl7.org/fhir/StructureDefinition/heartrate"
VALIDATOR = Validator(r4(), LocalTerminology(r4()))

OBSERVATION: Resource = {
    "resourceType": "Observation",
    "id": "one",
    "meta": {"profile": [HEART_RATE]},
    "status": "final",
    "category": [
        {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"}]}
    ],
    "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
    "subject": {"reference": "Patient/one"},
    "effectiveDateTime": "2026-03-01T10:00:00Z",
    "valueQuantity": {"value": 72, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"},
}

Fault = Callable[[dict[str, Any]], Any]
VALUE = "Observation.value.ofType(Quantity)"


def errors(resource: Any, *profiles: str) -> list[tuple[str, str]]:
    return [
        (found.rule.removeprefix("conformance."), found.expression)
        for found in VALIDATOR.validate(resource, profiles)
        if found.blocks
    ]


def test_a_valid_observation_has_no_findings() -> None:
    assert VALIDATOR.validate(OBSERVATION) == []
    assert VALIDATOR.validate(OBSERVATION, [HEART_RATE]) == []


@pytest.mark.parametrize(
    ("fault", "rule", "expression"),
    [
        (lambda o: o.pop("status"), "minimum", "Observation"),
        (lambda o: o.pop("subject"), "minimum", "Observation"),
        (lambda o: o.update(colour="red"), "unknown-element", "Observation"),
        (lambda o: o["code"].update(colour="red"), "unknown-element", "Observation.code"),
        (lambda o: o.update(status="fnal"), "binding-required", "Observation.status"),
        (lambda o: o.update(status=7), "format", "Observation.status"),
        (lambda o: o.update(status=["final"]), "not-repeating", "Observation.status"),
        (lambda o: o.update(category={}), "not-an-array", "Observation.category"),
        (lambda o: o.update(category=[]), "empty-array", "Observation.category"),
        (lambda o: o.update(note=[None]), "null", "Observation.note[0]"),
        (lambda o: o.update(code="8867-4"), "not-an-object", "Observation.code"),
        (lambda o: o.update(effectiveDateTime="2026-02-30"), "format", "Observation.effective.ofType(dateTime)"),
        (lambda o: o.update(valueString="72"), "several-choices", "Observation"),
        (lambda o: o["valueQuantity"].update(value="72"), "format", f"{VALUE}.value"),
        (lambda o: o["valueQuantity"].update(code="kg"), "fixed", f"{VALUE}.code"),
        (lambda o: o["valueQuantity"].pop("unit"), "minimum", VALUE),
        (lambda o: o["code"]["coding"][0].update(code="1"), "minimum", "Observation.code"),
        (lambda o: o.update(subject={"reference": "Medication/1"}), "reference-target", "Observation.subject"),
        (lambda o: o.update(subject={"reference": "#x"}), "invariant", "Observation.subject"),
        (lambda o: o.update(subject={}), "invariant", "Observation.subject"),
        (lambda o: o.pop("valueQuantity"), "invariant", "Observation"),
        (lambda o: o.update(id="not an id"), "format", "Observation.id"),
        (lambda o: o.update(effectivePeriod={"start": "2026-03-02", "end": "2026-03-01"}), "invariant",
         "Observation.effective.ofType(Period)"),
        (lambda o: o.update(extension=[{"url": "http://example.org/x"}]), "invariant", "Observation.extension[0]"),
        (lambda o: o.update(resourceType="Obs"), "unknown-type", "Resource"),
    ],
)  # fmt: skip
def test_one_fault_has_its_rule_and_place(fault: Fault, rule: str, expression: str) -> None:
    broken = copy.deepcopy(OBSERVATION)
    fault(broken)
    assert (rule, expression) in errors(broken)


def test_findings_are_the_same_every_time_and_none_twice() -> None:
    broken = copy.deepcopy(OBSERVATION)
    broken["subject"] = {"reference": "Medication/1"}
    broken["status"] = "x"
    first = VALIDATOR.validate(broken, [HEART_RATE])
    assert first == VALIDATOR.validate(broken, [HEART_RATE])
    assert len(first) == len(set(first))


def test_messages_never_carry_values() -> None:
    broken = copy.deepcopy(OBSERVATION)
    broken["status"] = "CANARY"
    broken["subject"] = {"reference": "CANARY/1", "type": "CANARY"}
    broken["effectiveDateTime"] = "CANARY"
    broken["CANARY value"] = "CANARY"
    broken["valueQuantity"]["code"] = "CANARY"
    for found in VALIDATOR.validate(broken):
        assert "CANARY" not in found.message + found.hint + found.expression


def test_an_unknown_profile_is_a_finding() -> None:
    found = VALIDATOR.validate(OBSERVATION, ["urn:nowhere"])
    assert [(one.rule, one.severity) for one in found] == [("conformance.profile-unknown", "error")]
    claimed = {**OBSERVATION, "meta": {"profile": ["urn:nowhere"]}}
    assert [(one.rule, one.severity) for one in VALIDATOR.validate(claimed)] == [
        ("conformance.meta-profile-unknown", "warning")
    ]


def test_a_profile_of_another_type_is_a_finding() -> None:
    patient = {"resourceType": "Patient"}
    assert errors(patient, HEART_RATE) == [("profile-type", "Patient")]


def test_vital_signs_codes_imply_their_profile() -> None:
    unclaimed = {name: value for name, value in OBSERVATION.items() if name not in ("meta", "category")}
    assert ("minimum", "Observation") in errors(unclaimed)
    assert errors({**unclaimed, "status": "entered-in-error"}) == []


def test_primitives_without_value_have_their_extensions() -> None:
    absent = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
    patient: Resource = {
        "resourceType": "Patient",
        "name": [{"given": ["A", None], "_given": [None, {"extension": [absent]}]}],
        "_birthDate": {"extension": [absent]},
    }
    assert errors(patient) == []
    patient["name"][0]["_given"] = [None, None]
    assert ("null", "Patient.name[0].given[1]") in errors(patient)
    patient["name"][0]["_given"] = [None]
    assert ("twin-length", "Patient.name[0].given") in errors(patient)


def test_extensions_have_a_context() -> None:
    birth_time = {"url": "http://hl7.org/fhir/StructureDefinition/patient-birthTime", "valueDateTime": "2000"}
    right: Resource = {"resourceType": "Patient", "birthDate": "2000", "_birthDate": {"extension": [birth_time]}}
    assert errors(right) == []
    wrong: Resource = {"resourceType": "Patient", "extension": [birth_time]}
    assert errors(wrong) == [("extension-context", "Patient.extension[0]")]
    other_type = {"url": birth_time["url"], "valueString": "2000"}
    typed: Resource = {"resourceType": "Patient", "birthDate": "2000", "_birthDate": {"extension": [other_type]}}
    assert ("type", "Patient.birthDate.extension[0].value.ofType(string)") in errors(typed)


def test_modifier_extensions_go_into_their_place() -> None:
    modifier = {"url": "http://hl7.org/fhir/StructureDefinition/request-doNotPerform", "valueBoolean": True}
    request: Resource = {"resourceType": "NutritionOrder", "extension": [modifier]}
    assert ("extension-modifier", "NutritionOrder.extension[0]") in errors(request)
    request = {"resourceType": "NutritionOrder", "modifierExtension": [modifier]}
    assert ("extension-modifier", "NutritionOrder.modifierExtension[0]") not in errors(request)


def test_unknown_extensions_are_the_policy_of_the_validator() -> None:
    patient = {"resourceType": "Patient", "extension": [{"url": "urn:unknown", "valueString": "x"}]}
    assert [found.severity for found in VALIDATOR.validate(patient)] == ["information"]
    strict = Validator(r4(), LocalTerminology(r4()), extensions="known")
    assert [found.rule for found in strict.validate(patient)] == ["conformance.extension-not-allowed"]


def test_contained_resources_and_references_to_them() -> None:
    report: Resource = {
        "resourceType": "DiagnosticReport",
        "status": "final",
        "code": {"text": "x"},
        "contained": [{"resourceType": "Patient", "id": "p"}],
        "subject": {"reference": "#p"},
    }
    assert errors(report) == []
    report["contained"][0]["resourceType"] = "Observation"
    found = errors(report)
    assert ("reference-target", "DiagnosticReport.subject") in found
    assert ("minimum", "DiagnosticReport.contained[0]") in found
    del report["subject"]
    assert ("invariant", "DiagnosticReport") in errors(report)


def test_references_in_a_bundle_resolve_to_entries() -> None:
    bundle: Resource = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [
            {"fullUrl": "urn:uuid:7e3a7e5c-0000-4000-8000-000000000001", "resource": {"resourceType": "Medication"}},
            {
                "fullUrl": "urn:uuid:7e3a7e5c-0000-4000-8000-000000000002",
                "resource": {
                    **{name: value for name, value in OBSERVATION.items() if name not in ("id", "meta")},
                    "subject": {"reference": "urn:uuid:7e3a7e5c-0000-4000-8000-000000000001"},
                },
            },
        ],
    }
    assert ("reference-target", "Bundle.entry[1].resource.subject") in errors(bundle)
    bundle["entry"][0]["resource"] = {"resourceType": "Patient"}
    assert errors(bundle) == []
    bundle["entry"][0]["fullUrl"] = "Patient/1"
    assert ("full-url-relative", "Bundle.entry[0]") in errors(bundle)


def test_every_rule_of_the_area_can_be_filled() -> None:
    for rule_id, rule in RULES.items():
        if rule_id.startswith(("conformance.", "terminology.")):
            assert "{" not in rule.message.format_map(_Anything())


class _Anything(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return key


def test_a_vital_sign_in_another_code_system_needs_its_loinc_code_too() -> None:
    code = {"system": "http://snomed.info/sct", "code": "364075005"}
    resource = {**OBSERVATION, "meta": {"versionId": "1"}, "code": {"coding": [code]}}
    assert ("minimum", "Observation.code") in errors(resource)
    resource["code"]["coding"].append({"system": "http://loinc.org", "code": "8867-4"})
    assert errors(resource) == []


def test_unknown_extensions_are_refused_but_under_allowed_prefixes() -> None:
    strict = Validator(r4(), LocalTerminology(r4()), extensions="known", allowed=("https://site.example/",))
    for url, rule in (
        ("https://site.example/a", "conformance.extension-unknown"),
        ("https://other.example/a", "conformance.extension-not-allowed"),
    ):
        found = strict.validate({**OBSERVATION, "extension": [{"url": url, "valueString": "a"}]})
        assert [entry.rule for entry in found] == [rule]
