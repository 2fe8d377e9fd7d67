"""Progress on a terminal; nothing where nobody watches."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from gateway.cli.console import errors

Item = TypeVar("Item")


def paced(items: Iterable[Item], what: str) -> Iterator[Item]:
    """The items, with a bar on stderr while they are worked on."""
    from rich.progress import track

    known = list(items)
    console = errors()
    yield from track(known, what, console=console, transient=True, disable=not console.is_terminal or len(known) < 2)
