"""Mapping files from strangers: what is in one is compiled or told of with a position, and reaches nothing."""

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.core import dumps
from gateway.core.assets import asset_root
from gateway.core.yaml import YamlError, load
from gateway.definitions import r4
from gateway.fhirpath import FhirPathError, compile
from gateway.mapping import Mapping
from gateway.mapping.functions import function_set
from gateway.mapping.language.load import Surroundings
from gateway.mapping.registry import read_mapping
from gateway.mapping.tools.selftest import facts_of
from tests.property.disturbing import disturbed

EXAMPLES = sorted(Path(__file__).parents[1].joinpath("golden", "mapping_directives").glob("*.yaml"))
AROUND = Surroundings(r4(), None, (asset_root("terminology"),))
ODD: list[Any] = [
    None,
    "",
    "=",
    "==",
    "=a.b(",
    "=%payload",
    "=1/0",
    "=().__class__",
    "x" * 300,
    -1,
    True,
    [],
    {},
    [[]],
]
NAMES = ("when", "foreach", "series", "id", "value[x]", "x")
PYTHON = [
    "__class__", "__globals__", "__builtins__", "__import__('os')", "().__class__.__bases__", "lambda: 1", "self",
    "%payload.__class__.__mro__", "eval('1')", "exec('1')", "open('/etc/hostname')", "getattr(%payload, 'items')",
    "%payload.items()", "%payload.get('a')", "'x'.format(1)", "'{0.__class__}'.replace('0', '1')", "env", "globals()",
    "import os", "%env", "%self", "%__builtins__", "breakpoint()", "a.keys()", "a.pop()", "`__class__`",
    "`a'); import os; ('`",
]  # fmt: skip


def read(folder: Path, text: bytes) -> Mapping | None:
    folder.joinpath("mapping.yaml").write_bytes(text)
    mapping, issues = read_mapping(folder, "strange", AROUND)
    assert (mapping is None) == any(found.blocks for found in issues)
    for found in issues:
        assert found.mapping.startswith("strange/mapping.yaml"), found
    return mapping


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chance=st.randoms(use_true_random=False))
def test_a_disturbed_file_is_compiled_or_told_of(chance: random.Random, tmp_path: Path) -> None:
    tree = load(chance.choice(EXAMPLES).read_text("utf-8")).tree
    mapping = read(tmp_path, dumps(disturbed(tree, chance, ODD, NAMES)))
    if mapping is not None:
        mapping.apply({"points": [{"id": "a", "v": "x", "n": 1, "at": "2026-01-01T00:00:00Z"}]}, facts_of({}))


@settings(deadline=None, max_examples=300)
@given(st.text(alphabet=st.sampled_from(list("ab:-?|>&*!%@`'\"{}[],# \n\t~<=0.")), max_size=60))
def test_any_text_is_yaml_or_not(text: str) -> None:
    try:
        load(text)
    except YamlError as error:
        assert error.line >= 1


@pytest.mark.parametrize("expression", PYTHON)
def test_no_expression_reaches_python(expression: str, tmp_path: Path) -> None:
    """What an expression gives comes from the payload, or is made of it: no other object of the process."""
    tree: dict[str, Any] = {"a": {"__class__": "mine"}, "points": []}
    functions = function_set({}, {}, False)
    try:
        values = compile(expression, model=None, functions=functions).evaluate(tree)
    except FhirPathError:
        return
    known = {id(tree), id(tree["a"]), id(tree["points"])}
    assert all(isinstance(value, str | int) or id(value) in known for value in values)


@settings(deadline=None, max_examples=300)
@given(
    st.lists(st.sampled_from([*PYTHON, ".", "(", ")", "'", "a", "|", "&", "where", "$this", "%payload"]), max_size=6)
)
def test_pieces_of_python_reach_nothing(pieces: list[str]) -> None:
    try:
        values = compile("".join(pieces), model=None, functions=function_set({}, {}, False)).evaluate({"a": "b"})
    except FhirPathError:
        return
    assert all(isinstance(value, str | int | dict) for value in values)


def test_aliases_and_merges_are_bounded(tmp_path: Path) -> None:
    layers = ["a0: &a0 {k0: 1, k1: 1}"] + [f"a{n}: &a{n} {{x: *a{n - 1}, y: *a{n - 1}}}" for n in range(1, 40)]
    assert read(tmp_path, "\n".join(layers).encode()) is None
    merges = ["a0: &a0 {k: 1}"] + [f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}], k{n}: 1}}" for n in range(1, 60)]
    assert read(tmp_path, "\n".join(merges).encode()) is None
    assert read(tmp_path, b"&a [*a]") is None
    assert read(tmp_path, b"!!python/object/apply:os.system ['true']") is None
    assert read(tmp_path, b"\xff\xfe") is None
