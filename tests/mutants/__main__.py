"""`python -m tests.mutants [NAME ...] [--every N]`: see `--help`."""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Final, TextIO

import pytest

from tests.mutants.known import known_survivors, outdated, reason
from tests.mutants.mutating import Mutant
from tests.mutants.page import write
from tests.mutants.running import ROOT, Plugin, Tried, without_tests
from tests.mutants.verdicts import Verdicts

WANTED: Final = 0.9

TARGETS: Final = {
    "consent": ("tests/unit/consent",),
    "auth.jose": ("tests/unit/auth/test_jose.py", "tests/unit/auth/test_jose_bounds.py"),
    "auth.scopes": ("tests/unit/auth/test_scopes.py",),
    "access": ("tests/unit/access",),
    "export.deidentify": (
        "tests/unit/export/test_deidentifier.py",
        "tests/unit/export/test_deidentify.py",
        "tests/unit/export/test_deidentify_keys.py",
        "tests/unit/export/test_deidentify_installed.py",
        "tests/unit/export/test_deidentify_methods.py",
        "tests/unit/export/test_deidentify_paths.py",
        "tests/unit/export/test_deidentify_plan.py",
        "tests/unit/export/test_deidentify_policy.py",
        "tests/unit/export/test_deidentify_shapes.py",
        "tests/unit/export/test_deidentify_shapes_known.py",
        "tests/unit/export/test_deidentify_subjects.py",
        "tests/unit/export/test_deidentify_walk.py",
        "tests/unit/export/test_reach.py",
        "tests/property/test_deidentified_bodies_equal_trees.py",
    ),
}
"""What is mutated, packages with all their modules, and the tests that must tell each mutant of it."""

OPTIONS: Final = (
    *("-q", "-s", "--no-header", "-o", "addopts=--import-mode=importlib", "-p", "no:cacheprovider", "-p", "no:xdist"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),
    *("--assert=plain", "--tb=native", "-p", "no:logging"),  # that it failed is enough to know
)
KNOWN: Final = ROOT / ".mutants"
"""Where the verdicts of a target are kept."""

SECONDS: Final = 10
"""Between two signs of life."""

DESCRIPTION: Final = """\
Mutation testing: each small change of a module (a comparison turned, a condition negated, a constant changed, a
statement left out) must make a test fail. Without names, everything is tried.

Prints for each module the mutants that survived and `NAME killed/mutants percent`, in the end the same for each
target. A survivor that no test can tell is in tests/mutants/survivors.yaml, with the reason; it counts as a survivor
all the same.

A run that breaks off goes on where it was: verdicts are kept in .mutants, each for the text of the module and of the
tests that it depends on. What a module uses of other modules is not looked at: --fresh tries everything again."""

EPILOG: Final = """\
examples:
  python -m tests.mutants                           everything
  python -m tests.mutants auth.jose access.writing.gate     two modules
  python -m tests.mutants access --every 10         one of ten mutants of each module of a package

The exit code is 1 when fewer than nine in ten mutants of a target are killed, 2 when the tests fail as they are."""


def modules_of(target: str) -> list[str]:
    """The modules of a target that can be mutated: a package's, in all its rooms, or the one."""
    folder = ROOT / "gateway" / target.replace(".", "/")
    files = sorted(file.relative_to(ROOT) for file in folder.rglob("*.py") if file.stem != "__init__")
    return [".".join(file.with_suffix("").parts) for file in files] or [f"gateway.{target}"]


