"""Beside fhirpathpy, where `make bench` or `make compliance` has installed it: every difference is explained."""

import pytest

from tests.compliance import suite_fhirpathpy
from tests.compliance.fhirpath_pairs import pairs


def test_differences_are_explained() -> None:
    if not suite_fhirpathpy.is_ready():
        pytest.skip("fhirpathpy is not in .venv-peers; `make compliance` installs it")
    _, total, misses = suite_fhirpathpy.run()
    assert misses == []
    assert total == suite_fhirpathpy.WANTED


def test_every_reason_is_written() -> None:
    lines = suite_fhirpathpy.DIFFERENCES.read_text("utf-8").splitlines()
    reasons = {line[2:].split(":")[0] for line in lines if line.startswith("# ") and line[2].isdigit()}
    assert set(suite_fhirpathpy.explained().values()) == reasons


def test_pairs_are_the_same_on_every_run() -> None:
    first, second = pairs(), pairs()
    assert [next(first) for _ in range(300)] == [next(second) for _ in range(300)]
