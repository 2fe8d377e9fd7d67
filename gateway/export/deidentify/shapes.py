"""De-identification of stored bodies by their shape.

Nearly all that a source sends has one of a few shapes. What becomes of each place is learnt once for a shape, by the
walk over a tree; afterwards a regular expression takes the values out of a body, and what may leave of them is put
into the text that is left. What does not match goes over the tree: a shape never seen, a value with an escape, a
value of which nothing is left.
"""

import re
from collections.abc import Callable
from datetime import date, timedelta
from threading import Lock
from typing import Any, Final

from gateway.core import Resource
from gateway.core.codec import loads_stored
from gateway.export.deidentify.keys import StudyKey
from gateway.export.deidentify.leaves import Leaves, Pieces, around_leaves, cut, leaves_of
from gateway.export.deidentify.methods import Change, hashed
from gateway.export.deidentify.reach import is_within
from gateway.export.deidentify.shape import MAX_REMEMBERED, Changed, Left, Pick, Shape, Values, Whose, made_by, picker
from gateway.export.deidentify.subjects import subject_of, subject_reach
from gateway.export.deidentify.walk import Unreadable
from gateway.fhirpath import R4

MAX_SHAPES: Final = 256
"""How many shapes are known at a time, and what is left of each in how many ways."""

MAX_BODY: Final = 4_000
"""Larger bodies, in bytes, hardly have a shape in common."""

MAX_RECENT: Final = 4
"""How many shapes a body is held against before its own is looked up."""

FEW: Final = 8
"""Fewer lines are taken one by one."""

_SELDOM: Final = 16

_OF_A_PERSON: Final = "dateShift"
_KNOWN: Final = frozenset(("cryptoHash", _OF_A_PERSON, "generalize", "redact", "substitute"))
"""Methods that ask for no more than the value, the study's key, today and the participant's days."""


