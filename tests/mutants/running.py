"""Runs the tests of mutants: the tests once, watched, then for each mutant a fork in which those that run its line
are tried until one fails."""

import ast
import gc
import os
import resource
import shutil
import signal
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from _pytest.runner import runtestprotocol
from hypothesis import Phase, settings

from tests.mutants.known import known_survivors, reason
from tests.mutants.mutating import Mutant, mutants
from tests.mutants.replacing import Loaded, put
from tests.mutants.tracing import Traces
from tests.mutants.verdicts import Verdict, Verdicts

ROOT: Final = Path(__file__).parents[2]
MEMORY: Final = 1 << 30
"""Bytes that a mutant may take beside what it starts with."""

PATIENCE: Final = 6.0
"""Seconds of tests that a mutant may survive: of more than that the rest is not tried, and the mutant survives."""

LITTLE_PATIENCE: Final = 0.5
"""The same of a mutant that no test is known to tell."""

ENDLESS: Final = (signal.SIGALRM, signal.SIGXCPU)
STOPPED: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

settings.register_profile(
    "mutants", deadline=None, database=None, derandomize=True, phases=(Phase.explicit, Phase.generate)
)


@dataclass(slots=True)
class Tried:
    """What became of the mutants of a module: how many were tried, of how many it was `known` from before, and which
    survived, `unseen` those that no test runs; `endless` of the killed ran on and on, which counts as told."""

    count: int = 0
    known: int = 0
    survivors: list[Mutant] = field(default_factory=list)
    unseen: list[Mutant] = field(default_factory=list)
    endless: list[Mutant] = field(default_factory=list)

    @property
    def killed(self) -> int:
        """How many a test told."""
        return self.count - len(self.survivors)

    def add(self, mutant: Mutant, verdict: Verdict) -> None:
        """Counts one more."""
        self.count += 1
        if verdict.outcome in ("survived", "unseen"):
            self.survivors.append(mutant)
        if verdict.outcome == "unseen":
            self.unseen.append(mutant)
        if verdict.outcome == "endless":
            self.endless.append(mutant)


class _Last:
    """Stands after the last test of a fork: what lives as long as the session stays."""

    def __init__(self, session: pytest.Session) -> None:
        self._session = session

    def listchain(self) -> list[Any]:
        """Only the session goes on."""
        return [self._session]


