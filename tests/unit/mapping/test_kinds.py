"""What is asked of kinds is asked once of each, and what few need is made when it is first asked for."""

from collections.abc import Callable
from itertools import count

from msgspec import Struct

from gateway.mapping.kinds import Later, Never, Nevers


class Kind(Struct, eq=False):
    """A kind whose item is a word."""

    item: str


def asking(letter: str, asked: list[str]) -> Callable[[str], bool]:
    """Whether a word has the letter; notes which were asked."""

    def holds(word: str) -> bool:
        asked.append(word)
        return letter in word

    return holds


def test_a_condition_is_asked_once_of_each_kind() -> None:
    asked: list[str] = []
    never, (one, other, third) = Never(asking("a", asked)), map(Kind, ("b", "c", "ab"))
    assert (never.hold({one}), never.hold({one, other}), never.hold({one, other})) == (True, True, True)
    assert (never.hold({one, third}), never.hold({third}), never.hold({other})) == (False, False, True)
    assert sorted(asked) == ["ab", "b", "c"]


def test_several_conditions_are_asked_together() -> None:
    asked: list[str] = []
    all_of, one, other = Nevers(), Kind("b"), Kind("c")
    first, second = all_of.add(Never(asking("a", asked))), all_of.add(Never(asking("c", asked)))
    assert (all_of.hold({one}), all_of.hold({one})) == (True, True)
    assert asked == ["b", "b"]
    assert (all_of.hold({one, other}), all_of.hold({other})) == (False, False)
    assert (first.hold({one, other}), second.hold({one, other}), second.hold({one})) == (True, False, True)


def test_what_is_made_later_is_made_once() -> None:
    numbers = count()
    later = Later(lambda: (next(numbers),))
    assert next(numbers) == 0
    assert (later.made(), later.made()) == ((1,), (1,))
