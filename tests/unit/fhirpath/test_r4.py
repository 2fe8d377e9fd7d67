"""The language on FHIR R4 resources: types, choices, primitive extensions, and data that break the model."""

from decimal import Decimal
from typing import Any

import pytest

from gateway.fhirpath import Element, Env, FhirPathEvaluationError, compile

UCUM = "http://unitsofmeasure.org"
PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p",
    "active": True,
    "birthDate": "1974-12-25",
    "_birthDate": {"id": "b", "extension": [{"url": "urn:time", "valueDateTime": "1974-12-25T14:35:45-05:00"}]},
    "_gender": {"extension": [{"url": "urn:why", "valueCode": "masked"}]},
    "name": [
        {"use": "official", "family": "F", "given": ["A", None], "_given": [None, {"extension": [{"url": "urn:x"}]}]},
        {"use": "usual", "given": ["B"]},
    ],
    "contact": [{"name": {"family": "C"}, "period": {"start": "2012"}}],
    "managingOrganization": {"reference": "#o"},
    "contained": [{"resourceType": "Organization", "id": "o", "name": "Org"}],
}
OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "status": "final",
    "effectiveDateTime": "2020-05-04T10:00:00Z",
    "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}]},
    "valueQuantity": {"value": Decimal("6.3"), "unit": "mmol/L", "system": UCUM, "code": "mmol/L"},
    "component": [
        {"code": {"coding": [{"code": "8480-6"}]}, "valueQuantity": {"value": 107, "unit": "mmHg"}},
        {"code": {"coding": [{"code": "x"}]}, "valueString": "text"},
    ],
}

ON_PATIENT: list[tuple[str, list[Any]]] = [
    ("Patient.id", ["p"]),
    ("Resource.id", ["p"]),
    ("DomainResource.id", ["p"]),
    ("Observation.status", []),
    ("name.given", ["A", "B"]),
    ("name.given.count()", [3]),
    ("name.given.select(hasValue())", [True, False, True]),
    ("name.given.extension('urn:x').exists()", [True]),
    ("gender", []),
    ("gender.exists()", [True]),
    ("gender.hasValue()", [False]),
    ("gender.extension('urn:why').value", ["masked"]),
    ("gender = 'male'", []),
    ("birthDate.extension('urn:time').value", ["1974-12-25T14:35:45-05:00"]),
    ("birthDate.id", ["b"]),
    ("birthDate.hasValue()", [True]),
    ("birthDate < @1980-01-01", [True]),
    ("birthDate = @1974-12-25", [True]),
    ("birthDate < @1974-12", []),
    ("birthDate is date", [True]),
    ("birthDate is System.Date", [False]),
    ("birthDate.type().name", ["date"]),
    ("birthDate + 1 day = @1974-12-26", [True]),
    ("birthDate.toString()", ["1974-12-25"]),
    ("active is boolean", [True]),
    ("active.not()", [False]),
    ("contact.name.family", ["C"]),
    ("contact.first().period.start < @2013", [True]),
    ("contact.first() is BackboneElement", [True]),
    ("name.ofType(HumanName).use", ["official", "usual"]),
    ("managingOrganization.resolve().name", ["Org"]),
    ("managingOrganization.resolve() is Organization", [True]),
    ("managingOrganization.resolve() is Patient", [False]),
    ("contained.ofType(Organization).name", ["Org"]),
    ("contained.where($this is Patient)", []),
    ("descendants().where($this is HumanName).use", ["official", "usual"]),
    ("descendants().ofType(Reference).reference", ["#o"]),
    ("children().ofType(HumanName).count()", [2]),
    ("(name | contact.name).family", ["F", "C"]),
    ("deceased.exists()", [False]),
    ("deceased is boolean", []),
    ("%resource.id", ["p"]),
    ("name.first().use & '-' & name.last().use", ["official-usual"]),
]
ON_OBSERVATION: list[tuple[str, list[Any]]] = [
    ("value.value", [Decimal("6.3")]),
    ("value is Quantity", [True]),
    ("value is string", [False]),
    ("value.ofType(Quantity).unit", ["mmol/L"]),
    ("(value as Quantity).unit", ["mmol/L"]),
    ("value.as(Quantity).code", ["mmol/L"]),
    ("value.ofType(string)", []),
    ("value.type().name", ["Quantity"]),
    ("value > 6 'mmol/L'", [True]),
    ("value > 6000 'umol/L'", [True]),
    ("value > 6 'kg'", []),
    ("value = 6.3 'mmol/L'", [True]),
    ("value = 6300 'umol/L'", [True]),
    ("component.value.ofType(string)", ["text"]),
    ("component.where(value is string).code.coding.code", ["x"]),
    ("component.value.select($this is Quantity)", [True, False]),
    ("(component.value as Quantity).value", [107]),
    ("component.where(code.coding.code = '8480-6').value.value", [107]),
    ("component.value.where($this is string)", ["text"]),
    ("effective is dateTime", [True]),
    ("effective > @2020-05-04T09:00:00Z", [True]),
    ("effective > @2020-05-04T12:30:00+02:00", [False]),
    ("effective >= @2020-05-04", []),
    ("effective.toString().substring(0, 4)", ["2020"]),
    ("code.coding.exists(system = %loinc)", [True]),
    ("status in ('final' | 'amended')", [True]),
    ("iif(value.exists(), value.value, 0)", [Decimal("6.3")]),
]


