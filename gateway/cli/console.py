"""What commands print with: tables and progress for people on stderr or stdout, JSON lines for machines on stdout."""

import os
import re
import sys
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

from gateway.core.codec import dumps
from gateway.core.issues import Issue

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_OBEYED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]|\r(?!\n)")

_PIPE_WIDTH = 1000
"""How wide a table may be where no terminal has a width: nobody's script wants a cell folded."""


@cache
def console() -> "Console":
    """The rich console on stdout; square brackets are text, as names of files and reasons have them."""
    from rich.console import Console

    is_pipe = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    return Console(highlight=False, markup=False, width=_PIPE_WIDTH if is_pipe else None)


@cache
def errors() -> "Console":
    """The rich console on stderr, likewise."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, markup=False)


def table(*columns: str) -> "Table":
    """An empty table whose cells fold where the screen is narrow: an id that was cut could not be used again."""
    from rich.table import Table

    made = Table()
    for name in columns:
        made.add_column(name, overflow="fold")
    return made


def harmless(text: str) -> str:
    """The text without what a terminal would obey: control characters and turns of the writing direction are told as
    `\\x1b`; line ends and tabs stay."""
    return _OBEYED.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def write_json(tree: Any) -> None:
    """Writes one tree to stdout as one line of JSON, numbers with their text."""
    sys.stdout.write(dumps(tree).decode() + "\n")
    sys.stdout.flush()


def write_line(text: str) -> None:
    """Writes one line of plain text to stdout: no wrapping, no markup, nothing that a terminal would obey."""
    sys.stdout.write(harmless(text) + "\n")
    sys.stdout.flush()


def counted(number: int, name: str) -> str:
    """The number with the name of what is counted: `1 finding`, `2 findings`."""
    return f"{number} {name}{'' if number == 1 else 's'}"


def show_error(text: str) -> None:
    """Writes one message to stderr."""
    sys.stderr.write(f"gateway: {harmless(text)}\n")


def _on_one(text: str) -> str:
    """The text as one line: a name out of a file must not look like a finding of its own."""
    return harmless(text).replace("\n", "\\n").replace("\r", "\\r")


def show_issues(issues: Iterable[Issue], name: str = "", on: "Console | None" = None) -> None:
    """Writes each issue to stderr, or on another console: severity, rule, message, then its positions and hint."""
    from rich.text import Text

    colours = {"fatal": "bold red", "error": "red", "warning": "yellow", "information": "cyan"}
    for found in issues:
        line = Text.assemble((found.severity, colours[found.severity]), f" {found.rule}: {_on_one(found.message)}")
        if name:
            line = Text.assemble(f"{_on_one(name)}: ", line)
        where = " ".join(text for text in (found.expression, found.source, found.mapping) if text)
        if where:
            line.append(f"\n  at {_on_one(where)}")
        if found.hint:
            line.append(f"\n  {_on_one(found.hint)}")
        (on or errors()).print(line, soft_wrap=True)
