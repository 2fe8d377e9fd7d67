"""The commands `aggregate` and `k-anonymity` from their arguments to what they print."""

import csv
import json

import pytest
from typer.testing import CliRunner

from gateway.cli.main import build

STUDY = "hf-dct-01"
VIEW = {
    "resourceType": "ViewDefinition",
    "name": "rates",
    "status": "active",
    "resource": "Observation",
    "select": [
        {
            "column": [
                {"name": "patient", "path": "subject.getReferenceKey(Patient)"},
                {"name": "code", "path": "code.coding.first().code"},
                {"name": "value", "path": "value.ofType(Quantity).value", "type": "decimal"},
            ]
        }
    ],
}


def run(*arguments):
    return CliRunner().invoke(build(), [*arguments])


@pytest.fixture
def asked(filled, tmp_path, monkeypatch):
    monkeypatch.setenv("GATEWAY_DATA_DIR", str(filled.settings.data_dir))
    path = tmp_path / "rates.json"
    path.write_text(json.dumps(VIEW))
    return ["aggregate", str(path), "--study", STUDY, "--client", "research"]


def test_groups_are_counted_by_participant(asked):
    result = run(*asked, "--by", "code", "--measure", "value", "--min-cell", "2", "--extremes", "--json")
    assert result.exit_code == 0, result.output
    tree = json.loads(result.stdout)
    [group] = tree["groups"]
    assert (tree["counted"], group["group"], tree["total"]) == ("participants", ["8867-4"], group["count"])
    assert group["min"] <= group["mean"] <= group["max"]
    assert 2 <= group["count"] < 30
    table = run(*asked, "--by", "code", "--min-cell", "2").stdout
    assert "8867-4" in table
    assert f"total: {group['count']}" in table


def test_nothing_is_told_of_too_few(asked):
    result = run(*asked, "--by", "code", "--min-cell", "1000")
    assert result.exit_code == 0
    assert "8867-4" not in result.stdout
    assert "total: suppressed" in result.stdout


def test_wrong_use_is_told(asked):
    assert run(*asked, "--by", "nowhere").exit_code == 2
    assert run(*asked, "--by", "code", "--measure", "code").exit_code == 2
    assert run("aggregate", "nothing", *asked[2:], "--by", "code").exit_code == 2
    assert run(*asked[:-1], "nobody", "--by", "code").exit_code == 2
    assert run(*asked, "--by", "code", "--min-cell", "1").exit_code == 2


def test_what_was_read_is_on_record_where_the_counting_stops(asked, filled):
    before = filled.store.last(STUDY).sequence
    result = run(*asked, "--by", "code", "--measure", "code")
    assert result.exit_code == 2
    assert "not a column of numbers" in result.stderr
    told = [json.loads(row.event) for row in filled.store.rows(STUDY, before)]
    assert [event["operation"] for event in told][-1] == "exported"
    assert told[-1]["count"] > 0


def test_k_anonymity_of_a_file(tmp_path):
    file = tmp_path / "flat.csv"
    with file.open("w", newline="") as out:
        rows = [["p1", "f", "a"], ["p2", "f", "b"], ["p3", "m", "a"], ["p4", "m", "a"]]
        csv.writer(out).writerows([["patient", "sex", "arm"], *rows])
    result = run("k-anonymity", str(file), "--quasi", "sex", "--sensitive", "arm", "--json")
    assert result.exit_code == 0, result.output
    assert {key: json.loads(result.stdout)[key] for key in ("k", "l", "classes")} == {
        "k": 2,
        "l": {"arm": 1},
        "classes": 2,
    }
    assert "k = 2" in run("k-anonymity", str(file), "--quasi", "sex").stdout
    assert run("k-anonymity", str(file), "--quasi", "sex", "--at-least", "3").exit_code == 1
    assert run("k-anonymity", str(file), "--quasi", "nowhere").exit_code == 2
