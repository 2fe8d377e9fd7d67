"""Mapping files from strangers are data: they reach no file, name or attribute outside, and cannot explode."""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.fhirpath.errors import Fault
from gateway.fhirpath.values.bounds import MAX_ITEMS, bounded
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


DOUBLING = "vars: {v0: =v, " + ", ".join(f"v{n}: '=%v{n - 1} & %v{n - 1}'" for n in range(1, 40)) + "}\n"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (emit("valueString: !!python/name:os.system x"), "16:20"),
        (emit("valueString: !foo x"), "16:20"),
        (emit("code: !!python/object:os.x {text: x}"), "16:13"),
        (emit("valueQuantity: {value: 1e999999}"), "16:30"),
        (emit("note: [{text: " + "x" * 500_001 + "}]"), "1:1"),
        (emit("valueString: =v" + " & v" * 2_500), "16:20"),
        (emit("component:" + f"\n        - {{code: {{text: a}}, valueString: =v{' & v' * 2_000}}}" * 30), "41:48"),
        (emit("valueString: =now()"), "16:21"),
        (emit("valueBoolean: =code.memberOf('http://x')"), "16:27"),
        (HEAD + "vars: {" + ", ".join(f"a{n}: =v" for n in range(201)) + "}\n", "8:1"),
        (HEAD + "emit: [" + "{id: a, key: [=v], resource: {resourceType: Device}}, " * 501 + "]", "8:1"),
    ],
    ids=["name", "own tag", "object", "exponent", "long file", "long expression", "long together", "clock", "service",
         "variables", "emits"],
)  # fmt: skip
def test_what_cannot_be_bounded_is_refused_where_it_stands(text: str, place: str, tmp_path: Path) -> None:
    tmp_path.joinpath("mapping.yaml").write_text(text)
    mapping, issues = read_mapping(tmp_path, "strange", surroundings())
    assert mapping is None
    assert place in [found.mapping.partition(":")[2] for found in issues], [found.mapping for found in issues]


@pytest.mark.parametrize(
    ("expression", "rule"),
    [
        ("v" + ".encode('hex')" * 40, "mapping.evaluation"),
        ("v" + ".escape('html').replace('a', 'aaaaaaaaa')" * 9, "mapping.evaluation"),
        ("%v39", "mapping.too-large"),
    ],
    ids=["encoded", "escaped", "doubled"],
)
def test_what_grows_ends(expression: str, rule: str, tmp_path: Path) -> None:
    text = emit("valueString: " + json.dumps(f"={expression}"))
    mapping = compiled(tmp_path, text.replace("emit:", DOUBLING + "emit:", 1) if "%" in expression else text)
    mapped = mapping.apply({"points": [{"id": "1", "v": "'" * 9}]}, facts())
    assert rule in {found.rule for found in (*mapped.issues, *(one for unit in mapped.units for one in unit.issues))}


def test_a_loop_makes_no_endless_list() -> None:
    with pytest.raises(Fault):
        bounded([None] * (MAX_ITEMS + 1))


def _chained(length: int, name: str) -> dict[str, Any]:
    links = {f"d{n}": {name: [{"$ref": f"#/$defs/d{n + 1}"}, {"$ref": f"#/$defs/d{n + 1}"}]} for n in range(length)}
    return {"$defs": {**links, f"d{length}": {"type": "object"}}, "$ref": "#/$defs/d0"}


def _itself(ways: list[dict[str, Any]]) -> dict[str, Any]:
    below = {"properties": {"a": {"$ref": "#/$defs/n"}}}
    return {"$defs": {"n": {"anyOf": [{**below, **way} for way in ways]}}, "$ref": "#/$defs/n"}


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
        (_itself([{"required": ["y"]}, {"required": ["z"]}]), False),
        (_itself([{}, {"type": "null", "properties": {}}]), True),
        (
            {
                "$defs": {"n": {"items": {"$ref": "#/$defs/n"}, "contains": {"$ref": "#/$defs/n"}}},
                "$ref": "#/$defs/n",
            },
            False,
        ),
        ({"properties": {"l": {"$ref": "#"}, "r": {"$ref": "#"}}, "additionalProperties": {"$ref": "#"}}, True),
        ({"properties": {"a": {"$ref": "#"}}, "allOf": [{"additionalProperties": {"$ref": "#"}}]}, False),
        ({"$dynamicAnchor": "n", "properties": {"a": {"$dynamicRef": "#n"}}}, False),
        ({"$defs": {"n": {"$anchor": "n"}}, "$ref": "#n"}, False),
        (True, True),
    ],
    ids=[
        "any of",
        "all of",
        "few",
        "below",
        "many fields",
        "of itself",
        "a tree",
        "long",
        "itself in two ways",
        "itself or null",
        "itself as item twice",
        "two sides",
        "itself and the rest",
        "dynamic",
        "anchor",
        "all",
    ],
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
