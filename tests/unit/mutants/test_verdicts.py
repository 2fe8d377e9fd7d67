"""A verdict holds as long as the text of the module and the tests that it depends on."""

from pathlib import Path
from typing import Final

import pytest

from tests.mutants.verdicts import Verdict, Verdicts

MODULE, SOURCE = "gateway.mutated", "LIMIT = 3\n"
TOLD, SURVIVED = Verdict("killed", "tests/area/test_one.py"), Verdict("survived")
TESTS: Final = {"conftest.py": "", "area/set_up.py": "", "area/test_one.py": "", "area/test_two.py": ""}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in TESTS.items():
        file = tmp_path / "tests" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


def opened(root: Path) -> Verdicts:
    return Verdicts(root / "kept" / "area.jsonl", root, ["tests/area"])


def known(root: Path, source: str = SOURCE) -> list[Verdict | None]:
    """What a later run knows of the mutants that were told, that survived, and that nobody tried."""
    verdicts = opened(root)
    return [verdicts.known(MODULE, source, number) for number in range(3)]


@pytest.fixture
def kept(root: Path) -> Path:
    verdicts = opened(root)
    for number, verdict in enumerate((TOLD, SURVIVED)):
        verdicts.keep(MODULE, SOURCE, number, verdict)
        assert verdicts.known(MODULE, SOURCE, number) == verdict
    return root


def test_a_later_run_knows_what_was_kept(kept: Path) -> None:
    assert known(kept) == [TOLD, SURVIVED, None]
    assert known(kept, "LIMIT = 4\n") == [None, None, None]
    assert opened(kept).known("gateway.other", SOURCE, 0) is None


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ("area/test_one.py", [None, None, None]),
        ("area/test_two.py", [TOLD, None, None]),
        ("area/test_new.py", [TOLD, None, None]),
        ("area/set_up.py", [None, None, None]),
        ("area/table.yaml", [None, None, None]),
        ("area/conftest.py", [None, None, None]),
        ("conftest.py", [TOLD, SURVIVED, None]),
        ("elsewhere/test_one.py", [TOLD, SURVIVED, None]),
    ],
)
def test_a_verdict_goes_with_what_it_depends_on(kept: Path, changed: str, expected: list[Verdict | None]) -> None:
    file = kept / "tests" / changed
    file.parent.mkdir(exist_ok=True)
    file.write_text("changed = True\n")
    assert known(kept) == expected


def test_what_told_it_is_gone(kept: Path) -> None:
    (kept / "tests/area/test_one.py").unlink()
    assert known(kept) == [None, None, None]


def test_a_line_that_was_not_finished_is_not_known_and_the_last_one_counts(kept: Path) -> None:
    file = kept / "kept" / "area.jsonl"
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines)[:-10])
    assert known(kept) == [TOLD, None, None]
    file.write_text("".join(lines) + lines[0].replace("killed", "endless"))
    assert known(kept) == [Verdict("endless", TOLD.told_by), SURVIVED, None]


def test_what_survived_may_be_asked_again(kept: Path) -> None:
    verdicts = Verdicts(kept / "kept" / "area.jsonl", kept, ["tests/area"], again=True)
    assert [verdicts.known(MODULE, SOURCE, number) for number in range(2)] == [TOLD, None]
    verdicts.keep(MODULE, SOURCE, 1, TOLD)
    assert known(kept) == [TOLD, TOLD, None]
