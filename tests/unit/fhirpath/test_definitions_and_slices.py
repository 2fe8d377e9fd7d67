"""elementDefinition(), slice() and checkModifiers(): what is known of an element beside its value."""

from typing import Any

import pytest

from gateway.fhirpath import Env, FhirPathError, FhirPathEvaluationError, compile

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "birthDate": "1970-01-01",
    "_gender": {"extension": [{"url": "urn:x"}]},
    "deceasedBoolean": True,
    "name": [{"family": "A", "given": ["B", "C"]}, {"family": "D"}],
    "contact": [{"name": {"family": "E"}}],
}


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("birthDate.elementDefinition().path", ["Patient.birthDate"]),
        ("Patient.birthDate.elementDefinition().max", ["1"]),
        ("gender.elementDefinition().binding.strength", ["required"]),
        ("name.family.elementDefinition().path", ["HumanName.family", "HumanName.family"]),
        ("name.where(family = 'A').given[1].elementDefinition().max", ["*"]),
        ("contact.first().elementDefinition().path", ["Patient.contact"]),
        ("contact.name.elementDefinition().type.code", ["HumanName"]),
        ("deceased.elementDefinition().path", ["Patient.deceased[x]"]),
        ("(deceased as boolean).elementDefinition().type.code", ["boolean", "dateTime"]),
        ("elementDefinition().path", ["Patient"]),
        ("Patient.elementDefinition().constraint.where(key = 'dom-6').severity", ["warning"]),
        ("photo.elementDefinition()", []),
        ("birthDate.elementDefinition().min + 1", [1]),
        ("name.given.elementDefinition().type().name.distinct()", ["ElementDefinition"]),
    ],
)
def test_definition_of_the_element(expression: str, result: list[Any]) -> None:
    assert compile(expression, base="Patient").evaluate(PATIENT) == result
    assert compile(expression).evaluate(PATIENT) == result


@pytest.mark.parametrize(
    "expression",
    [
        "descendants().elementDefinition()",
        "(name | contact).elementDefinition()",
        "name.select(elementDefinition())",
        "name.first().family.upper().elementDefinition()",
    ],
)
def test_definition_that_nobody_knows_is_no_empty_answer(expression: str) -> None:
    with pytest.raises(FhirPathError) as refused:
        compile(expression, base="Patient")
    assert refused.value.rule == "fhirpath.argument"
    with pytest.raises(FhirPathEvaluationError) as fault:
        compile(expression).evaluate(PATIENT)
    assert fault.value.rule == "fhirpath.argument"


def test_definition_without_a_model_is_a_fault() -> None:
    with pytest.raises(FhirPathEvaluationError):
        compile("a.elementDefinition()", model=None).evaluate({"a": 1})


def test_slice_keeps_what_the_service_says() -> None:
    asked: list[tuple[Any, str, str]] = []

    def in_slice(item: Any, structure: str, name: str) -> bool | None:
        asked.append((item, structure, name))
        return None if structure != "urn:p" else item["family"] == "A"

    env = Env(in_slice=in_slice)
    expression = compile("name.slice('urn:p', 'main').given", base="Patient")
    assert expression.evaluate(PATIENT, env) == ["B", "C"]
    assert asked == [(name, "urn:p", "main") for name in PATIENT["name"]]
    assert compile("photo.slice('urn:q', 'main')", base="Patient").evaluate(PATIENT, env) == []
    for text in ("name.slice('urn:q', 'main')", "name.slice('', 'main')", "name.slice({}, 'main')"):
        with pytest.raises(FhirPathEvaluationError) as caught:
            compile(text, base="Patient").evaluate(PATIENT, env)
        assert caught.value.rule == "fhirpath.unavailable"
    with pytest.raises(FhirPathEvaluationError):
        expression.evaluate(PATIENT)


MODIFIED = {"resourceType": "Patient", "contact": [{"modifierExtension": [{"url": "urn:a"}, {"url": "urn:b"}]}]}


@pytest.mark.parametrize("arguments", ["'urn:a', 'urn:b'", "'urn:a,urn:b'", "'urn:a, urn:b', 'urn:c'"])
def test_modifiers_that_are_named_pass(arguments: str) -> None:
    for base in ("Patient", None):
        found = compile(f"contact.checkModifiers({arguments}).exists()", base=base)
        assert found.evaluate(MODIFIED) == [True]


@pytest.mark.parametrize("arguments", ["", "'urn:a'", "''", "{}", "'urn:a', {}, 'urn:b'", "'urn'"])
def test_modifiers_that_are_not_named_are_a_fault(arguments: str) -> None:
    for base in ("Patient", None):
        with pytest.raises(FhirPathEvaluationError):
            compile(f"contact.checkModifiers({arguments})", base=base).evaluate(MODIFIED)


def test_without_modifiers_all_items_pass() -> None:
    assert compile("name.checkModifiers().family", base="Patient").evaluate(PATIENT) == ["A", "D"]
    assert compile("photo.checkModifiers('urn:a')", base="Patient").evaluate(PATIENT) == []
