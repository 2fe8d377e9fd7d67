"""Operations: their declarations are whole, and no input that anybody can write breaks them."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core import dumps, loads
from gateway.core.assets import asset_root
from gateway.core.errors import BadRequest, FhirError
from gateway.core.types import Resource
from gateway.definitions import r4
from gateway.rest.operation.declaration import Call, Inputs, Operation, Parameter
from gateway.rest.operation.inputs import inputs_of_body, inputs_of_query
from gateway.rest.operation.terminology_inputs import well_formed
from gateway.rest.operations import found_operations
from gateway.rest.operations.expand import expanded
from gateway.rest.operations.lookup import looked_up
from gateway.rest.operations.subsumes import related
from gateway.rest.operations.translate import translated
from gateway.rest.operations.validate_code import in_value_set


def _unused(_call: Call) -> Resource:
    raise AssertionError("only the inputs of this operation are tested")


OPERATION = Operation(
    name="try",
    url="urn:try",
    levels=frozenset({"type"}),
    types=("Patient",),
    parameters=(
        Parameter("text", "string"),
        Parameter("flag", "boolean", max=None),
        Parameter("number", "integer"),
        Parameter("size", "decimal"),
        Parameter("day", "date"),
        Parameter("coding", "Coding"),
        Parameter("given", "Resource"),
    ),
    answer=_unused,
    body="given",
)


def body(*entries: Any) -> bytes:
    return dumps({"resourceType": "Parameters", "parameter": list(entries)})


def test_declarations_are_unambiguous() -> None:
    served = [
        (operation.name, level, kind)
        for operation in found_operations()
        for level in operation.levels
        for kind in operation.types or ("",)
    ]
    assert len(served) == len(set(served))
    for operation in found_operations():
        names = [parameter.name for parameter in operation.parameters]
        assert len(names) == len(set(names))
        assert not operation.body or operation.parameter(operation.body)


@pytest.mark.parametrize(
    "operation", [found for found in found_operations() if found.url.startswith("urn:")], ids=lambda found: found.name
)
def test_an_operation_of_our_own_has_its_definition(operation: Operation) -> None:
    definition = loads(asset_root("profiles").joinpath("operations", f"{operation.name}.json").read_bytes())
    assert (definition["url"], definition["code"]) == (operation.url, operation.name)
    stated = {entry["name"] for entry in definition["parameter"] if entry["use"] == "in"}
    assert stated == {parameter.name for parameter in operation.parameters}


def test_inputs_of_a_query_are_typed() -> None:
    pairs = [("text", "a"), ("flag", "true"), ("flag", "false"), ("number", "-7"), ("day", "2026-02")]
    inputs = inputs_of_query(OPERATION, pairs)
    assert (inputs.one("text"), list(inputs.all("flag")), inputs.one("number")) == ("a", [True, False], -7)
    assert inputs.one("size") is None


@pytest.mark.parametrize(
    "pair",
    [
        ("number", "1.5"),
        ("number", "99999999999"),
        ("size", "NaN"),
        ("flag", "1"),
        ("day", "today"),
        ("coding", "a|b"),
    ],
)
def test_a_query_of_the_wrong_type_is_refused(pair: tuple[str, str]) -> None:
    with pytest.raises(BadRequest, match=r"rest\.parameter-value"):
        inputs_of_query(OPERATION, [pair])


def test_a_bare_resource_is_the_input_that_the_declaration_names() -> None:
    inputs = inputs_of_body(OPERATION, b'{"resourceType": "Patient"}', [("number", "1")])
    assert inputs.one("given") == {"resourceType": "Patient"}
    assert inputs.one("number") == 1


@pytest.mark.parametrize(
    "entry",
    [
        {"name": "text", "valueInteger": 1},
        {"name": "text", "valueString": 1},
        {"name": "flag", "valueBoolean": "true"},
        {"name": "number", "valueInteger": True},
        {"name": "coding", "valueCoding": "a"},
        {"name": "coding", "valueQuantity": {}},
        {"name": "given", "resource": {"id": "1"}},
        {"name": "given", "resource": 3},
        {"name": "text"},
        {"name": "other", "valueString": "a"},
        {"name": 3},
        3,
    ],
)
def test_a_body_of_the_wrong_type_is_refused(entry: Any) -> None:
    with pytest.raises(BadRequest):
        inputs_of_body(OPERATION, body(entry))


junk = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "a", "urn:a", "urn:vs", "dog", "is-a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["code", "value", "url"]), inner),
    max_leaves=4,
)
paths = st.lists(st.sampled_from(range(6)), min_size=1, max_size=6)


def value_set() -> Resource:
    concept = {
        "code": "a",
        "display": "A",
        "designation": [{"language": "de", "value": "Ah"}],
        "extension": [{"url": "x"}],
    }
    include = {
        "system": "urn:a",
        "version": "1",
        "concept": [concept],
        "valueSet": ["urn:vs2"],
        "filter": [{"property": "concept", "op": "is-a", "value": "a"}],
    }
    return {
        "resourceType": "ValueSet",
        "url": "urn:vs",
        "extension": [{"url": "x", "valueCode": "a"}],
        "compose": {"include": [include, {"system": "urn:a"}], "exclude": [{"system": "urn:a"}], "inactive": False},
        "expansion": {"contains": [{"system": "urn:a", "code": "a"}]},
        "contained": [],
    }


def code_system() -> Resource:
    concept = {
        "code": "a",
        "display": "A",
        "property": [{"code": "status", "valueCode": "retired"}],
        "designation": [{"use": {"code": "x"}, "value": "Ah"}],
        "concept": [{"code": "b", "definition": "B"}],
    }
    declared = [{"code": "status", "uri": "urn:status"}]
    return {
        "resourceType": "CodeSystem",
        "url": "urn:a",
        "version": "1",
        "content": "complete",
        "property": declared,
        "concept": [concept],
    }


def concept_map() -> Resource:
    element = {"code": "a", "target": [{"code": "b", "equivalence": "equal"}]}
    group = {"source": "urn:a", "target": "urn:b", "element": [element], "unmapped": {"mode": "fixed", "code": "x"}}
    return {"resourceType": "ConceptMap", "url": "urn:cm", "group": [group]}


def broken(tree: Any, path: list[int], value: Any) -> Any:
    """The tree with the node that the path leads to replaced."""
    if not path or not isinstance(tree, dict | list) or not tree:
        return value
    keys = list(tree) if isinstance(tree, dict) else list(range(len(tree)))
    key = keys[path[0] % len(keys)]
    if key == "resourceType":
        return tree
    changed: Any = dict(tree) if isinstance(tree, dict) else list(tree)
    changed[key] = broken(tree[key], path[1:], value)
    return changed


@settings(max_examples=300)
@given(paths, junk, st.sampled_from([value_set, code_system, concept_map]))
def test_a_broken_resource_is_answered_or_refused(path: list[int], value: Any, make: Any) -> None:
    resources = [
        broken(each(), path, value) if each is make else each() for each in (value_set, code_system, concept_map)
    ]
    if not all(isinstance(each, dict) for each in resources):
        return
    shared = {"tx-resource": resources, "url": ["urn:vs"], "system": ["urn:a"], "code": ["a"], "property": ["*"]}
    calls = [
        lambda: expanded(r4(), Inputs(shared | {"includeDesignations": [True]}), "de"),
        lambda: in_value_set(r4(), Inputs(shared), "de"),
        lambda: looked_up(r4(), Inputs(shared), "de"),
        lambda: related(r4(), Inputs(shared | {"codeA": ["a"], "codeB": ["b"]})),
        lambda: translated(r4(), Inputs({**shared, "url": ["urn:cm"]})),
    ]
    for call in calls:
        try:
            with well_formed():
                dumps(call())
        except FhirError as error:
            assert error.issues
