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


class Later:
    """What is made when it is first asked for."""

    __slots__ = ("_made", "_make")

    def __init__(self, make: Callable[[], tuple[Any, ...]]) -> None:
        self._make = make
        self._made: tuple[Any, ...] | None = None

    def made(self) -> tuple[Any, ...]:
        """Always the same; raises as it does where it cannot be made."""
        if self._made is None:
            self._made = self._make()
        return self._made


class Never:
    """The kinds for which a condition does not hold."""

    __slots__ = ("_kinds", "holds")

    def __init__(self, holds: Callable[[Any], Any]) -> None:
        self.holds = holds
        self._kinds = _Apart(lambda kind: holds(kind.item))

    def hold(self, kinds: Set[Any]) -> bool:
        """Whether the condition holds for none of the kinds."""
        return self._kinds.none_of(kinds)


class Nevers:
    """The kinds for which none of several conditions holds: most often one look tells it of all of them."""

    __slots__ = ("_conditions", "_kinds")

    def __init__(self) -> None:
        self._conditions: list[Callable[[Any], Any]] = []
        self._kinds = _Apart(self._any_holds)

    def add(self, condition: Never) -> Never:
        """The same condition, which is one of these from now on."""
        self._conditions.append(condition.holds)
        return condition

    def hold(self, kinds: Set[Any]) -> bool:
        """Whether none of the conditions holds for any of the kinds."""
        return self._kinds.none_of(kinds)

    def _any_holds(self, kind: Any) -> bool:
        return any(holds(kind.item) for holds in self._conditions)


class _Apart:
    """Kinds that are asked something once, those for which it holds apart from the others."""

    __slots__ = ("_asked", "_no", "_yes")

    def __init__(self, asked: Callable[[Any], Any]) -> None:
        self._asked = asked
        self._no: set[Any] = set()
        self._yes: set[Any] = set()

    def none_of(self, kinds: Set[Any]) -> bool:
        """Whether it holds for none of the kinds."""
        if kinds <= self._no:
            return True
        if not kinds.isdisjoint(self._yes):
            return False
        new = kinds - self._no
        yes = {kind for kind in new if self._asked(kind)}
        _add(self._yes, yes)
        _add(self._no, new - yes)
        return not yes


def _add(known: set[Any], kinds: Set[Any]) -> None:
    """More kinds, in place, as a copy of what is known costs more than a message; these alone where there are many.

    Other threads may look at it: a kind is told by its identity, so that no step of Python comes between.
    """
    if len(known) >= MAX_KINDS:
        known.clear()
    known |= kinds
