"""The gate before mapping: what differs is told without a value, and neither schema nor payload can do harm."""

import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.mapping.language import payload_schema
from gateway.mapping.language.payload_schema import MAX_FINDINGS, Difference, NotASchema, Schema

SECRET = "Duck, Donald"


@pytest.mark.parametrize(
    ("schema", "tree", "expected"),
    [
        ({"required": ["a", "b"]}, {}, [("a is missing", ()), ("b is missing", ())]),
        ({"properties": {"a": {}}, "additionalProperties": False}, {"b": SECRET, "a": 1},
         [("an unknown name is there; known: a", ("b",))]),
        ({"items": {"type": ["string", "null"]}}, ["x", 3], [("is not of type null or string", (1,))]),
        ({"properties": {"a": {"pattern": "^[0-9]$"}}}, {"a": SECRET}, [("does not have the form ^[0-9]$", ("a",))]),
        ({"enum": [1, 2]}, SECRET, [("is not one of 1 or 2", ())]),
        ({"const": "x"}, SECRET, [("is not 'x'", ())]),
        ({"minItems": 2}, [SECRET], [("has fewer than 2 items", ())]),
        ({"not": {}}, SECRET, [("breaks `not`", ())]),
        ({"properties": {"a": False}}, {"a": SECRET}, [("must not be there", ("a",))]),
        ({"anyOf": [{"type": "null"}, {"properties": {"a": {"required": ["b", "c"]}}}]}, {"a": {}},
         [("b is missing", ("a",)), ("c is missing", ("a",))]),
        ({"anyOf": [False]}, SECRET, [("must not be there", ())]),
    ],
)  # fmt: skip
def test_differences_name_place_and_keyword_and_no_value(schema: Any, tree: Any, expected: Any) -> None:
    found = Schema(schema).differences(tree)
    assert [(one.problem, one.path) for one in found] == expected
    assert SECRET not in str(found)


def test_at_most_some_differences_are_told() -> None:
    assert len(Schema({"items": {"type": "string"}}).differences([1] * 1000)) == MAX_FINDINGS


def test_of_a_large_payload_the_first_difference_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payload_schema, "MAX_NODES", 10)
    schema = Schema({"items": {"type": "string"}})
    assert schema.differences(["x"] * 20 + [1, 2]) == (Difference("is not of type string", (20,)),)
    assert len(schema.differences([1, 2, 3])) == 3


@pytest.mark.parametrize(
    "schema",
    [{"type": "text"}, {"minItems": -1}, {"pattern": "("}, [1], {"$ref": "#/$defs/none"}, {"pattern": "(?=a)"}],
)
def test_what_is_no_schema_is_refused(schema: Any) -> None:
    with pytest.raises(NotASchema):
        Schema(schema)


def test_a_schema_refers_to_nothing_outside_itself(tmp_path: Path) -> None:
    outside = tmp_path / "outside.json"
    outside.write_text('{"type": "string"}')
    with pytest.raises(NotASchema):
        Schema({"$ref": outside.as_uri()})
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        with pytest.raises(NotASchema):
            Schema({"$ref": f"http://127.0.0.1:{server.getsockname()[1]}/schema.json"})
        with pytest.raises(BlockingIOError):
            server.accept()


def test_no_pattern_is_slow() -> None:
    """With a backtracking engine this test does not end."""
    found = Schema({"pattern": "^(a+)+$"}).differences("a" * 5_000 + "!")
    assert [one.problem for one in found] == ["does not have the form ^(a+)+$"]


_trees = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "a", "b"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "items"]), inner, max_size=3)
    ),
    max_leaves=8,
)
_schemas = st.recursive(
    st.sampled_from([True, False, {"type": "string"}, {"type": "object"}, {"enum": [1, "a"]}, {"const": None}]),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "properties": st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2),
            "additionalProperties": inner,
            "items": inner,
            "anyOf": st.lists(inner, min_size=1, max_size=3),
            "oneOf": st.lists(inner, min_size=1, max_size=3),
            "not": inner,
            "required": st.just(["a"]),
            "maxItems": st.just(1),
        },
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(_schemas, _trees)
def test_a_tree_fits_or_it_is_said_where_it_does_not(schema: Any, tree: Any) -> None:
    compiled = Schema(schema)
    found = compiled.differences(tree)
    assert bool(found) is not compiled.accepts(tree)
    for one in found:
        node = tree
        for step in one.path:
            node = node[step]
