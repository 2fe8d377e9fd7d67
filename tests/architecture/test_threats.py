"""Each of the 34 threats names tests that exist, and the functions in them."""

import re
from collections.abc import Iterator

import pytest

from tests.architecture.sources import ROOT

PAGE = ROOT / "docs/reference/threats.md"
NUMBERS = range(1, 35)


def rows() -> Iterator[tuple[int, str]]:
    for line in PAGE.read_text("utf-8").splitlines():
        if found := re.match(r"\| (\d+) \| .+? \| (.+) \|$", line):
            yield int(found[1]), found[2]


def test_every_threat_is_told_once() -> None:
    assert [number for number, _ in rows()] == list(NUMBERS)


@pytest.mark.parametrize("tests", [tests for _, tests in rows()], ids=[str(number) for number, _ in rows()])
def test_its_tests_are_there(tests: str) -> None:
    told = re.findall(r"`(tests/[\w/]+\.py)`(?: \(`([^)]*)`\))?", tests)
    assert told, tests
    for file, functions in told:
        text = (ROOT / file).read_text("utf-8")
        assert "def test_" in text or file == "tests/e2e/threats.py"
        for name in re.findall(r"\w+", functions):
            assert name in text, (file, name)
