"""The root command: discovery, help in no time, exit codes."""

import subprocess
import sys
import time

import pytest

HEAVY = ("fastapi", "starlette", "sqlmodel", "sqlalchemy", "fhir", "pydantic_settings", "jose", "uvicorn", "rich")

PROBE = f"""
import sys
from gateway.cli.main import build
build()
print([name for name in {HEAVY!r} if name in sys.modules])
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "gateway", *arguments], capture_output=True, text=True, check=False)


def test_defining_the_commands_imports_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_answers_at_once() -> None:
    times = []
    for _ in range(3):
        start = time.perf_counter()
        done = run("--help")
        times.append(time.perf_counter() - start)
        assert done.returncode == 0
    assert min(times) < 0.4


def test_version_is_the_package_version() -> None:
    import gateway

    assert run("--version").stdout.strip() == gateway.__version__


@pytest.mark.parametrize("arguments", [("no-such-command",), ("--no-such-option",)])
def test_wrong_use_ends_with_2(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).returncode == 2
