"""In every mapping that tells its records one that is none is kept out alone, and the others are what they were."""

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from gateway.core.assets import asset_root
from gateway.core.errors import FhirError
from gateway.formats import Decoded, decode, json_pointer
from gateway.mapping import Facts, MappedUnit, Mapping
from gateway.mapping.tools.examples import RECEIVED, STUDY, participant
from tests.mapping_runs import registry

WHOLE = {
    "wearable.fitbit.activity": "a payload is one day of one thing",
    "wearable.fitbit.daily": "a payload is one day of one thing",
    "wearable.fitbit.heart-rate": "a payload is one day",
    "lab.hl7v2.oru-r01": "a patient's results without one of them are not what the laboratory sent",
}
"""Mappings whose payloads are taken whole or not at all."""

MAPPINGS = sorted(mapping.id for mapping in registry().all())


@cache
def payloads(name: str) -> tuple[tuple[Any, Facts], ...]:
    """The mapping's own examples that fit its schema, also as one of several."""
    mapping, found = registry().get(name), []
    for case in sorted(Path(str(asset_root("mappings")), mapping.folder, "examples").iterdir()):
        envelope = case / "envelope.json"
        told = json.loads(envelope.read_text("utf-8")) if envelope.is_file() else {}
        try:
            body = next(case.glob("payload.*")).read_bytes()
            tree = decode(body, mapping.format, mapping.source.options).tree
        except FhirError:
            continue
        for payload in (tree, [tree], {"data": [tree]}):
            if mapping.takes(payload) and not mapping.check_payload(payload):
                found.append((payload, Facts(STUDY, told, RECEIVED, "0" * 64, participant)))
    return tuple(found)


def lists(tree: Any) -> list[list[Any]]:
    """Every list of the tree that has objects in it."""
    found = []
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list) and any(isinstance(child, dict) for child in node):
            found.append(node)
        waiting += [
            child for child in (node.values() if isinstance(node, dict) else node) if isinstance(child, dict | list)
        ]
    return found


def left_out(mapping: Mapping, tree: Any, facts: Facts) -> bool:
    """Whether one of the lists takes a text among its items, with all else as it was."""
    before, changed = mapping.map(Decoded(tree, json_pointer), facts), copy.deepcopy(tree)
    for items in lists(changed):
        items.insert(1, "no record")
        after = mapping.map(Decoded(changed, json_pointer), facts)
        told = {found.rule for found in after.units[-1].issues} if after.units else set()
        if told == {"mapping.record-invalid"}:
            assert [made(unit) for unit in after.units[:-1]] == [made(unit) for unit in before.units]
            return True
        items.pop(1)
    return False


def made(unit: MappedUnit) -> tuple[Any, list[str]]:
    return unit.resources, [found.rule for found in unit.issues]


@pytest.mark.parametrize("name", MAPPINGS)
def test_what_is_no_record_stays_out_alone(name: str) -> None:
    mapping = registry().get(name)
    assert any(left_out(mapping, tree, facts) for tree, facts in payloads(name)) is (name not in WHOLE)