class Shapes:
    """The shapes met so far, for one policy and key; `walked` is the walk over a tree. Safe between threads."""

    def __init__(self, key: StudyKey, today: date, walked: Callable[[Resource, Leaves], Resource]) -> None:
        self._key = key
        self._today = today
        self._walked = walked
        self._shapes: dict[bytes, Shape | None] = {}
        self._recent: tuple[Shape, ...] = ()
        self._known: dict[Change, dict[bytes, bytes]] = {}
        self._days: dict[int | None, dict[bytes, bytes]] = {}
        self._bodies = self._misses = 0
        self._learning = Lock()

    def left(self, body: bytes) -> bytes | None:
        """What is left of a body; None when its tree must be asked."""
        if b"\\" in body:
            return None
        shape: Shape | None
        for shape in self._recent:
            found = shape.match(body)
            if found is not None:
                break
        else:
            shape, found = self._other(body)
            if shape is None or found is None:
                return None
        self._bodies += 1
        values = found.groups()
        asked, lefts = shape.variants
        left = lefts.get(asked(values)) or self._learnt(shape, values, body)
        if left is None or not _is_text(body):
            return None
        return left.filled(values, left.persons.get(left.person(values)) or self._whose(left, values, body))

    def left_of_lines(self, lines: bytes) -> tuple[bytes, int] | None:
        """What is left of bodies with a line feed behind each, and how many; None where they are not all alike."""
        count = lines.count(b"\n")
        if not self._recent or count < FEW or b"\\" in lines or not _is_text(lines):
            return None
        shape = self._recent[0]
        last = lines[lines.rfind(b"\n", 0, -1) + 1 : -1]
        if shape.match(last) is None or shape.match(lines[: lines.find(b"\n")]) is None:
            return None
        rows = shape.lines(lines)
        asked, lefts = shape.variants
        told = set(map(asked, rows))
        left = lefts.get(told.pop()) if len(told) == 1 and len(rows) == count else None
        if left is None:
            return None
        self._bodies += count
        persons: list[Any] = [left.persons.get(person) for person in map(left.person, rows)]
        if None in persons:
            both = zip(rows, lines.split(b"\n")[:-1], strict=True)
            persons = [left.persons.get(left.person(row)) or self._whose(left, row, body) for row, body in both]
        found = left.filled_lines(rows, persons)
        return None if found is None else (found, count)

    def _other(self, body: bytes) -> "tuple[Shape | None, re.Match[bytes] | None]":
        """The shape of a body that has none of the recent ones, and the match."""
        if len(body) > MAX_BODY or not self._is_worth_it():
            return None, None
        known = self._shape(cut(body), body)
        if known is None:
            return None, None
        self._recent = (known, *[one for one in self._recent if one is not known])[:MAX_RECENT]
        return known, known.match(body)

    def _is_worth_it(self) -> bool:
        """Whether a body is looked at again: where that hardly ever helps, only now and then."""
        self._misses += 1
        return self._misses < MAX_SHAPES or self._misses * _SELDOM < self._bodies or not self._misses % _SELDOM

    def _shape(self, pieces: Pieces, body: bytes) -> Shape | None:
        """The shape of a body, made at the second that has it."""
        outline = b"\x00".join(pieces[0])
        if outline not in self._shapes:
            if len(self._shapes) >= MAX_SHAPES:
                self._shapes = {}
            self._shapes[outline] = None
            return None
        found = self._shapes.get(outline)
        if found is None and Leaves.of(body, pieces):
            found = self._shapes[outline] = Shape(pieces)
        return found

    def _learnt(self, shape: Shape, values: Values, body: bytes) -> Left | None:
        asked, lefts = shape.variants
        return None if asked(values) in lefts or not self._is_worth_it() else self._learn(shape, body)

    def _whose(self, left: Left, values: Values, body: bytes) -> Whose:
        subject = subject_of(loads_stored(body))
        if len(left.persons) >= MAX_REMEMBERED:
            left.persons.clear()
        days = self._key.shift(subject) if subject else None
        shift = None if days is None else timedelta(days=days)
        found = Whose(self._key, self._today, shift, self._days.setdefault(days, {}))
        left.persons[left.person(values)] = found
        return found

    def _learn(self, shape: Shape, body: bytes) -> Left | None:
        """Walks over a body for all that have the same values where conditions ask."""
        pieces = cut(body)
        leaves = Leaves.of(body, pieces)
        if leaves is None:
            return None
        person = _person(leaves.tree)
        with self._learning:
            try:
                left = self._of(self._walked(leaves.tree, leaves), person)
            except Unreadable:
                left = None
            if not leaves.told <= shape.told:
                shape.tell(shape.told | leaves.told)
            asked, lefts = shape.variants
            if len(lefts) >= MAX_SHAPES:
                lefts.clear()
            lefts[asked(tuple(pieces[1]))] = left
            return left

    def _of(self, tree: Resource, person: Pick) -> Left | None:
        around, leaves = around_leaves(tree)
        if len(around) != len(leaves) + 1:
            return None
        changed: list[Changed] = []
        for place, leaf in enumerate(leaves):
            if leaf.by is not None and leaf.by.change is not None:
                if leaf.by.name not in _KNOWN:
                    return None
                comes_again = leaf.by.name != _OF_A_PERSON and leaf.by.change is not hashed  # mostly ids
                known = self._known.setdefault(leaf.by.change, {}) if comes_again else None
                made, is_hash = made_by(leaf.by.change), leaf.by.change is hashed
                changed.append(Changed(2 * place + 1, known, made, is_hash))
        parts = [part for text in around for part in (text, b"")][:-1]
        return Left(parts, picker([leaf.number for leaf in leaves]), tuple(changed), person)


def _person(tree: Resource) -> Pick:
    """What picks the values that `subject_of` looks at."""
    kind = tree.get("resourceType")
    reach = subject_reach(kind) if isinstance(kind, str) and R4.is_resource(kind) else None
    return picker(
        [leaf.number for key, one in tree.items() if is_within(key, reach) for leaf in leaves_of(one)], as_key=True
    )


def _is_text(body: bytes) -> bool:
    try:
        return body.isascii() or bool(body.decode())
    except UnicodeDecodeError:
        return False
