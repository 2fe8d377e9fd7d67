"""`gateway view` over queries: they are listed, checked, shared as Libraries, and run with their parameters."""

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway.app import Gateway
from gateway.cli.main import build

STUDY = "hf-dct-01"
SQL = """-- @param: code string A code
-- @relatedDependency: urn:trial-fhir-gateway:study:hf-dct-01:view:wearable-values as v
SELECT patient, count(*) AS points FROM v WHERE code = :code GROUP BY patient ORDER BY patient
"""


@pytest.fixture(autouse=True)
def here(filled: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_DATA_DIR", str(filled.settings.data_dir))


@pytest.fixture
def query(tmp_path: Path) -> Path:
    path = tmp_path / "points.sql"
    path.write_text(SQL)
    return path


def view(*arguments: object) -> Result:
    return CliRunner().invoke(build(), ["view", *map(str, arguments)])


def test_queries_are_listed_with_views() -> None:
    lines = [json.loads(line) for line in view("list", "--study", STUDY, "--json").stdout.splitlines()]
    found = {one["view"]: one for one in lines}
    assert {"wearable_values", "wearable_daily_summary", "imaging_series"} <= set(found)
    assert found["wearable_daily_summary"]["resource"] == "Observation"
    assert "minutes" in found["wearable_daily_summary"]["columns"]


def test_a_query_is_run_with_its_parameters(query: Path, tmp_path: Path) -> None:
    asked = ("run", query, "--study", STUDY, "--client", "research", "--out", tmp_path / "points.csv")
    done = view(*asked, "--parameter", "code=8867-4")
    assert done.exit_code == 0, done.output
    with (tmp_path / "points.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows
    assert all(int(row["points"]) > 0 for row in rows)
    for wrong in ((), ("--parameter", "code=a", "--parameter", "other=1")):
        refused = view(*asked, *wrong)
        assert refused.exit_code == 2
        assert "export.query-parameter" in refused.output


def test_a_library_is_printed_and_runs_as_the_sql_does(query: Path, tmp_path: Path) -> None:
    printed = view("library", query)
    assert printed.exit_code == 0, printed.output
    (tmp_path / "points.json").write_text(printed.stdout)
    for path in (query, tmp_path / "points.json"):
        out = tmp_path / f"{path.suffix[1:]}.ndjson"
        done = view("run", path, "--study", STUDY, "--client", "research", "--out", out, "--parameter", "code=8867-4")
        assert done.exit_code == 0, done.output
    assert (tmp_path / "json.ndjson").read_bytes() == (tmp_path / "sql.ndjson").read_bytes() != b""


def test_faults_are_named_with_their_line(query: Path) -> None:
    assert view("check", "--study", STUDY, query).exit_code == 0
    query.write_text(SQL.replace("count(*)", "sum(read_text('/etc/passwd'))"))
    assert view("check", query).exit_code == 0  # the SQL is checked against the views of a study
    refused = view("check", "--study", STUDY, query)
    assert refused.exit_code == 1
    assert "export.query-function" in refused.output
    assert "line 3" in refused.output


def test_what_is_not_there(tmp_path: Path) -> None:
    out = tmp_path / "x.csv"
    for name in ("nothing", "nothing.sql"):
        assert view("run", name, "--study", STUDY, "--client", "research", "--out", out).exit_code == 2
    assert not out.exists()