@pytest.mark.parametrize("with_base", [True, False])
@pytest.mark.parametrize(("expression", "result"), ON_PATIENT)
def test_on_a_patient(expression: str, result: list[Any], with_base: bool) -> None:
    if with_base and expression == "Observation.status":
        return
    assert compile(expression, base="Patient" if with_base else None).evaluate(PATIENT) == result


@pytest.mark.parametrize("with_base", [True, False])
@pytest.mark.parametrize(("expression", "result"), ON_OBSERVATION)
def test_on_an_observation(expression: str, result: list[Any], with_base: bool) -> None:
    assert compile(expression, base="Observation" if with_base else None).evaluate(OBSERVATION) == result


def test_focus_below_a_resource() -> None:
    component = OBSERVATION["component"][0]
    assert compile("value is Quantity", base="Observation.component").evaluate(component) == [True]
    assert compile("value.type().name", base="Observation.component").evaluate(component) == ["Quantity"]
    assert compile("$this is HumanName", base="HumanName").evaluate({"family": "F"}) == [True]
    assert compile("hasValue()", base="string").evaluate("x") == [True]
    assert compile("hasValue()", base="string").evaluate(Element(None, "string", {"id": "x"})) == [False]


@pytest.mark.parametrize(
    ("expression", "broken", "result"),
    [
        ("status", {"status": ["final"]}, ["final"]),
        ("code.coding.code", {"code": [{"coding": {"code": "x"}}]}, ["x"]),
        ("component.value.value", {"component": {"valueQuantity": {"value": 1}}}, [1]),
        ("code.coding.code", {"code": "text"}, []),
        ("code.coding.code", {"code": {"coding": ["text", None, 3]}}, []),
        ("component.where(code.exists()).value.ofType(Quantity).value", {"component": "x"}, []),
        ("subject.reference", {"subject": 5}, []),
    ],
)
def test_data_that_break_the_model(expression: str, broken: dict[str, Any], result: list[Any]) -> None:
    tree = {"resourceType": "Observation", **broken}
    assert compile(expression, base="Observation").evaluate(tree) == result
    assert compile(expression).evaluate(tree) == result


def test_unknown_and_odd_resource_types() -> None:
    expression = compile("status")
    assert expression.evaluate({"resourceType": "Nope", "status": "x"}) == ["x"]
    assert expression.evaluate({"resourceType": ["Observation"], "status": "x"}) == ["x"]
    assert expression.evaluate({"status": "x"}) == ["x"]
    assert compile("value.unit").evaluate({"valueQuantity": {"unit": "g"}}) == ["g"]


