"""Elements that are read when they are asked for."""

from typing import Any

import pytest

from gateway.definitions import r4
from gateway.definitions.elements import Elements

NODES: list[dict[str, Any]] = [
    {"path": "Thing", "min": 0, "max": "*"},
    {"path": "Thing.id", "min": 0, "max": "1", "type": [{"code": "string"}]},
    {"path": "Thing.part", "min": 0, "max": "*", "type": [{"code": "BackboneElement"}]},
    {"path": "Thing.part", "sliceName": "a", "min": 1, "max": "1"},
    {"path": "Thing.part.part", "contentReference": "#Thing.part"},
    {"path": "Thing.wrong", "max": "many"},
]


def test_nothing_is_read_that_is_not_asked_for() -> None:
    elements = Elements(NODES, of_resource=True)
    assert len(elements) == 6
    assert elements[2] is elements[2]
    assert list(elements.below("Thing.part")) == ["part"]
    assert elements.reference("Thing.part.part") == "#Thing.part"
    assert elements.reference("Thing.part") is None
    assert elements.below("Thing.nothing") == {}
    assert [element.slice_name for element in elements[2:4]] == [None, "a"]
    with pytest.raises(ValueError, match="many"):
        tuple(elements)


def test_the_id_of_resources_has_the_type_id() -> None:
    assert [Elements(NODES, of_resource=which)[1].types[0].code for which in (True, False)] == ["id", "string"]


def test_equal_definitions_are_equal() -> None:
    one, other = Elements(NODES, of_resource=True), Elements([dict(node) for node in NODES], of_resource=True)
    assert one == other
    assert hash(one) == hash(other)
    assert one != Elements(NODES[:-1], of_resource=True)
    assert one != tuple(NODES)


def test_what_is_below_is_what_the_paths_say() -> None:
    for name in ("Questionnaire", "Consent", "ExplanationOfBenefit"):
        structure = r4().structure(name)
        assert structure is not None
        for element in structure.elements:
            parent = element.path.rpartition(".")[0]
            assert parent == "" or structure.elements.below(parent)[element.name] is element
