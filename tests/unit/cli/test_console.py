"""Tables: what they tell is copied into the next command, so that nothing of it is cut."""

import io
import os
import subprocess
import sys

import pytest
from rich.console import Console

from gateway.cli.console import console, errors, show_error, show_issues, table, write_line
from gateway.core import issue

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


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x9b2J", "\\x9b2J"),
        ("50 %\rpaid", "50 %\\rpaid"),
        ("\u202egpj.exe", "\\u202egpj.exe"),
        ("a\tb\r\nc\n", "a\tb\r\nc\n"),
        ("µmol/L é 漢", "µmol/L é 漢"),
    ],
)
def test_nothing_that_is_told_moves_the_terminal(text: str, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    write_line(text)
    show_error(text)
    assert capsys.readouterr() == (f"{shown}\n", f"gateway: {shown}\n")


def test_a_name_cannot_look_like_a_finding(capsys: pytest.CaptureFixture[str]) -> None:
    name = "a\nerror mapping.yaml: forged \x1b[2J"
    show_issues([issue("mapping.unknown-element", parent="Observation", name=name, known="b")], name)
    told = capsys.readouterr().err
    assert "forged" in told
    assert "\x1b[2J" not in told
    assert not any(line.startswith("error mapping.yaml") for line in told.splitlines())


def test_square_brackets_are_text(capsys: pytest.CaptureFixture[str]) -> None:
    name = "[/bold] visit[1].json [red]x"
    told = table("file")
    told.add_row(name)
    console().print(told)
    errors().print(name)
    out, err = capsys.readouterr()
    assert name in out
    assert name in err
