"""Every wrong file is told whole: each fault by its rule, on its line. `#! rule` in a file marks the line."""

import re
from pathlib import Path

import pytest

from gateway.mapping.registry import read_mapping
from tests.unit.mapping.files import surroundings

FOLDER = Path(__file__).parent / "wrong"
CASES = sorted(FOLDER.glob("*.yaml"))
_MARK = re.compile(r"#! ([a-z.-]+)")


def _expected(text: str) -> set[tuple[str, int]]:
    lines = enumerate(text.splitlines(), 1)
    return {(rule, number) for number, line in lines for rule in _MARK.findall(line)}


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_every_fault_has_its_line(path: Path, tmp_path: Path) -> None:
    text = path.read_text("utf-8")
    tmp_path.joinpath("mapping.yaml").write_text(text, "utf-8")
    mapping, issues = read_mapping(tmp_path, "wrong", surroundings())
    found = {(found.rule, int(found.mapping.split(":")[1])) for found in issues}
    assert found == _expected(text), [(found.rule, found.mapping, found.message) for found in issues]
    assert (mapping is None) == any(found.blocks for found in issues)


def test_there_are_cases() -> None:
    assert len(CASES) > 20
