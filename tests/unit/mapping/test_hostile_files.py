"""Mapping files from strangers are data: they reach no file, name or attribute outside, and cannot explode."""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.mapping.registry import read_mapping
from gateway.mapping.tools.selftest import run_tests
from tests.unit.mapping.files import HEAD, POINT, compiled, emit, facts, surroundings


def _rules(folder: Path, text: str) -> set[str]:
    folder.joinpath("mapping.yaml").write_text(text)
    mapping, issues = read_mapping(folder, "strange", surroundings())
    assert mapping is None
    return {found.rule for found in issues}


@pytest.mark.parametrize(
    "name", ["../secret.csv", "/etc/hostname", "a/../../secret.csv", "..\\secret.csv", "C:secret.csv"]
)
@pytest.mark.parametrize("part", ["lookups: {d: {csv: 'NAME', key: id}}", "conceptmaps: {d: 'NAME'}"])
def test_no_file_outside_the_folder(name: str, part: str, tmp_path: Path) -> None:
    tmp_path.joinpath("secret.csv").write_text("id\n1\n")
    folder = tmp_path / "mapping"
    folder.mkdir()
    text = emit("") + part.replace("NAME", name) + "\n"
    assert "mapping.file-missing" in _rules(folder, text)
    assert "mapping.file-missing" in _rules(folder, text.replace("format: json", f"format: json, schema: '{name}'"))


def test_no_given_file_outside_the_folder(tmp_path: Path) -> None:
    tmp_path.joinpath("secret.json").write_text('{"points": []}')
    folder = tmp_path / "mapping"
    folder.mkdir()
    tests = "tests: [{name: t, given_file: ../secret.json, expect: {}}]\n"
    (result,) = run_tests(compiled(folder, HEAD + POINT + tests), folder)
    assert result.problems == ("the given file cannot be read",)


@pytest.mark.parametrize(
    "expression",
    ["__class__.__mro__", "%payload.__class__", "items()", "%subject.reference.__class__.__init__", "'x'.__len__"],
)
def test_attributes_are_names_in_the_payload(expression: str, tmp_path: Path) -> None:
    text = emit(f'valueString: "={expression}"')
    tmp_path.joinpath("mapping.yaml").write_text(text)
    mapping, issues = read_mapping(tmp_path, "strange", surroundings())
    if mapping is None:
        assert {found.rule for found in issues} == {"mapping.expression"}
    else:
        (made,) = mapping.apply({"points": [{"id": "1"}]}, facts()).resources
        assert "valueString" not in made


def test_aliases_cannot_explode(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert _rules(tmp_path, HEAD + "\n".join(lines)) == {"mapping.yaml"}


@pytest.mark.parametrize("depth", [60, 5000])
def test_deep_nesting_is_told_or_mapped(depth: int, tmp_path: Path) -> None:
    nested = "{url: 'urn:x', extension: [" * depth + "{url: 'urn:y', valueString: =v}" + "]}" * depth
    text = emit(f"extension: [{nested}]")
    tmp_path.joinpath("mapping.yaml").write_text(text)
    mapping, issues = read_mapping(tmp_path, "strange", surroundings())
    if mapping is None:
        assert {found.rule for found in issues} <= {"mapping.structure", "mapping.yaml"}
    else:
        mapped = mapping.apply({"points": [{"id": "1", "v": "x"}]}, facts())
        assert len(mapped.resources) == 1


def _chained(length: int, name: str) -> dict[str, Any]:
    links = {f"d{n}": {name: [{"$ref": f"#/$defs/d{n + 1}"}, {"$ref": f"#/$defs/d{n + 1}"}]} for n in range(length)}
    return {"$defs": {**links, f"d{length}": {"type": "object"}}, "$ref": "#/$defs/d0"}


MANY = {f"p{n}": {"anyOf": [{"type": "string"}, {"type": "null"}]} for n in range(2000)}


@pytest.mark.parametrize(
    ("schema", "taken"),
    [
        (_chained(24, "anyOf"), False),
        (_chained(24, "allOf"), False),
        (_chained(5, "oneOf"), True),
        ({"properties": {"points": {"items": _chained(24, "anyOf")["$defs"]["d0"]}}} | _chained(24, "anyOf"), False),
        ({"properties": MANY}, True),
        ({"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}, True),
        ({"$defs": {"a": {"properties": {"c": {"$ref": "#/$defs/a"}}}}, "$ref": "#/$defs/a"}, True),
        ({"description": "x" * 1_000_001}, False),
        (True, True),
    ],
    ids=["any of", "all of", "few", "below", "many fields", "of itself", "a tree", "long", "all"],
)
def test_a_payload_schema_makes_bounded_work_of_a_value(schema: Any, taken: bool, tmp_path: Path) -> None:
    tmp_path.joinpath("s.json").write_text(json.dumps(schema))
    text = emit("").replace("format: json", "format: json, schema: s.json")
    tmp_path.joinpath("mapping.yaml").write_text(text)
    mapping, issues = read_mapping(tmp_path, "strange", surroundings())
    assert (mapping is not None, [found.rule for found in issues]) == (
        taken,
        [] if taken else ["mapping.payload-schema"],
    )
