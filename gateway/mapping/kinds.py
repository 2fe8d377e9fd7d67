"""What is made once for items of one kind, and kept beyond the message (`gateway.formats.Alike`).

A kind says nothing of a participant, a study or a time, and neither does what is made of it.
"""

from collections.abc import Callable, Set
from typing import Any, Final

from gateway.mapping.plan import MEMORY

MAX_KINDS: Final = MEMORY
"""Of how many kinds one function remembers what it gave."""


class OfKinds(dict[Any, Any]):
    """What a function of items gives for each kind; looking up a new kind calls it, and raises as it does."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[[Any], Any]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, kind: Any) -> Any:
        made = self._make(kind.item)
        if len(self) >= MAX_KINDS:
            self.clear()
        self[kind] = made
        return made


class Never:
    """The kinds for which a condition does not hold."""

    __slots__ = ("_holds", "_kinds")

    def __init__(self, holds: Callable[[Any], Any]) -> None:
        self._holds = OfKinds(holds)
        self._kinds: set[Any] = set()

    def hold(self, kinds: Set[Any]) -> bool:
        """Whether the condition holds for none of the kinds."""
        if kinds <= self._kinds:
            return True
        new = kinds - self._kinds
        if any(self._holds[kind] for kind in new):
            return False
        _add(self._kinds, new)
        return True


class Nevers:
    """The kinds for which none of several conditions holds: most often one look tells it of all of them."""

    __slots__ = ("_conditions", "_kinds")

    def __init__(self) -> None:
        self._conditions: list[Never] = []
        self._kinds: set[Any] = set()

    def add(self, condition: Never) -> Never:
        """The same condition, which is one of these from now on."""
        self._conditions.append(condition)
        return condition

    def hold(self, kinds: Set[Any]) -> bool:
        """Whether none of the conditions holds for any of the kinds."""
        if kinds <= self._kinds:
            return True
        new = kinds - self._kinds
        for condition in self._conditions:
            if not condition.hold(new):
                return False
        _add(self._kinds, new)
        return True


def _add(known: set[Any], kinds: Set[Any]) -> None:
    """More kinds, in place, as a copy of what is known costs more than a message; these alone where there are many.

    Other threads may look at it: a kind is told by its identity, so that no step of Python comes between.
    """
    if len(known) >= MAX_KINDS:
        known.clear()
    known |= kinds
