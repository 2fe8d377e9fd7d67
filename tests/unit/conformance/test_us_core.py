"""Every profile of US Core: a small resource keeps it, and without any element that it requires is refused."""

from pathlib import Path
from typing import Any

import pytest

from gateway.conformance import Validator
from gateway.core import Resource, yaml
from gateway.definitions import Definitions, r4, read_guides
from gateway.terminology import LocalTerminology
from tests.unit.conformance.test_cases import _plain
from tests.unit.definitions.test_package import US_CORE, us_core

EXAMPLES: dict[str, Resource] = _plain(yaml.load((Path(__file__).parent / "us_core.yaml").read_bytes()).tree)


@pytest.fixture(scope="module")
def definitions() -> Definitions:
    sources, missing = read_guides(us_core())
    assert missing == ()
    return Definitions.of(r4(), *sources)


@pytest.fixture(scope="module")
def validator(definitions: Definitions) -> Validator:
    return Validator(definitions, LocalTerminology(definitions))


def refusals(validator: Validator, tree: Any, profile: str) -> list[tuple[str, str]]:
    found = validator.validate(tree, [US_CORE + profile])
    return [(one.rule.removeprefix("conformance."), one.expression) for one in found if one.blocks]


def test_every_profile_of_the_guide_has_an_example(definitions: Definitions) -> None:
    urls = {
        tree["url"]
        for tree in definitions.all("StructureDefinition")
        if tree["url"].startswith(US_CORE) and tree["type"] != "Extension"
    }
    assert urls == {US_CORE + name for name in EXAMPLES}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_keeps_the_profile(validator: Validator, name: str) -> None:
    assert refusals(validator, EXAMPLES[name], name) == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_without_a_required_element_it_is_refused(validator: Validator, definitions: Definitions, name: str) -> None:
    tree = definitions.tree(US_CORE + name)
    assert tree is not None
    example = EXAMPLES[name]
    required = [path.removesuffix("[x]") for path, node in tree.children.items() if node.element.min > 0]
    for path in required:
        key = next(key for key in example if key.startswith(path))
        broken = {inner: value for inner, value in example.items() if inner != key}
        found = refusals(validator, broken, name)
        assert ("minimum", example["resourceType"]) in found, (path, found)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_subject_of_another_type_is_refused(validator: Validator, name: str) -> None:
    example = EXAMPLES[name]
    key = next((key for key in ("subject", "patient") if key in example), None)
    if key is None:
        return
    broken = {**example, key: {"reference": "Medication/a"}}
    assert ("reference-target", f"{example['resourceType']}.{key}") in refusals(validator, broken, name)
