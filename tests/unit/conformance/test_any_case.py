"""The cases beside this file with something strange in one place: findings, never an exception."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core import Issue, Resource, loads, yaml
from gateway.definitions import r4
from tests.unit.conformance.test_cases import FOLDER, VALIDATOR, _plain

STRANGE = st.sampled_from(
    [None, True, 0, -1, "", " ", "#", "urn:uuid:", "Patient/", "a" * 300, "\x00", [], {}, [[]], [None], [{}],
     {"a": {}}, {"resourceType": "Bundle", "type": "document"}, ["Patient"], {"": 1}]
)  # fmt: skip
TREES: list[Resource] = [
    _plain(case["resource"])
    for file in sorted(Path(FOLDER).glob("*.yaml"))
    for case in yaml.load(file.read_bytes()).tree
    if "definitions" not in case
]


def places(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_strange_value_anywhere_is_judged(data: st.DataObject) -> None:
    tree = copy.deepcopy(data.draw(st.sampled_from(TREES)))
    *above, last = data.draw(st.sampled_from(list(places(tree))))
    node: Any = tree
    for key in above:
        node = node[key]
    node[last] = data.draw(STRANGE)
    first = VALIDATOR.validate(tree)
    assert all(isinstance(one, Issue) for one in first)
    assert first == VALIDATOR.validate(tree), "the order of findings changes"


@pytest.mark.parametrize("strange", [[], {}, ["unknown"], {"a": {}}, 1, None], ids=repr)
def test_a_code_of_an_extension_that_is_no_text_is_judged(strange: object) -> None:
    absent = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": strange}
    found = VALIDATOR.validate({"resourceType": "Patient", "_birthDate": {"extension": [absent]}})
    assert any(one.severity == "error" for one in found)


def document(entries: list[dict[str, Any]]) -> Resource:
    composition = {
        "resourceType": "Composition",
        "id": "c",
        "status": "final",
        "type": {"text": "a"},
        "date": "2026-01-01",
        "author": [{"reference": "Patient/0"}],
        "title": "a",
    }
    return {
        "resourceType": "Bundle",
        "type": "document",
        "identifier": {"system": "urn:a:b", "value": "1"},
        "timestamp": "2026-01-01T00:00:00Z",
        "entry": [{"fullUrl": "http://a.org/Composition/c", "resource": composition}, *entries],
    }


@pytest.mark.parametrize("size", [10, 3000])
def test_a_chain_a_circle_and_a_thousand_versions_end(size: int) -> None:
    def patient(number: int, other: int) -> dict[str, Any]:
        link = {"other": {"reference": f"Patient/{other}"}, "type": "seealso"}
        return {"resourceType": "Patient", "id": str(number), "link": [link]}

    chain = [
        {"fullUrl": f"http://a.org/Patient/{number}", "resource": patient(number, (number + 1) % size)}
        for number in range(size)
    ]
    versions = [
        {
            "fullUrl": "http://a.org/Patient/v",
            "resource": {**patient(0, 0), "id": "v", "meta": {"versionId": str(number)}},
        }
        for number in range(size)
    ]
    refers = [{"other": {"reference": f"Patient/v/_history/{number}"}, "type": "seealso"} for number in range(size)]
    versions[0]["resource"]["link"] = refers
    assert [one for one in VALIDATOR.validate(document(chain)) if one.blocks] == []
    assert [one for one in VALIDATOR.validate(document([*chain, *versions])) if one.blocks] == []


def test_definitions_of_each_other_and_paths_of_thousands_of_steps() -> None:
    element = {"id": "a", "path": "Patient" + ".contact" * 3000, "slicing": {"discriminator": [
        {"type": "value", "path": ".".join(["value"] * 3000)}]}}  # fmt: skip
    profile = {
        "resourceType": "StructureDefinition",
        "url": "http://a.org/p",
        "name": "P",
        "status": "active",
        "kind": "resource",
        "abstract": False,
        "type": "Patient",
        "derivation": "constraint",
        "baseDefinition": "http://a.org/p",
        "differential": {"element": [element]},
    }
    rules = {one.rule for one in VALIDATOR.validate(profile)}
    assert "conformance.definition-path" in rules
    assert r4().with_snapshot(profile) is None


def test_ten_thousand_questions_inside_each_other() -> None:
    item: Resource = {"linkId": "a", "type": "group"}
    for _ in range(5000):
        item = {"linkId": "a", "type": "group", "item": [item]}
    tree = {"resourceType": "Questionnaire", "status": "active", "item": [item]}
    assert any(one.blocks for one in VALIDATOR.validate(loads(b"{}") | tree))
