"""Which tests run which lines of the mutated modules."""

import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from tests.mutants.mutating import Place


class Traces:
    """What was seen while each test ran: lines by file, and seconds of the processor."""

    def __init__(self, files: Iterable[Path]) -> None:
        self._files = {str(file) for file in files}
        self._tests: dict[str, dict[int, set[int]]] = {file: defaultdict(set) for file in self._files}
        self.seconds: dict[int, float] = {}
        self._worths: dict[str, dict[int, float]] = {}

    @contextmanager
    def of(self, test: int) -> Iterator[None]:
        """Watches while the test of that number runs."""
        tracer, start = self._tracer(test), time.process_time()
        threading.settrace(tracer)
        sys.settrace(tracer)
        try:
            yield
        finally:
            sys.settrace(None)
            threading.settrace(None)
            self.seconds[test] = time.process_time() - start

    def tests(
        self, file: Path, place: Place, importing: Iterable[Path], patience: float, named: Container[int] = ()
    ) -> list[int]:
        """The tests that run a place: of what runs at import those that run anything of the file, and then those of
        files that import from it.

        First come those `named` after the file, all of them, then as many as take `patience` seconds together; one at
        least. Of both, first those that in little time run what few others do.
        """
        found = self._running(file, None if place.at_import else range(place.first, place.last + 1))
        if place.at_import:
            found = list(dict.fromkeys([*found, *(test for other in importing for test in self._running(other))]))
        found.sort(key=lambda test: test not in named)
        asked, left = [], patience
        for test in found:
            if test in named or self.seconds[test] <= left:
                left -= 0 if test in named else self.seconds[test]
                asked.append(test)
        return asked or found[:1]

    def _running(self, file: Path, wanted: Iterable[int] | None = None) -> list[int]:
        """The tests that run some lines of a file, or any."""
        lines = self._tests.get(str(file), {})
        found = {test for line in (lines if wanted is None else wanted) for test in lines.get(line, ())}
        return sorted(found, key=self._worth(str(file)).__getitem__) if found else []

    def _worth(self, file: str) -> dict[int, float]:
        """Seconds by what a test runs of a file, where a line counts the more the fewer tests run it."""
        if file not in self._worths:
            rare: dict[int, float] = defaultdict(float)
            for tests in self._tests[file].values():
                for test in tests:
                    rare[test] += 1 / len(tests)
            self._worths[file] = {test: self.seconds[test] / one for test, one in rare.items()}
        return self._worths[file]

    def _tracer(self, test: int) -> Callable[[FrameType, str, Any], Any]:
        def seen(frame: FrameType, event: str, _argument: Any) -> Any:
            lines = self._tests[frame.f_code.co_filename]
            lines[frame.f_lineno].add(test)
            return seen

        def called(frame: FrameType, event: str, argument: Any) -> Any:
            return seen(frame, event, argument) if frame.f_code.co_filename in self._files else None

        return called
