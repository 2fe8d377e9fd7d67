"""The root command: discovery, help in no time, exit codes."""

import subprocess
import sys

import pytest

HEAVY = ("fastapi", "starlette", "sqlmodel", "sqlalchemy", "fhir", "pydantic_settings", "jose", "uvicorn", "rich")

MOST_MODULES = 400
"""The web framework and the database would bring several hundred each."""

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


def test_help_answers_with_few_modules() -> None:
    """What is imported is what takes the time: `python -m benchmarks start` measures it."""
    done = run("--help")
    assert (done.returncode, "Usage" in done.stdout) == (0, True)
    counted = "import sys\nfrom gateway.cli.main import build\nbuild()(['--help'], standalone_mode=False)\n"
    counted += "print(len(sys.modules), file=sys.stderr)"
    probe = subprocess.run([sys.executable, "-c", counted], capture_output=True, text=True, check=True)
    assert int(probe.stderr) < MOST_MODULES


def test_version_is_the_package_version() -> None:
    import gateway

    assert run("--version").stdout.strip() == gateway.__version__


@pytest.mark.parametrize("arguments", [("no-such-command",), ("--no-such-option",)])
def test_wrong_use_ends_with_2(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).returncode == 2
