"""`gateway fhirpath`: the tree that it explains, and the caret under a fault."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli.main import build

PATIENT = {"resourceType": "Patient", "name": [{"family": "F", "given": ["A", "B"]}]}


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "patient.json"
    path.write_text(json.dumps(PATIENT), "utf-8")
    return str(path)


def test_explain_prints_places_and_types(file: str) -> None:
    done = CliRunner().invoke(build(), ["fhirpath", "name.given.first()", file, "--base", "Patient", "--explain"])
    assert done.exit_code == 0
    assert [" ".join(line.split()) for line in done.stdout.splitlines()] == [
        "1 Call name.given.first() : string",
        "1 Member name.given : string*",
        "1 Member name : HumanName*",
    ]


@pytest.mark.parametrize(
    ("expression", "rule", "caret"),
    [
        ("name.nope", "fhirpath.unknown-element", "     ^"),
        ("name.given + 'x'", "fhirpath.cardinality", "^"),
        ("name.given..x", "fhirpath.syntax", "           ^"),
        ("name.single()", "fhirpath.several", "^"),
    ],
)
def test_a_fault_is_shown_with_a_caret(file: str, expression: str, rule: str, caret: str) -> None:
    if expression == "name.single()":
        Path(file).write_text(json.dumps({**PATIENT, "name": [{}, {}]}), "utf-8")
    done = CliRunner().invoke(build(), ["fhirpath", expression, file, "--base", "Patient"])
    assert done.exit_code == 1
    assert rule in done.stderr
    assert done.stderr.splitlines()[-2:] == [expression, caret]


def pressure(name: str) -> dict[str, object]:
    return {"id": name, "value": 1, "unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"}


PRACTITIONER = {"resourceType": "Practitioner", "id": "p", "name": [{"family": "G"}]}
OBSERVATION = {
    "resourceType": "Observation",
    "id": "o",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}]},
    "subject": {"reference": "Patient/s"},
    "performer": [{"reference": "#p"}],
    "effectiveDateTime": "2020",
    "contained": [PRACTITIONER],
    "component": [
        {"code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]}, "valueQuantity": pressure("a")},
        {"code": {"coding": [{"system": "http://loinc.org", "code": "8462-4"}]}, "valueQuantity": pressure("b")},
    ],
}
BUNDLE = {
    "resourceType": "Bundle",
    "type": "collection",
    "entry": [
        {"fullUrl": "http://a.org/Observation/o", "resource": OBSERVATION},
        {"fullUrl": "http://a.org/Patient/s", "resource": {**PATIENT, "id": "s"}},
    ],
}
PREFIX = "http://hl7.org/fhir/StructureDefinition/"


@pytest.mark.parametrize(
    ("tree", "expression", "expected"),
    [
        (OBSERVATION, "performer.resolve().name.family", ["G"]),
        (OBSERVATION, "subject.resolve()", []),
        (OBSERVATION, f"component.slice('{PREFIX}bp', 'SystolicBP').value.id", ["a"]),
        (OBSERVATION, f"conformsTo('{PREFIX}bp')", [False]),
        (OBSERVATION, f"contained.conformsTo('{PREFIX}Practitioner')", [True]),
        (OBSERVATION, "status.memberOf('http://hl7.org/fhir/ValueSet/observation-status')", [True]),
        (BUNDLE, "'Patient/s'.resolve().name.family", ["F"]),
        (BUNDLE, "entry.resource.subject.resolve().id", ["s"]),
        (BUNDLE, "('http://a.org/' & entry.resource.subject.reference).resolve().id", ["s"]),
        (BUNDLE, f"entry.resource.component.slice('{PREFIX}bp', 'DiastolicBP').value.id", ["b"]),
        (PATIENT, "today() > @2020", [True]),
        ({"a": [1, 2]}, "a.count()", [2]),
        ([1, 2], "$this.count() + now().toString().length().toDecimal() * 0", [2]),
    ],
)
def test_what_an_expression_may_ask(tmp_path: Path, tree: object, expression: str, expected: list[object]) -> None:
    path = tmp_path / "tree.json"
    path.write_text(json.dumps(tree), "utf-8")
    done = CliRunner().invoke(build(), ["fhirpath", expression, str(path)])
    assert (done.exit_code, done.stderr) == (0, "")
    assert json.loads(done.stdout) == expected


@pytest.mark.parametrize("expression", ["conformsTo('urn:nope')", "name.slice('urn:nope', 'a')"])
def test_what_nobody_knows_is_no_answer(file: str, expression: str) -> None:
    done = CliRunner().invoke(build(), ["fhirpath", expression, file])
    assert done.exit_code == 1
    assert "fhirpath.unavailable" in done.stderr
