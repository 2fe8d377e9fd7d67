"""`python -m tests.compliance [NAME ...]`: runs the suites and ends with one line each, `NAME passed/total`.

A suite is a module `suite_*.py` with `NAME` and `run() -> (passed, total, misses)`, or with `SUITES`, a dict from
name to such a function. A suite whose data are not here prints `NAME skipped: why`. Exit code 1 when a suite has
fewer passes than `expected.tsv` beside this file says it had.
"""

import importlib
import pkgutil
import sys
from collections.abc import Callable
from pathlib import Path

import tests.compliance

Run = Callable[[], tuple[int, int, list[str]]]

EXPECTED = Path(__file__).with_name("expected.tsv")


def suites() -> dict[str, Run]:
    """Every suite by its name, in the order of their names."""
    found: dict[str, Run] = {}
    for module_info in pkgutil.iter_modules(tests.compliance.__path__):
        if not module_info.name.startswith("suite_"):
            continue
        module = importlib.import_module(f"tests.compliance.{module_info.name}")
        found.update(getattr(module, "SUITES", None) or {module.NAME: module.run})
    return dict(sorted(found.items()))


def expected() -> dict[str, int]:
    """How many cases of each suite are known to pass; a lower number is a regression."""
    lines = EXPECTED.read_text("utf-8").splitlines()
    return {name: int(passes) for name, passes in (line.split("\t") for line in lines if line)}


def main(names: list[str]) -> int:
    """Runs the named suites (all without names); prints misses first, then a line a suite."""
    known, lines, failed = expected(), [], False
    for name, run in suites().items():
        if names and name not in names:
            continue
        try:
            passed, total, misses = run()
        except FileNotFoundError as missing:
            lines.append(f"{name} skipped: {missing}")
            continue
        for miss in misses:
            print(f"{name}: {miss}")
        failed |= passed < known.get(name, 0)
        lines.append(f"{name} {passed}/{total}")
    print("\n".join(lines))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
