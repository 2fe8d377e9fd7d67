"""Bodies of one shape, which differ in nothing but texts and numbers, and what is left of them."""

import re
from binascii import hexlify
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import chain, repeat
from operator import itemgetter
from typing import Any, Final, NamedTuple, TypeAlias

from gateway.core.codec import dumps, loads_stored
from gateway.export.deidentify.keys import StudyKey
from gateway.export.deidentify.leaves import Pieces
from gateway.export.deidentify.methods import Change, hashed, shifted

MAX_REMEMBERED: Final = 4_096
"""For how many values it is remembered what a method made of them, and of how many participants their days."""

MAX_DAYS: Final = 400
"""For how many days it is remembered where they are moved to, for each number of days to move."""

_TEXT: Final = rb'("[^"]*+")'
_NUMBER: Final = rb"((?:-?[1-9][0-9]{0,17}(?:\.[0-9]{1,30})?+|-?0\.[0-9]{1,6}|0)(?![0-9.eE]))"
"""Texts and numbers that the codec writes as it reads them, in a body without escapes."""

Values: TypeAlias = tuple[bytes, ...]
Pick: TypeAlias = Callable[[Values], Any]


@dataclass(frozen=True, slots=True)
class Whose:
    """What a method may know of a resource: see `methods.Subject`. `days` are days as text, and what they become."""

    key: StudyKey
    today: date
    shift: timedelta | None
    days: dict[bytes, bytes]
    identity: str = ""


Made: TypeAlias = Callable[[bytes, Whose], bytes | None]
"""A value as text, and whose it is -> what it becomes; None where nothing is left."""


def made_by(change: Change) -> Made:
    """What changes values in their text as `change` does, by a shorter way for those that are changed most."""

    def made(value: bytes, whose: Whose) -> bytes | None:
        kept = change(value[1:-1].decode() if value[:1] == b'"' else loads_stored(value), whose)
        return None if kept is None else dumps(kept)

    def hashed_text(value: bytes, whose: Whose) -> bytes | None:
        if value[:1] != b'"':
            return made(value, whose)
        return b'"%b"' % hexlify(whose.key.of_bytes("hash", value[1:-1]))

    def shifted_text(value: bytes, whose: Whose) -> bytes | None:
        day = value[1:11]
        moved = whose.days.get(day)
        if moved is not None:
            return b'"%b%b' % (moved, value[11:])
        found = made(value, whose)
        if found is not None and day.isascii():
            if len(whose.days) >= MAX_DAYS:
                whose.days.clear()
            whose.days[day] = found[1:11]
        return found

    return hashed_text if change is hashed else shifted_text if change is shifted else made


class Changed(NamedTuple):
    """A value that is changed, by its place among the parts.

    `known` is what became of the values seen, None where that is one participant's or values hardly come again;
    `is_hash` where texts become their hash.
    """

    place: int
    known: dict[bytes, bytes] | None
    made: Made
    is_hash: bool = False

    def of(self, value: bytes, whose: Whose) -> bytes | None:
        """What a value becomes that is not known; None where nothing is left."""
        found = self.made(value, whose)
        if found is not None and self.known is not None:
            if len(self.known) >= MAX_REMEMBERED:
                self.known.clear()
            self.known[value] = found
        return found


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of bodies: texts, with a gap behind each but the last, the values for the gaps, and which of these
    are changed. `person` picks the values that tell whose a body is.
    """

    parts: list[bytes]
    pick: Pick
    changed: tuple[Changed, ...]
    person: Pick
    persons: dict[Any, Whose] = field(default_factory=dict)

    def filled(self, values: Values, whose: Whose) -> bytes | None:
        """The texts with what becomes of the values; None when nothing is left of one of them."""
        parts = self.parts.copy()
        parts[1::2] = self.pick(values)
        for one in self.changed:
            value = parts[one.place]
            found = one.known.get(value) if one.known else None
            if found is None:
                found = one.of(value, whose)
                if found is None:
                    return None
            parts[one.place] = found
        return b"".join(parts)

    def filled_lines(self, rows: Sequence[Values], persons: Sequence[Whose]) -> bytes | None:
        """`filled` for many bodies, a line each: value by value, which saves most of what a body costs."""
        columns: list[Sequence[Any]] = list(zip(*map(self.pick, rows), strict=True))
        for one in self.changed:
            column, known = columns[one.place // 2], one.known
            found: Sequence[bytes | None]
            if one.is_hash and all(value[:1] == b'"' for value in column):
                found = [b'"%b"' % digits for digits in persons[0].key.hashes([value[1:-1] for value in column])]
            elif known is None:
                found = list(map(one.made, column, persons))
            else:
                found = [
                    known.get(value) or one.of(value, whose) for value, whose in zip(column, persons, strict=True)
                ]
            if None in found:
                return None
            columns[one.place // 2] = found
        return self._woven(columns, len(rows))

    def _woven(self, columns: Sequence[Sequence[bytes]], count: int) -> bytes:
        """The lines of columns; what all lines have in common is put together once."""
        before, woven = self.parts[0], []
        for column, behind in zip(columns, self.parts[2::2], strict=True):
            if column.count(column[0]) == count:
                before += column[0] + behind
            else:
                woven += [repeat(before, count), column]
                before = behind
        return b"".join(chain.from_iterable(zip(*woven, repeat(before + b"\n", count), strict=True)))


class Shape:
    """A shape: `match` takes the values out of its bodies, `lines` out of all of its bodies among lines.

    `variants` are what picks the values that conditions ask for, and what is left by these; they are replaced as one,
    so that a thread never sees half of it.
    """

    __slots__ = ("_lines", "_pattern", "match", "told", "variants")

    def __init__(self, pieces: Pieces) -> None:
        around, values = pieces
        kinds = [_TEXT if value[:1] == b'"' else _NUMBER for value in values]
        pattern = b"".join([re.escape(text) + kind for text, kind in zip(around, [*kinds, b""], strict=True)])
        self.match: Callable[[bytes], re.Match[bytes] | None] = re.compile(pattern).fullmatch
        self._pattern = pattern
        self._lines: Callable[[bytes], list[Values]] | None = None
        self.tell(frozenset())

    def lines(self, lines: bytes) -> list[Values]:
        """The values of all lines that have the shape; what finds them is made when it is first asked for."""
        if self._lines is None:
            self._lines = re.compile(b"(?m)^" + self._pattern + b"\n").findall
        return self._lines(lines)

    def tell(self, told: frozenset[int]) -> None:
        """From now on what is left is told apart by the values at these places."""
        self.told = told
        self.variants: tuple[Pick, dict[Any, Left | None]] = (picker(sorted(told), as_key=True), {})


def picker(places: Iterable[int], *, as_key: bool = False) -> Pick:
    """What picks the values at places: a tuple of them, or `as_key` whatever tells them apart."""
    found = tuple(places)
    if not found:
        return lambda _values: ()
    if len(found) > 1 or as_key:
        return itemgetter(*found)
    return itemgetter(slice(found[0], found[0] + 1))
