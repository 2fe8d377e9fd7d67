"""Values found good are not checked twice, and that never hides a fault."""

import copy
from decimal import Decimal
from typing import Any

import pytest

from gateway.conformance.base.remembered import KEPT, remembering_field
from gateway.conformance.invariants.native import NATIVE
from gateway.conformance.run import Location, Run, Scope
from gateway.fhirpath import Env, compile
from tests.unit.conformance.test_validator import OBSERVATION, VALIDATOR, errors

AT: Location = (None, "Observation", -1)


class Counting:
    """A check that counts its calls and finds fault with an empty object."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, value: Any, node: dict[str, Any], at: Location, run: Run) -> None:
        self.calls += 1
        if value == {}:
            run.report("conformance.null", at)


@pytest.mark.parametrize(
    ("value", "calls"),
    [
        ({"coding": [{"code": "a"}]}, 1),
        ("text", 1),
        ({}, 2),
        ({"value": 1}, 2),
        ({"value": True}, 2),
        ({"value": Decimal("1.0")}, 2),
        ({"extension": [{"url": "a"}]}, 2),
        ({"reference": "Patient/a"}, 2),
        ({"text": "a" * 1000}, 2),
        ([{"code": str(number)} for number in range(100)], 2),
    ],
)
def test_a_value_of_text_alone_is_checked_once(value: Any, calls: int) -> None:
    counting = Counting()
    check, run = remembering_field(counting), Run(Scope({}, {}))
    check(value, {}, AT, run)
    check(copy.deepcopy(value), {}, AT, run)
    assert counting.calls == calls


def test_a_changed_value_is_checked_again() -> None:
    resource = copy.deepcopy(OBSERVATION)
    assert errors(resource) == []
    resource["code"]["coding"][0]["colour"] = "red"
    assert errors(resource) == [("unknown-element", "Observation.code.coding[0]")]
    resource["code"]["coding"][0].pop("colour")
    resource["subject"]["reference"] = "Medication/one"
    assert [rule for rule, _ in errors(resource)][:1] == ["reference-target"]


def test_the_oldest_values_make_room() -> None:
    counting = Counting()
    check, run = remembering_field(counting), Run(Scope({}, {}))
    for number in range(KEPT + 1):
        check({"code": str(number)}, {}, AT, run)
    check({"code": "0"}, {}, AT, run)
    assert counting.calls == KEPT + 2


TREES: list[dict[str, Any]] = [
    {},
    OBSERVATION,
    {**OBSERVATION, "dataAbsentReason": {"text": "lost"}},
    {**OBSERVATION, "component": [{"code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]}}]},
    {"resourceType": "Observation", "contained": [{"resourceType": "Patient", "contained": [{}]}]},
    {"resourceType": "Observation", "_valueString": {"extension": []}},
]

QUANTITIES: list[dict[str, Any]] = [
    {"value": 1, "code": "/min"},
    {"value": 1, "code": "/min", "system": "http://unitsofmeasure.org"},
    {"value": 1, "code": "/min", "_system": {"id": "a"}},
]

TOLD = sorted(text for text in NATIVE if not any(word in text for word in ("trace", "html", "is Parameters")))
"""Without those whose Python corrects the published text, and the one that asks for a type that these have not."""


@pytest.mark.parametrize("expression", TOLD)
def test_plain_python_says_what_the_expression_says(expression: str) -> None:
    base = "Quantity" if "system" in expression else None
    for tree in QUANTITIES if base else TREES:
        told = NATIVE[expression](tree)
        result = compile(expression, base=base).evaluate(tree, Env(resource=tree, root=tree))
        assert told is None or told == (result in ([], [True])), tree


def test_a_validator_that_has_seen_much_still_sees() -> None:
    for number in range(50):
        resource = copy.deepcopy(OBSERVATION)
        resource["code"]["coding"].append({"system": "http://example.org", "code": str(number)})
        assert not VALIDATOR.validate(resource)
        resource["code"]["coding"][0]["code"] = 5
        assert any(rule == "format" for rule, _ in errors(resource))


@pytest.mark.parametrize(
    ("reference", "rules"),
    [
        ({"reference": "Patient/one"}, []),
        ({"reference": "Medication/one"}, ["reference-target"]),
        ({"reference": "Patient/one", "colour": "red"}, ["unknown-element"]),
        ({"reference": "Patient/one", "type": "Medication"}, ["reference-type", "reference-target"]),
        ({"reference": "#one"}, ["invariant"]),
        ({"reference": 1}, ["format"]),
        ({"reference": ""}, ["format"]),
    ],
)
def test_the_short_way_for_references_lets_nothing_else_pass(reference: dict[str, Any], rules: list[str]) -> None:
    assert list(dict(errors({**OBSERVATION, "subject": reference}))) == rules


def test_a_display_that_is_good_in_another_language_is_not_remembered() -> None:
    coding = {
        "system": "http://terminology.hl7.org/CodeSystem/observation-category",
        "code": "vital-signs",
        "display": "Signes vitaux",
    }
    english = {**copy.deepcopy(OBSERVATION), "category": [{"coding": [coding]}]}
    french = {**english, "language": "fr"}
    for _ in range(2):
        assert "conformance.display" not in [found.rule for found in VALIDATOR.validate(french)]
        assert "conformance.display" in [found.rule for found in VALIDATOR.validate(english)]
