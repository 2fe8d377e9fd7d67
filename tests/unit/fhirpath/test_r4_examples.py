"""R4's own expressions on R4's own examples, in slices that run beside each other."""

from typing import Final

import pytest

from gateway.core import loads
from gateway.definitions import r4
from tests.compliance import suite_r4_invariants, suite_r4_search_parameters

SLICES: Final = 6


@pytest.mark.parametrize("number", range(SLICES))
def test_examples(number: int) -> None:
    try:
        files = suite_r4_search_parameters.examples()[number::SLICES]
    except FileNotFoundError as missing:
        pytest.skip(str(missing))
    known, used, total = suite_r4_invariants.known(), set[str](), 0
    for file in files:
        example = loads(file.read_bytes())
        evaluated, failed = suite_r4_search_parameters.findings(example, used)
        invariants, broken = suite_r4_invariants.findings(example)
        total += evaluated + invariants
        assert failed == [], file.name
        assert [(key, place) for key, place in broken if (file.name, key) not in known] == [], file.name
    assert total > 9_000
    assert len(used) > 500


def test_parameters_of_a_resource_without_elements_give_nothing() -> None:
    for name in r4().types():
        total, failed = suite_r4_search_parameters.findings({"resourceType": name}, set())
        assert total > 0
        assert failed == []
