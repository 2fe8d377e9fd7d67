"""Each wrong mapping file is told of on the right line. `#! rule` in a file marks the line of a finding, `@N` behind
it its column, and `+N` that it is so many lines below the mark, within a text that takes no comment."""

import re
import shutil
from pathlib import Path

import pytest

from gateway.core.assets import asset_root
from gateway.definitions import r4
from gateway.mapping.language.load import Surroundings
from gateway.mapping.registry import read_mapping
from gateway.terminology import LocalTerminology

FOLDER = Path(__file__).parent / "mappings_broken"
CASES = sorted(FOLDER.glob("*.yaml"))
SIDE_FILES = ("payload.schema.json", "u.json", "wrong-map.json", "t.csv", "quotes.csv")
_MARK = re.compile(r"#! ([a-z.-]+)(?:@(\d+))?(?:\+(\d+))?")


@pytest.fixture(scope="module")
def around() -> Surroundings:
    return Surroundings(r4(), LocalTerminology(r4()), (asset_root("terminology"),))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_lint_names_the_line(path: Path, tmp_path: Path, around: Surroundings) -> None:
    text = path.read_text("utf-8")
    for name in SIDE_FILES:
        shutil.copy(FOLDER / name, tmp_path / name)
    tmp_path.joinpath("mapping.yaml").write_text(text, "utf-8")
    _, issues = read_mapping(tmp_path, "wrong", around)
    marks = [(*mark, number) for number, line in enumerate(text.splitlines(), 1) for mark in _MARK.findall(line)]
    wanted = {(rule, number + int(below or 0)) for rule, _, below, number in marks}
    columns = {(rule, number + int(below or 0), int(at)) for rule, at, below, number in marks if at}
    found = {(one.rule, int(one.mapping.split(":")[1]), int(one.mapping.split(":")[2])) for one in issues}
    assert wanted
    assert {place[:2] for place in found} == wanted, [(one.rule, one.mapping, one.message) for one in issues]
    assert columns <= found
    assert all(column > 0 for _, _, column in found)


def test_there_are_a_hundred() -> None:
    assert len(CASES) >= 100
