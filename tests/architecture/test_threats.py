"""Each of the 34 threats, and of the 12 cases in the life of a Consent, names tests that exist."""

import re
from collections.abc import Iterator

import pytest

from tests.architecture.sources import ROOT

PAGES = {"threats": 34, "life-cycle": 12}


def rows(page: str) -> Iterator[tuple[int, str]]:
    for line in (ROOT / f"docs/reference/{page}.md").read_text("utf-8").splitlines():
        if found := re.match(r"\| (\d+) \| .+? \| (.+) \|$", line):
            yield int(found[1]), found[2]


ROWS = [(f"{page} {number}", tests) for page in PAGES for number, tests in rows(page)]


@pytest.mark.parametrize(("page", "count"), PAGES.items())
def test_each_is_told_once(page: str, count: int) -> None:
    assert [number for number, _ in rows(page)] == list(range(1, count + 1))


@pytest.mark.parametrize("tests", [tests for _, tests in ROWS], ids=[name for name, _ in ROWS])
def test_its_tests_are_there(tests: str) -> None:
    told = re.findall(r"`(tests/[\w/]+\.py)`(?: \(`([^)]*)`\))?", tests)
    assert told, tests
    for file, functions in told:
        text = (ROOT / file).read_text("utf-8")
        assert "def test_" in text or file == "tests/e2e/threats.py"
        for name in re.findall(r"\w+", functions):
            assert name in text, (file, name)
