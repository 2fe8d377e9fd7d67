"""Concept maps, lookups and the symptom diary are right in themselves and fit each other."""

import json
from pathlib import Path

import pytest

from gateway.core.assets import asset_root
from gateway.core.codec import loads
from gateway.core.models import to_model
from gateway.definitions import r4
from gateway.terminology import LocalTerminology, ucum

MAPPINGS = Path(str(asset_root("mappings")))
QUESTIONNAIRES = Path(str(asset_root("profiles"))) / "questionnaires"
MAPS = sorted(
    [
        *Path(str(asset_root("terminology"))).glob("conceptmaps/ConceptMap-*.json"),
        *MAPPINGS.rglob("ConceptMap-*.json"),
    ]
)
REQUIRED = {
    "http://hl7.org/fhir/observation-status": "http://hl7.org/fhir/ValueSet/observation-status",
    "http://hl7.org/fhir/diagnostic-report-status": "http://hl7.org/fhir/ValueSet/diagnostic-report-status",
    "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation": (
        "http://hl7.org/fhir/ValueSet/observation-interpretation"
    ),
}


def pairs(resource):
    for group in resource["group"]:
        for element in group["element"]:
            for target in element["target"]:
                yield group.get("target"), element["code"], target["code"]


@pytest.mark.parametrize("path", MAPS, ids=lambda path: path.stem)
def test_concept_map(path):
    resource = loads(path.read_bytes())
    to_model(resource)
    assert path.stem == f"ConceptMap-{resource['id']}"
    codes = [code for _, code, _ in pairs(resource)]
    assert len(codes) == len(set(codes))
    terminology = LocalTerminology(r4())
    for system, _, target in pairs(resource):
        if system == "http://unitsofmeasure.org":
            assert ucum.validate(target), target
        elif system in REQUIRED:
            assert terminology.validate_code(system, target, REQUIRED[system]).result, target


def diary():
    return loads((QUESTIONNAIRES / "Questionnaire-hf-symptom-diary.json").read_bytes())


def test_the_diary_is_a_questionnaire_and_its_answers_are_in_its_code_system():
    questionnaire = diary()
    to_model(questionnaire)
    system = loads((QUESTIONNAIRES / "CodeSystem-hf-symptom-severity.json").read_bytes())
    known = {(system["url"], concept["code"]) for concept in system["concept"]}
    options = [option["valueCoding"] for item in questionnaire["item"] for option in item.get("answerOption", ())]
    assert {(option["system"], option["code"]) for option in options} == known


def test_every_mapped_response_answers_the_diary():
    questionnaire = diary()
    items = {item["linkId"]: item for item in questionnaire["item"]}
    responses = [
        resource
        for path in MAPPINGS.glob("*/*/examples/*/expected.json")
        for resource in json.loads(path.read_text("utf-8"))
        if resource["resourceType"] == "QuestionnaireResponse" and path.parts[-4].endswith("symptom-diary")
    ]
    assert responses
    for response in responses:
        assert response["questionnaire"] == f"{questionnaire['url']}|{questionnaire['version']}"
        for answered in response["item"]:
            options = [option["valueCoding"]["code"] for option in items[answered["linkId"]].get("answerOption", ())]
            for answer in answered["answer"]:
                assert not options or answer["valueCoding"]["code"] in options
        if response["status"] == "completed":
            given = {answered["linkId"] for answered in response["item"]}
            assert {link for link, item in items.items() if item["required"]} <= given
