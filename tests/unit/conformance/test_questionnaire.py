"""Responses against a Questionnaire."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from gateway.conformance import Validator
from gateway.core import Resource
from gateway.definitions import Definitions, r4
from gateway.terminology import LocalTerminology
from tests.unit.conformance.test_profiles import Shelf

URL = "urn:questionnaire"
NO = {"system": "urn:yn", "code": "n"}
YES = {"system": "urn:yn", "code": "y"}
QUESTIONNAIRE: Resource = {
    "resourceType": "Questionnaire",
    "url": URL,
    "status": "active",
    "item": [
        {"linkId": "g", "type": "group", "item": [{"linkId": "age", "type": "integer", "required": True}]},
        {
            "linkId": "pain",
            "type": "choice",
            "answerOption": [{"valueCoding": YES}, {"valueCoding": NO}],
            "required": True,
        },
        {
            "linkId": "score",
            "type": "decimal",
            "required": True,
            "enableWhen": [{"question": "pain", "operator": "=", "answerCoding": YES}],
        },
        {"linkId": "note", "type": "string", "maxLength": 5, "repeats": True},
    ],
}
RESPONSE: Resource = {
    "resourceType": "QuestionnaireResponse",
    "questionnaire": URL,
    "status": "completed",
    "item": [
        {"linkId": "g", "item": [{"linkId": "age", "answer": [{"valueInteger": 70}]}]},
        {"linkId": "pain", "answer": [{"valueCoding": YES}]},
        {"linkId": "score", "answer": [{"valueDecimal": 3}]},
    ],
}
DEFINITIONS = Definitions.of(r4(), Shelf(QUESTIONNAIRE))
VALIDATOR = Validator(DEFINITIONS, LocalTerminology(DEFINITIONS))


def findings(response: Resource) -> list[tuple[str, str]]:
    return [(found.rule.removeprefix("conformance."), found.expression) for found in VALIDATOR.validate(response)]


def test_a_full_response_has_no_findings() -> None:
    assert findings(RESPONSE) == []


Fault = Callable[[dict[str, Any]], Any]


@pytest.mark.parametrize(
    ("fault", "rule", "expression"),
    [
        (lambda r: r["item"].pop(1), "answer-missing", "QuestionnaireResponse"),
        (lambda r: r["item"].pop(2), "answer-missing", "QuestionnaireResponse"),
        (lambda r: r["item"][0]["item"].pop(), "answer-missing", "QuestionnaireResponse.item[0]"),
        (lambda r: r.update(status="in-progress", item=r["item"][:1]), "answer-pending", "QuestionnaireResponse"),
        (lambda r: r["item"].append({"linkId": "x"}), "question-unknown", "QuestionnaireResponse.item[3]"),
        (lambda r: r["item"][2].update(linkId="score2"), "question-unknown", "QuestionnaireResponse.item[2]"),
        (lambda r: r["item"].append(r["item"][1]), "question-repeated", "QuestionnaireResponse"),
        (lambda r: r["item"][1].update(answer=[{"valueCoding": NO}]), "question-disabled",
         "QuestionnaireResponse.item[2]"),
        (lambda r: r["item"][1].update(answer=[{"valueCoding": {"system": "urn:yn", "code": "z"}}]), "answer-option",
         "QuestionnaireResponse.item[1].answer[0]"),
        (lambda r: r["item"][1].update(answer=[{"valueString": "y"}]), "answer-option",
         "QuestionnaireResponse.item[1].answer[0]"),
        (lambda r: r["item"][2].update(answer=[{"valueString": "3"}]), "answer-type",
         "QuestionnaireResponse.item[2].answer[0]"),
        (lambda r: r["item"][2].update(answer=[{"valueDecimal": 1}, {"valueDecimal": 2}]), "answers-several",
         "QuestionnaireResponse.item[2]"),
        (lambda r: r["item"][0].update(answer=[{"valueInteger": 2}]), "answer-unasked",
         "QuestionnaireResponse.item[0]"),
        (lambda r: r["item"].append({"linkId": "note", "answer": [{"valueString": "longer"}]}), "too-long",
         "QuestionnaireResponse.item[3].answer[0]"),
        (lambda r: r.update(questionnaire="urn:other"), "questionnaire-unknown",
         "QuestionnaireResponse.questionnaire"),
    ],
)  # fmt: skip
def test_one_fault_has_its_rule_and_place(fault: Fault, rule: str, expression: str) -> None:
    broken = copy.deepcopy(RESPONSE)
    fault(broken)
    assert (rule, expression) in findings(broken)


@pytest.mark.parametrize(
    ("operator", "answer", "given", "asked"),
    [
        ("exists", {"answerBoolean": True}, [{"valueInteger": 1}], True),
        ("exists", {"answerBoolean": False}, [{"valueInteger": 1}], False),
        ("exists", {"answerBoolean": False}, [], True),
        (">", {"answerInteger": 3}, [{"valueInteger": 4}], True),
        (">", {"answerInteger": 3}, [{"valueInteger": 3}], False),
        ("<=", {"answerDate": "2026-01-01"}, [{"valueDate": "2025-12-31"}], True),
        ("!=", {"answerString": "a"}, [{"valueString": "b"}], True),
        ("!=", {"answerString": "a"}, [{"valueString": "a"}], False),
        ("=", {"answerQuantity": {"value": 1}}, [{"valueQuantity": {"value": 1}}], True),
        ("nonsense", {"answerInteger": 1}, [{"valueInteger": 1}], False),
    ],
)
def test_conditions(operator: str, answer: dict[str, Any], given: list[dict[str, Any]], asked: bool) -> None:
    from gateway.conformance.resources.enable_when import is_enabled

    question = {"enableWhen": [{"question": "q", "operator": operator, **answer}]}
    assert is_enabled(question, {"q": given}) is asked
