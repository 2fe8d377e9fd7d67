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
