"""Every wrong file is told whole: each fault by its rule, on its line. `#! rule` in a file marks the line."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.definitions import r4
from gateway.mapping.registry import read_mapping
from gateway.terminology import LocalTerminology
from tests.unit.mapping.files import emit, surroundings

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


@pytest.mark.parametrize("wrong", [b"\xe9", b"\x00"], ids=["latin-1", "NUL"])
def test_bytes_that_are_no_text_have_their_line(wrong: bytes, tmp_path: Path) -> None:
    data = emit("").encode()
    tmp_path.joinpath("mapping.yaml").write_bytes(data.replace(b"status: final", b"status: fin" + wrong, 1))
    line = data[: data.index(b"status: final")].count(b"\n") + 1
    mapping, issues = read_mapping(tmp_path, "wrong", surroundings())
    assert mapping is None
    assert [(found.rule, int(found.mapping.split(":")[1])) for found in issues] == [("mapping.yaml", line)]


def test_literal_codes_are_of_their_required_value_set(tmp_path: Path) -> None:
    text = emit("component: [{code: {text: a}, valueQuantity: {value: =v, comparator: about}}]")
    tmp_path.joinpath("mapping.yaml").write_text(text.replace("status: final", "status: finished"), "utf-8")
    around = replace(surroundings(), terminology=LocalTerminology(r4()))
    _, issues = read_mapping(tmp_path, "wrong", around)
    assert [found.rule for found in issues] == ["mapping.code-not-bound"] * 2
    assert "observation-status" in issues[0].message


def test_there_are_cases() -> None:
    assert len(CASES) > 20
