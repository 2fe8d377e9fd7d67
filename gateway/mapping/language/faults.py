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
        self._add(rule, self._document.position_within(place, offset), expression, names)

    def add_at_key(self, rule: str, place: Place, **names: Any) -> None:
        """Adds a fault of the key of `place` rather than of its value: a name that there is not."""
        self._add(rule, self._document.position_of_key(place), "", names)

    def _add(self, rule: str, position: tuple[int, int], expression: str, names: dict[str, Any]) -> None:
        line, column = position
        found = issue(rule, mapping=f"{self._name}:{line}:{column}", expression=expression, **names)
        self._found[found] = position

    def check_null(self, place: Place) -> None:
        """Notes a null that deletes nothing: a value was forgotten, or an anchor does not bring the name.

        What is no name at all is the rest of an expression that a comma ended, which is told where it begins.
        """
        if self._document.deletes_nothing(place) and str(place[-1]).removesuffix("[x]").isidentifier():
            self.add_at_key("mapping.nothing-deleted", place, name=place[-1])

    @property
    def count(self) -> int:
        """How many faults there are so far."""
        return len(self._found)

    def issues(self) -> tuple[Issue, ...]:
        """All faults in the order of the file; those met twice, through an alias, are there once."""
        return tuple(sorted(self._found, key=lambda found: self._found[found]))
