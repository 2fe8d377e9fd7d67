"""fhirpathpy, the reference of the FHIRPath benchmark, in a virtual environment and a process of its own.

Run as a script by that environment's Python it answers a JSON request a line: `{"do": "evaluate", ...}` gives the
result of an expression, `{"do": "time", ...}` the seconds of many evaluations of it once compiled, and
`{"do": "parse", ...}` the seconds of many parses.
"""

import io
import json
import subprocess
import sys
import time
import venv
from decimal import Decimal
from pathlib import Path
from typing import Any

VERSION = "2.2.4"
FOLDER = Path(__file__).resolve().parents[2] / ".venv-peers" / "fhirpathpy"


class Peer:
    """The process; `ask` sends one request and gives the answer. A context manager.

    Making it raises OSError or subprocess.SubprocessError where the environment cannot be made, as without network.
    """

    def __init__(self) -> None:
        python = _environment()
        self._process = subprocess.Popen(
            [python, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, **request: Any) -> Any:
        """The answer to a request; what the peer raised comes back as a RuntimeError."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the peer has no pipes")
        self._process.stdin.write(json.dumps(request, default=float) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the peer ended")
        answer = json.loads(line, parse_float=Decimal)
        if "raised" in answer:
            raise RuntimeError(answer["raised"])
        return answer["answer"]

    def close(self) -> None:
        """Ends the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(timeout=10)
        if self._process.stdout is not None:
            self._process.stdout.close()


def _environment() -> str:
    """The Python of the peer's environment, made when it is not there."""
    python = FOLDER / "bin" / "python"
    installed = FOLDER / f"installed-{VERSION}"
    if not installed.is_file():
        venv.create(FOLDER, with_pip=True, clear=True)
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"fhirpathpy=={VERSION}"],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=120,
        )
        installed.touch()
    return str(python)


class _Server:
    """What the process does; keeps what it compiled."""

    def __init__(self) -> None:
        from fhirpathpy import compile  # type: ignore[import-not-found,unused-ignore]
        from fhirpathpy.models import models  # type: ignore[import-not-found,unused-ignore]
        from fhirpathpy.parser import parse  # type: ignore[import-not-found,unused-ignore]

        self._compile, self._parse, self._model = compile, parse, models["r4"]
        self._compiled: dict[str, Any] = {}

    def answer(self, request: dict[str, Any]) -> Any:
        """The answer to a request."""
        text = request["expression"]
        if request["do"] == "parse":
            return self._seconds(lambda: self._parse(text), request["times"])
        evaluate = self._compiled.get(text)
        if evaluate is None:
            evaluate = self._compiled[text] = self._compile(text, self._model)
        resource = request["resource"]
        context = {"resource": resource, "rootResource": resource}
        if request["do"] == "time":
            return self._seconds(lambda: evaluate(resource, context), request["times"])
        return evaluate(resource, context)

    @staticmethod
    def _seconds(action: Any, times: int) -> float:
        start = time.perf_counter()
        for _ in range(times):
            action()
        return time.perf_counter() - start


def _written(value: Any) -> Any:
    """A number stays a number; a date or quantity becomes its text."""
    return float(value) if isinstance(value, Decimal) else str(value)


def main() -> None:
    """Answers until the input ends; what the peer prints for trace() is no answer."""
    server, output = _Server(), sys.stdout
    sys.stdout = io.StringIO()
    for line in sys.stdin:
        try:
            answer: dict[str, Any] = {"answer": server.answer(json.loads(line))}
        except Exception as error:
            answer = {"raised": f"{type(error).__name__}: {error}"[:300]}
        output.write(json.dumps(answer, default=_written) + "\n")
        output.flush()


if __name__ == "__main__":
    main()
