"""Running the tests of a module against one mutant of it, in a fork that imports the mutant in its place."""

import ast
import importlib.abc
import importlib.machinery
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

from tests.mutants.mutating import Mutant, mutants

ROOT: Final = Path(__file__).parents[2]
SECONDS: Final = 60
"""A mutant that runs longer is killed, and counts so: it does not end."""

KEPT: Final = ("core", "definitions", "fhirpath", "search", "terminology", "study", "conformance", "store")
"""Packages of the product that no mutant is in, nor in what they import: a child need not import them again, and the
classes of tables cannot be made twice."""


@dataclass(frozen=True, slots=True)
class Target:
    """Modules, by their dotted names, and the tests that must tell each mutant of them."""

    name: str
    modules: tuple[str, ...]
    tests: tuple[str, ...]


class Instead(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives the mutant when its module is imported."""

    def __init__(self, module: str, tree: ast.Module) -> None:
        self._module = module
        self._tree = tree

    def find_spec(self, name: str, path: Any, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        """The mutant's, None for every other module."""
        return importlib.machinery.ModuleSpec(name, self) if name == self._module else None

    def exec_module(self, module: ModuleType) -> None:
        """Runs the mutant's code."""
        exec(compile(self._tree, self._module, "exec"), module.__dict__)


def survivors(target: Target, stride: int = 1) -> tuple[int, list[tuple[str, Mutant]]]:
    """How many mutants were tried, each or one of `stride`, and those that no test tells, with their modules."""
    if _run(target.tests, quiet=False) != 0:  # and what the children need is imported
        sys.exit(f"the tests of {target.name} fail without any mutant")
    count, found = 0, []
    for module in target.modules:
        source = (ROOT / f"{module.replace('.', '/')}.py").read_text("utf-8")
        if _is_killed(target, module, Mutant(0, "none", ast.parse(source))):
            sys.exit(f"the tests of {target.name} fail in a child with {module} as it is")
        for mutant in islice(mutants(source), 0, None, stride):
            count += 1
            if not _is_killed(target, module, mutant):
                found.append((module, mutant))
    return count, found


def _is_killed(target: Target, module: str, mutant: Mutant) -> bool:
    child = os.fork()
    if child == 0:
        signal.alarm(SECONDS)
        _forget(module)
        sys.meta_path.insert(0, Instead(module, mutant.tree))
        os._exit(_run(target.tests, quiet=True))
    _, status = os.waitpid(child, 0)
    return status != 0


def _forget(module: str) -> None:
    """The module and all that may have taken something from it are imported anew."""
    kept = tuple(f"gateway.{name}" for name in KEPT)
    for name in list(sys.modules):
        if (
            name == module
            or name.startswith("tests.unit")
            or (name.startswith("gateway.") and not name.startswith(kept))
        ):
            del sys.modules[name]


def _run(tests: Sequence[str], *, quiet: bool) -> int:
    """The exit code of the tests; what they print goes nowhere when `quiet`."""
    if quiet:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
    options = ["-x", "-q", "-n", "0", "-p", "no:cacheprovider", "--no-header", "--no-summary"]
    options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
    try:
        return int(pytest.main([*options, *(str(ROOT / test) for test in tests)]))
    except BaseException:  # a mutant may fail in any way
        return 1
