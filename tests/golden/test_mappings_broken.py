"""Each wrong mapping file is told of on the right line. `#! rule` in a file marks the line of a finding."""

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
_MARK = re.compile(r"#! ([a-z.-]+)")


@pytest.fixture(scope="module")
def around() -> Surroundings:
    return Surroundings(r4(), LocalTerminology(r4()), (asset_root("terminology"),))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_lint_names_the_line(path: Path, tmp_path: Path, around: Surroundings) -> None:
    text = path.read_text("utf-8")
    for name in ("payload.schema.json", "u.json"):
        shutil.copy(FOLDER / name, tmp_path / name)
    tmp_path.joinpath("mapping.yaml").write_text(text, "utf-8")
    _, issues = read_mapping(tmp_path, "wrong", around)
    wanted = {(rule, number) for number, line in enumerate(text.splitlines(), 1) for rule in _MARK.findall(line)}
    found = {(one.rule, int(one.mapping.split(":")[1])) for one in issues}
    assert wanted
    assert found == wanted, [(one.rule, one.mapping, one.message) for one in issues]
    assert all(int(one.mapping.split(":")[2]) > 0 for one in issues)


def test_there_are_a_hundred() -> None:
    assert len(CASES) >= 100
