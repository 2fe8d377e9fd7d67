"""Cases of what resources may not say, in files beside this one: every error of each, and no other."""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.conformance import Validator
from gateway.core import Resource, dumps, loads, yaml
from gateway.definitions import Definitions, r4
from gateway.terminology import LocalTerminology
from tests.unit.conformance.test_profiles import Shelf

FOLDER = Path(__file__).parent / "cases"
VALIDATOR = Validator(r4(), LocalTerminology(r4()))


def _cases() -> list[Any]:
    found = []
    for file in sorted(FOLDER.glob("*.yaml")):
        for case in yaml.load(file.read_bytes()).tree:
            found.append(pytest.param(case, id=f"{file.stem}: {case['name']}"))
    return found


def _validator(case: dict[str, Any]) -> Validator:
    if "definitions" not in case:
        return VALIDATOR
    definitions = Definitions.of(r4(), Shelf(*_plain(case["definitions"])))
    return Validator(definitions, LocalTerminology(definitions))


def _plain(tree: Any) -> Any:
    """The tree as JSON has it."""
    return loads(dumps({"a": tree}))["a"]


@pytest.mark.parametrize("case", _cases())
def test_a_case_has_its_errors_and_no_others(case: dict[str, Any]) -> None:
    resource: Resource = _plain(case["resource"])
    found = _validator(case).validate(resource, case.get("profiles", ()))
    told = {level: [] for level in ("error", "warning")} | {}
    for one in found:
        level = "error" if one.blocks else one.severity
        told.setdefault(level, []).append(f"{one.rule.removeprefix('conformance.')} {one.expression}")
    assert sorted(set(told["error"])) == sorted(case["errors"]), json.dumps(told, indent=1)
    if "warnings" in case:
        assert sorted(set(told["warning"])) == sorted(case["warnings"])
