"""The faults of one mapping file, collected to the end, each with line and column."""

from typing import Any

from gateway.core.issues import Issue, issue
from gateway.core.yaml import Document

Place = tuple[str | int, ...]
"""The path of a value in the file's tree, `("emit", 0, "resource", "status")`."""


class FileFaults:
    """Collects issues whose `mapping` is `<file>:<line>:<column>`."""

    def __init__(self, name: str, document: Document) -> None:
        self._name = name
        self._document = document
        self._found: dict[Issue, tuple[int, int]] = {}

    def position(self, place: Place) -> str:
        """The position of the value at `place`, or of its nearest ancestor."""
        line, column = self._document.position(place)
        return f"{self._name}:{line}:{column}"

    def add(self, rule: str, place: Place, *, offset: int = 0, expression: str = "", **names: Any) -> None:
        """Adds a fault at `place`, `offset` characters into its text."""
        line, column = self._document.position(place)
        found = issue(rule, mapping=f"{self._name}:{line}:{column + offset}", expression=expression, **names)
        self._found[found] = (line, column + offset)

    @property
    def count(self) -> int:
        """How many faults there are so far."""
        return len(self._found)

    def issues(self) -> tuple[Issue, ...]:
        """All faults in the order of the file; those met twice, through an alias, are there once."""
        return tuple(sorted(self._found, key=lambda found: self._found[found]))
