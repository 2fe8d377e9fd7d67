"""What the tests of the demo look at: it is run from nothing, once for all of them."""

import os
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.server import free_port


@dataclass(frozen=True, slots=True)
class Demo:
    """Where `gateway demo` was run twice in a row, the port it was to name, and what the second run printed."""

    folder: Path
    port: int
    printed: str


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """Who changes what it made copies the folder first."""
    folder, port = tmp_path_factory.mktemp("demo"), free_port()
    _run(folder, port)
    return Demo(folder, port, _run(folder, port))


def _run(folder: Path, port: int) -> str:
    environment = {**os.environ, "COLUMNS": "200", "GATEWAY_PORT": str(port)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = subprocess.run(
        [sys.executable, "-m", "gateway", "demo"],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 25, "30 s with the installation warm"
    return result.stdout
