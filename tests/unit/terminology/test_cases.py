"""Cases of the terminology operations, in files beside this one, asked as HTTP asks them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.core import Resource, dumps, loads, yaml
from gateway.core.errors import FhirError
from gateway.definitions import r4
from gateway.rest.operation.declaration import Inputs
from gateway.rest.operations.expand import expanded
from gateway.rest.operations.lookup import looked_up
from gateway.rest.operations.subsumes import related
from gateway.rest.operations.translate import translated
from gateway.rest.operations.validate_code import in_value_set

FILES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))

OPERATIONS: dict[str, Callable[[Inputs], Resource]] = {
    "expand": lambda inputs: expanded(r4(), inputs, ""),
    "validate-code": lambda inputs: in_value_set(r4(), inputs, ""),
    "lookup": lambda inputs: looked_up(r4(), inputs, ""),
    "subsumes": lambda inputs: related(r4(), inputs),
    "translate": lambda inputs: translated(r4(), inputs),
}


def _plain(tree: Any) -> Any:
    """The tree as JSON has it."""
    return loads(dumps({"a": tree}))["a"]


def _cases() -> Iterator[Any]:
    for file in FILES:
        tree = _plain(yaml.load(file.read_bytes()).tree)
        for case in tree["cases"]:
            yield pytest.param(tree["resources"], case, id=f"{case['operation']}: {case['name']}")


def _codes(nodes: list[Resource], depth: int = 0) -> Iterator[str]:
    for node in nodes:
        yield ">" * depth + str(node["code"])
        yield from _codes(node.get("contains", []), depth + 1)


def _values(answer: Resource) -> dict[str, Any]:
    return {
        entry["name"]: next((value for name, value in entry.items() if name.startswith("value")), entry)
        for entry in answer.get("parameter", ())
    }


@pytest.mark.parametrize(("resources", "case"), list(_cases()))
def test_a_case_is_answered_as_it_says(resources: list[Resource], case: dict[str, Any]) -> None:
    given = {name: [value] for name, value in case["inputs"].items()}
    inputs = Inputs({**given, "tx-resource": resources})
    try:
        answer = OPERATIONS[case["operation"]](inputs)
    except FhirError as error:
        assert [one.rule for one in error.issues] == [case.get("refused")]
        return
    assert "refused" not in case, answer
    if "codes" in case:
        assert list(_codes(answer["expansion"].get("contains", []))) == case["codes"]
    found = _values(answer)
    assert {name: found.get(name) for name in case.get("values", ())} == case.get("values", {}), found
    if "rules" in case:
        issues = found["issues"]["resource"]["issue"]
        assert [entry["details"]["coding"][0]["code"] for entry in issues] == case["rules"]
