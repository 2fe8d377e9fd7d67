"""The commands that help to write mappings: new, diff, coverage, docs."""

import json
from pathlib import Path

from typer.testing import CliRunner

from gateway.cli.map import app
from gateway.core.assets import asset_root
from gateway.mapping.account import is_read, leaves, paths_read, rows
from gateway.mapping.compare import changes
from gateway.mapping.scaffold import inferred_schema
from tests.unit.mapping.files import HEAD, POINT, compiled

PAYLOAD = {"points": [{"at": "2026-01-01T00:00:00Z", "bpm": 60, "extra": {"a": "x"}}]}


def test_a_new_mapping_compiles_and_keeps_nothing_of_the_sample(tmp_path: Path) -> None:
    sample = tmp_path / "sample.json"
    sample.write_text(json.dumps(PAYLOAD), "utf-8")
    arguments = ["new", "acme", "pulse", "--sample", str(sample), "--into", str(tmp_path / "made")]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    folder = tmp_path / "made" / "acme" / "pulse"
    linted = CliRunner().invoke(app, ["lint", str(folder)])
    assert (linted.exit_code, "0 findings" in linted.output) == (0, True)
    assert "2026-01-01" not in folder.joinpath("mapping.yaml").read_text() + folder.joinpath(
        "payload.schema.json"
    ).read_text("utf-8")
    assert CliRunner().invoke(app, arguments).exit_code == 2


def test_the_inferred_schema_has_names_and_types() -> None:
    schema = inferred_schema({"a": [{"b": 1}, {"b": None, "c": "x"}]})
    assert schema["properties"]["a"]["items"]["properties"] == {
        "b": {"type": ["integer", "null"]},
        "c": {"type": "string"},
    }


def test_what_is_never_read_is_told(tmp_path: Path) -> None:
    read = paths_read(compiled(tmp_path, HEAD + POINT).plan)
    unread = [leaf for leaf in leaves(PAYLOAD) if not is_read(leaf, read)]
    assert unread == [("points", "extra", "a")]


def test_the_specification_names_elements_and_fields(tmp_path: Path) -> None:
    found = {row.element: row for row in rows(compiled(tmp_path, HEAD + POINT).plan)}
    row = found["Observation.valueQuantity.value"]
    assert (row.expression, row.paths) == ("=bpm", ("points.bpm",))
    assert found["Observation.status"].expression == '"final"'


def test_changes_are_told_element_by_element() -> None:
    old = {"resourceType": "Basic", "id": "a", "code": {"text": "x"}, "author": [1]}
    new = {"resourceType": "Basic", "id": "a", "code": {"text": "y"}, "author": [1, 2]}
    told = [(one.path, one.old, one.new) for one in changes([old], [new])]
    assert told == [("Basic/a.code.text", "x", "y"), ("Basic/a.author[1]", None, 2)]
    assert [one.path for one in changes([old], [])] == ["Basic/a"]


def test_a_mapping_compared_with_itself_changes_nothing() -> None:
    folder = Path(str(asset_root("mappings"))) / "withings" / "measures"
    same = CliRunner().invoke(app, ["diff", str(folder), str(folder), "--corpus", str(folder / "examples")])
    assert (same.exit_code, same.stdout.splitlines()[-1]) == (0, "0 changes")


def test_coverage_and_docs_of_a_shipped_mapping() -> None:
    covered = CliRunner().invoke(app, ["coverage", "withings/measures", "--json"])
    assert covered.exit_code == 0
    assert set(json.loads(covered.stdout)) == {"payloads", "unread", "never_fired"}
    page = CliRunner().invoke(app, ["docs", "withings/measures", "--html"])
    assert "<td>body.measuregrps" in page.stdout
    table = CliRunner().invoke(app, ["docs", "withings/measures"])
    assert table.stdout.startswith("Emit,Element,Rule")