class Plugin:
    """Tries the mutants of `modules`, which are some of those `around`, instead of running the tests; `report` is
    called after each with the module, what was found, and whether it was the last."""

    def __init__(
        self,
        modules: Sequence[str],
        around: Sequence[str],
        every: int,
        verdicts: Verdicts,
        report: Callable[[str, Tried, bool], None],
    ) -> None:
        self._modules = modules
        self._around = around
        self._every = every
        self._verdicts = verdicts
        self._report = report
        self._known = known_survivors()
        self._recent: deque[int] = deque(maxlen=5)

    def pytest_collectstart(self) -> None:
        """Examples are the same for each mutant, and none of them is made smaller."""
        settings.load_profile("mutants")

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """One of the two databases is enough to tell a mutant."""
        items[:] = [item for item in items if "postgres" not in item.nodeid]

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Tries all mutants."""
        if session.testsfailed:
            pytest.exit("the tests cannot be collected", 2)
        self._items, self._last = session.items, _Last(session)
        self._factory: Any = session.config._tmp_path_factory  # type: ignore[attr-defined]
        self._traces = self._watched()
        gc.unfreeze()  # of the target before
        self._loaded = Loaded()
        gc.collect()
        gc.freeze()
        self._try_unchanged()
        for module in self._modules:
            self._try_module(module)
        return True

    def _watched(self) -> Traces:
        traces = Traces(path_of(module) for module in self._around)
        for number, item in enumerate(self._items):
            with traces.of(number):
                failed = self._fails(item, self._last)
            if failed:
                pytest.exit(f"fails without any mutant: {item.nodeid}", 2)
        return traces

    def _try_unchanged(self) -> None:
        """The modules as they are, in the place of themselves, survive all tests."""
        sources = {module: path_of(module).read_text("utf-8") for module in self._around}
        whole = "".join(sources.values())
        if self._verdicts.known("", whole, 0) is None:
            trees = {module: ast.parse(source) for module, source in sources.items()}
            verdict = self._verdict(trees, range(len(self._items)))
            if verdict.outcome != "survived":
                pytest.exit("the tests fail in a fork with the modules as they are", 2)
            self._verdicts.keep("", whole, 0, verdict)

    def _try_module(self, module: str) -> None:
        file, tried = path_of(module), Tried()
        source = file.read_text("utf-8")
        importing = [path_of(name) for name in self._loaded.importing(module)]
        named = {number for number, item in enumerate(self._items) if file.stem in item.path.stem}
        for number, mutant in wanted(source, self._every):
            verdict = self._verdicts.known(module, source, number)
            tried.known += verdict is not None
            if verdict is None:
                is_hopeless = bool(reason(self._known, module, mutant))
                patience, first = (LITTLE_PATIENCE, set()) if is_hopeless else (PATIENCE, named)
                tests = self._traces.tests(file, mutant.place, importing, patience, first)
                verdict = self._verdict({module: mutant.tree}, tests) if tests else Verdict("unseen")
                self._verdicts.keep(module, source, number, verdict)
            tried.add(mutant, verdict)
            self._report(module, tried, False)
        self._report(module, tried, True)

    def _verdict(self, changed: Mapping[str, ast.Module], tests: Sequence[int]) -> Verdict:
        """What a fork with changed modules says in which the tests are run until one fails."""
        folder = self._factory.getbasetemp() / "mutant"
        folder.mkdir()
        ordered = list(dict.fromkeys([*(one for one in self._recent if one in tests), *tests]))
        child = os.fork()
        if child == 0:
            self._factory._basetemp = folder
            _bound(sum(self._traces.seconds[test] for test in tests))
            try:
                for module, tree in changed.items():
                    put(module, tree, self._loaded)
                found = self._first_failing(ordered)
                (folder / "killer").write_text("" if found is None else str(found))
            except BaseException:  # a mutant may fail in any way
                found = -1
            os._exit(0 if found is None else 1)
        _, status = os.waitpid(child, 0)
        told_by = self._remembered(folder / "killer")
        shutil.rmtree(folder, ignore_errors=True)
        if status == 0:
            return Verdict("survived")
        ended_by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        if ended_by in STOPPED:
            pytest.exit("somebody ended the fork of a mutant", 2)
        is_endless = ended_by in ENDLESS
        return Verdict("endless" if is_endless else "killed", told_by)

    def _remembered(self, killer: Path) -> str:
        """The file of the test that told a mutant, "" when there is none; its neighbours ask such tests first."""
        if not killer.exists() or not (text := killer.read_text()):
            return ""
        number = int(text)
        if number in self._recent:
            self._recent.remove(number)
        self._recent.appendleft(number)
        return self._items[number].path.relative_to(ROOT).as_posix()

    def _first_failing(self, tests: Sequence[int]) -> int | None:
        if not tests:
            return None
        following = [*(self._items[number] for number in tests[1:]), self._last]
        for number, after in zip(tests, following, strict=True):
            if self._fails(self._items[number], after):
                return number
        return None

    def _fails(self, item: pytest.Item, after: Any) -> bool:
        return any(one.failed for one in runtestprotocol(item, log=False, nextitem=after))


def _bound(seconds: float) -> None:
    """Limits a fork whose tests take so many seconds of the processor without a mutant: several times of that."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    resource.setrlimit(resource.RLIMIT_CPU, (5 + int(2 * seconds), resource.RLIM_INFINITY))
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY, resource.RLIM_INFINITY))
    signal.alarm(60 + int(30 * seconds))


def wanted(source: str, every: int) -> Iterator[tuple[int, Mutant]]:
    """One of so many mutants of a module's text, with its number."""
    return ((number, mutant) for number, mutant in enumerate(mutants(source)) if number % every == 0)


def without_tests(module: str, every: int, verdicts: Verdicts) -> Tried | None:
    """What runs before found of a module, None when some of it must be tried."""
    source, tried = path_of(module).read_text("utf-8"), Tried()
    for number, mutant in wanted(source, every):
        verdict = verdicts.known(module, source, number)
        if verdict is None:
            return None
        tried.known += 1
        tried.add(mutant, verdict)
    return tried


def path_of(module: str) -> Path:
    """The file of a module."""
    return ROOT / f"{module.replace('.', '/')}.py"
