"""What runs before found, so that one that broke off goes on where it was: a file of each target in `.mutants`.

A verdict is of one change of one text of a module. That a test told it holds while the file of that test and what
stands beside the tests (set-ups, tables) are as they were; every other verdict while all tests of the target are.
What the module uses of other modules, and tests of set-ups elsewhere, is not asked: `--fresh` forgets what is known.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Final, Literal, TypeAlias, get_args

Outcome: TypeAlias = Literal["killed", "endless", "survived", "unseen"]
"""Told by a test; told because it ran on and on; told by none; run by none."""

_TOOL: Final = ("mutating.py", "replacing.py")
"""The files of this package that say what a mutant is."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a mutant, and the file of the test that told it, "" when no one test did."""

    outcome: Outcome
    told_by: str = ""


class Verdicts:
    """The verdicts of the tests of one target, kept in `file`; `tests` are files and folders below `root`. What
    survived before is not known when it is asked about `again`."""

    def __init__(self, file: Path, root: Path, tests: Sequence[str], *, again: bool = False) -> None:
        self._file = file
        self._root = root
        self._again = again
        asked = sorted(path for test in tests for path in _files(root / test))
        self._beside = [one for one in asked if not one.name.startswith("test_")]
        self._all = _digest(asked)
        self._tool = _digest(Path(__file__).with_name(name) for name in _TOOL)
        self._kept: dict[str, tuple[str, Verdict]] = {}
        for line in file.read_text("utf-8").splitlines() if file.exists() else ():
            self._read(line)

    def known(self, module: str, source: str, number: int) -> Verdict | None:
        """What is known of the mutant of that number of a module's text, None when it must be tried."""
        tests, verdict = self._kept.get(self._mutant(module, source, number), ("", None))
        return verdict if verdict and tests == self._asked(verdict) else None

    def keep(self, module: str, source: str, number: int, verdict: Verdict) -> None:
        """Writes a verdict down at once."""
        mutant, tests = self._mutant(module, source, number), self._asked(verdict)
        self._kept[mutant] = tests, verdict
        self._file.parent.mkdir(exist_ok=True)
        with self._file.open("a", encoding="utf-8") as opened:
            opened.write(json.dumps([mutant, tests, verdict.outcome, verdict.told_by]) + "\n")

    def _read(self, line: str) -> None:
        try:
            mutant, tests, outcome, told_by = json.loads(line)
        except ValueError:  # the run was ended while it wrote
            return
        if outcome in get_args(Outcome):
            self._kept[mutant] = tests, Verdict(outcome, told_by)
        if outcome == "survived" and self._again:
            del self._kept[mutant]

    def _mutant(self, module: str, source: str, number: int) -> str:
        return f"{module} {number} {_hash(self._tool, source)}"

    def _asked(self, verdict: Verdict) -> str:
        """The digest of the tests that a verdict depends on, "" when the one that told it is gone."""
        if not verdict.told_by:
            return self._all
        told_by = self._root / verdict.told_by
        return _digest([*self._beside, told_by]) if told_by.exists() else "gone"


def _files(path: Path) -> list[Path]:
    """The one file, or all of a folder but what Python keeps there."""
    if path.is_file():
        return [path]
    return [one for one in path.rglob("*") if one.is_file() and "__pycache__" not in one.parts]


def _digest(paths: Iterable[Path]) -> str:
    return _hash(*(f"{path.name} {_hash(path.read_bytes())}" for path in paths))


def _hash(*parts: str | bytes) -> str:
    made = blake2b(digest_size=8)
    for part in parts:
        made.update(part.encode() if isinstance(part, str) else part)
    return made.hexdigest()
