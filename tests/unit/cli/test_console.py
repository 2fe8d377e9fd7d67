"""Tables: what they tell is copied into the next command, so that nothing of it is cut."""

import io
import os
import subprocess
import sys

import pytest
from rich.console import Console

from gateway.cli.console import console, errors, table

LONG = "xd1vPJHJm9i0x0-K1IQj-xNu"


def test_a_narrow_screen_folds_what_does_not_fit() -> None:
    told = table("file", "status", "receipt")
    told.add_row("a-long-name-of-a-payload.json", "quarantined", LONG)
    screen = Console(file=io.StringIO(), width=40)
    screen.print(told)
    lines = screen.file.getvalue().splitlines()  # type: ignore[attr-defined]
    cells = zip(*(line.split("│")[1:-1] for line in lines if "│" in line), strict=True)
    assert ["".join(map(str.strip, cell)) for cell in cells] == ["a-long-name-of-a-payload.json", "quarantined", LONG]


def test_a_pipe_gets_a_line_a_row() -> None:
    code = f"from gateway.cli.console import console, table; t = table('a', 'b'); t.add_row('x' * 200, {LONG!r})"
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    command = [sys.executable, "-c", f"{code}; console().print(t)"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert any("x" * 200 in line and LONG in line for line in done.stdout.splitlines())


def test_square_brackets_are_text(capsys: pytest.CaptureFixture[str]) -> None:
    name = "[/bold] visit[1].json [red]x"
    told = table("file")
    told.add_row(name)
    console().print(told)
    errors().print(name)
    out, err = capsys.readouterr()
    assert name in out
    assert name in err