class Progress:
    """Prints what was found, survivors with the reason when there is one."""

    def __init__(self, every: int) -> None:
        self.found: dict[str, Tried] = {}
        self._is_whole = every == 1
        self._known = known_survivors()
        self._start = self._told = time.monotonic()

    def __call__(self, module: str, tried: Tried, is_last: bool) -> None:
        """Tells where it is from time to time, and what was found at the end of a module."""
        name, now = module.removeprefix("gateway."), time.monotonic()
        if not is_last:
            if now - self._told > SECONDS:
                self._told = now
                self._say(f"  ... {name}: {tried.count} tried, {len(tried.survivors)} survived", sys.stderr)
            return
        self.found[module] = tried
        for mutant in tried.survivors:
            why = reason(self._known, module, mutant) or ("no test runs it" if mutant in tried.unseen else "")
            self._say(f"  survived: {self._words(module, mutant)}{why and f' ({why})'}")
        for text in outdated(self._known, module, tried.survivors) if self._is_whole else ():
            self._say(f"  is in survivors.yaml and did not survive: {module} {text}")
        for mutant in tried.endless:
            self._say(f"  did not end: {self._words(module, mutant)}")
        known = f", {tried.known} known from before" if tried.known else ""
        self._say(f"{counted(name, tried.killed, tried.count)} ({now - self._start:.0f} s{known})")

    def _words(self, module: str, mutant: Mutant) -> str:
        return f"{module}:{mutant.line} {mutant.place.within} {mutant.change}"

    def _say(self, text: str, stream: TextIO | None = None) -> None:
        print(text, file=stream or sys.stdout, flush=True)


def counted(name: str, killed: int, count: int) -> str:
    """The line of a module or target."""
    return f"{name} {killed}/{count} {killed / count if count else 1:.1%}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m tests.mutants", None, DESCRIPTION, EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", nargs="*", help="a target or a module of it, of: " + ", ".join(TARGETS))
    parser.add_argument("--every", type=int, default=1, metavar="N", help="try one of N mutants (default: each)")
    parser.add_argument("--fresh", action="store_true", help="forget what runs before found")
    parser.add_argument("--again", action="store_true", help="ask about what survived before once more")
    parser.add_argument("--page", action="store_true", help="write the table of docs/reference/mutants.md")
    return parser


def main(arguments: list[str]) -> int:
    """Tries the mutants of the named targets and modules, of all without names."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    wanted = {
        target: list(
            dict.fromkeys(
                module
                for name in asked.name or [target]
                for module in modules_of(target)
                if _is_asked(name, target, module)
            )
        )
        for target in TARGETS
    }
    for name in asked.name:
        if not any(_is_asked(name, target, module) for target in TARGETS for module in modules_of(target)):
            parser.error(f"no such target or module: {name}")
    progress, code = Progress(asked.every), 0
    for target, modules in wanted.items():
        if modules and code == 0:
            code = _run(target, modules, asked, progress)
    for target, modules in wanted.items():
        tried = [progress.found[module] for module in modules if module in progress.found]
        killed, count = sum(one.killed for one in tried), sum(one.count for one in tried)
        if tried:
            sys.stdout.write(f"{counted(target, killed, count)}\n")
            code = code or int(killed < WANTED * count)
    if asked.page and code != 2:
        write(wanted, progress.found)
    return code


def _is_asked(name: str, target: str, module: str) -> bool:
    return name in (target, module.removeprefix("gateway."))


def _run(target: str, modules: list[str], asked: argparse.Namespace, progress: Progress) -> int:
    """Tries the modules that are not known from before; the exit code, 0 when the tests pass as they are."""
    file = KNOWN / f"{target}.jsonl"
    if asked.fresh:
        file.unlink(missing_ok=True)
    verdicts = Verdicts(file, ROOT, TARGETS[target], again=asked.again)
    known = {module: without_tests(module, asked.every, verdicts) for module in modules}
    for module, tried in known.items():
        if tried:
            progress(module, tried, True)
    left = [module for module, tried in known.items() if tried is None]
    if not left:
        return 0
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(ROOT / test) for test in TARGETS[target]]
        plugin = Plugin(left, modules_of(target), asked.every, verdicts, progress)
        found = pytest.main([*OPTIONS, f"--basetemp={folder}/tests", *paths], [plugin])
    return 2 if found not in (0, 5) else 0


if __name__ == "__main__":
    os.chdir(Path(ROOT))
    sys.exit(main(sys.argv[1:]))