def test_as_takes_a_single_item_of_one_type() -> None:
    with pytest.raises(FhirPathEvaluationError):
        compile("name.as(HumanName).use", base="Patient", strict=False).evaluate(PATIENT)


def test_resolve_and_services_come_from_the_env() -> None:
    other = {"resourceType": "Organization", "name": "Elsewhere"}
    tree = {**PATIENT, "managingOrganization": {"reference": "Organization/1"}}
    env = Env(resolve={"Organization/1": other}.get)
    expression = compile("managingOrganization.resolve().name", base="Patient")
    assert expression.evaluate(tree, env) == ["Elsewhere"]
    assert expression.evaluate(tree) == []
    env = Env(conforms=lambda _resource, profile: profile == "urn:yes")
    assert compile("conformsTo('urn:yes')").evaluate(PATIENT, env) == [True]
    assert compile("conformsTo('urn:no')").evaluate(PATIENT, env) == [False]


def test_trace_hands_out_values() -> None:
    seen: list[tuple[str, list[Any]]] = []
    env = Env(trace=lambda name, items: seen.append((name, items)))
    assert compile("name.trace('n', use).given.trace('g')", base="Patient").evaluate(PATIENT, env) == ["A", "B"]
    assert seen == [("n", ["official", "usual"]), ("g", ["A", None, "B"])]


@pytest.mark.parametrize(
    ("div", "sound"),
    [
        ('<div xmlns="http://www.w3.org/1999/xhtml"><p class="x">t<br/></p></div>', True),
        ("<div><table><tr><td>1</td></tr></table></div>", True),
        ("<div><script>x</script></div>", False),
        ('<div onclick="x">t</div>', False),
        ('<div><a href="javascript:x">t</a></div>', False),
        ("<p>t</p>", False),
        ("<div>t", False),
        ("<div><b>t</div></b>", False),
        ("<div/><div/>", False),
        ("<div><?pi?></div>", False),
        ("<div><!DOCTYPE x></div>", False),
        ("plain", False),
    ],
)
def test_html_checks(div: str, sound: bool) -> None:
    assert compile("text.`div`.htmlChecks()", base="Patient").evaluate(
        {"resourceType": "Patient", "text": {"div": div}}
    ) == [sound]


def test_explain_tells_types_and_places() -> None:
    lines = compile("name.given.first()", base="Patient").explain().splitlines()
    assert [" ".join(line.split()) for line in lines] == [
        "1 Call name.given.first() : string",
        "1 Member name.given : string*",
        "1 Member name : HumanName*",
    ]


@pytest.mark.parametrize("name", ["uri", "code", "string", "Identifier", "CodeableConcept", "Extension"])
def test_descendants_of_a_type_are_those_that_tell_this_type(name: str) -> None:
    for tree in (PATIENT, OBSERVATION):
        found = compile(f"descendants().ofType({name})", base=tree["resourceType"]).evaluate(tree)
        assert found == compile(f"descendants().where(type().name = '{name}')").evaluate(tree)
        assert found == compile(f"(descendants() as {name})").evaluate(tree)


@pytest.mark.parametrize("name", ["use", "reference", "extension", "id", "code"])
def test_elements_below_descendants(name: str) -> None:
    for tree in (PATIENT, OBSERVATION):
        found = compile(f"descendants().{name}.where($this is Element)", base=tree["resourceType"]).evaluate(tree)
        slow = f"descendants().select({name}).where($this is Element)"
        assert found == compile(slow, base=tree["resourceType"]).evaluate(tree)


def test_what_is_the_same_for_every_item_is_kept() -> None:
    local = "contained.where('#' + id in (%resource.descendants().reference | %resource.descendants().as(uri))).id"
    assert compile(local, base="Patient").evaluate(PATIENT) == ["o"]
    assert compile(local).evaluate({**PATIENT, "managingOrganization": {"reference": "#p"}}) == []
    per_item = "name.where(given.first() in (%resource.name.given | {})).use"
    assert compile(per_item, base="Patient").evaluate(PATIENT) == ["official", "usual"]
