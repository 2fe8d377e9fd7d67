"""What kind of content a resource holds, and rules about kinds: for provisions by class, code and security label.

A kind is what is said alike by many resources: type, codes, labels. Kinds are few where resources are many, so that
a rule is judged once a kind and not once a resource. Nothing here knows Consents: a rule is tests and the outcomes
that it accepts.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final

CONFIDENTIALITY: Final = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
LEVELS: Final[Mapping[str, int]] = MappingProxyType({"U": 0, "L": 1, "M": 2, "N": 3, "R": 4, "V": 5})
"""How confidential a code of v3-Confidentiality says that something is."""

NORMAL: Final = 3
"""The level of what has no label."""

HIGHEST: Final = 5
"""The level of a label of that system that is not known."""


class Match(IntEnum):
    """How surely a criterion is met: permits need CERTAIN, denies are content with POSSIBLE."""

    NO = 0
    POSSIBLE = 1
    CERTAIN = 2


@dataclass(frozen=True, slots=True)
class Part:
    """One resource's content: `codes` say what it is, `mentions` are all other codes in it, as `system|code`.

    `uncoded` says that there is content whose codes are not known, so that any code may be meant. `labels` are
    security labels, `level` the confidentiality, from 0 to 5.
    """

    type: str
    codes: tuple[str, ...] = ()
    mentions: tuple[str, ...] = ()
    uncoded: bool = False
    labels: tuple[str, ...] = ()
    level: int = NORMAL


@dataclass(frozen=True)
class Kind:
    """The parts whose content a resource tells: itself, or what it is about; none when that is not known.

    `direct` says that the resource tells of itself only.
    """

    parts: tuple[Part, ...] = ()
    direct: bool = False

    @cached_property
    def key(self) -> int:
        """A signed 64-bit digest of the whole."""
        return _digest(self.text)

    @cached_property
    def text(self) -> str:
        """The kind as JSON, always the same for equal kinds."""
        rows = sorted(
            [part.type, part.codes, part.mentions, part.uncoded, part.labels, part.level] for part in self.parts
        )
        return json.dumps([self.direct, rows], separators=(",", ":"))

    @classmethod
    def read(cls, text: str) -> "Kind":
        """The kind of a `text`."""
        direct, rows = json.loads(text)
        return cls(
            tuple(
                Part(type, tuple(codes), tuple(mentions), uncoded, tuple(labels), level)
                for type, codes, mentions, uncoded, labels, level in rows
            ),
            direct,
        )


UNKNOWN: Final = Kind()
"""The kind of what nobody looked into: it may be anything."""


@dataclass(frozen=True, slots=True)
class KindTest:
    """What a provision says about kinds; None where it says nothing, `vague` where that is not wholly understood.

    `permits` says which way doubt goes with confidentiality: a permit of a level is one of all below, a deny one of
    all above.
    """

    permits: bool
    classes: frozenset[str] | None = None
    codes: frozenset[str] | None = None
    labels: frozenset[str] | None = None
    levels: frozenset[int] = frozenset()
    vague: bool = False

    def match(self, kind: Kind) -> Match:
        """How surely the kind is meant; of several parts all must surely be, and none may be for a clear no."""
        found = {self._part(part) for part in kind.parts}
        return found.pop() if len(found) == 1 else Match.POSSIBLE

    def _part(self, part: Part) -> Match:
        surely = Match.CERTAIN
        if self.classes is not None:
            surely = min(surely, self._any(part.type in self.classes))
        if self.codes is not None:
            doubt = part.uncoded or not self.codes.isdisjoint(part.mentions)
            surely = min(surely, self._any(not self.codes.isdisjoint(part.codes), doubt))
        if self.labels is not None:
            surely = min(surely, self._label(part, self.labels))
        return surely

    def _label(self, part: Part, labels: frozenset[str]) -> Match:
        if not labels.isdisjoint(part.labels):
            return Match.CERTAIN
        if self.permits:
            return self._any(bool(self.levels) and part.level <= max(self.levels))
        return self._any(part.level in self.levels, bool(self.levels) and part.level > min(self.levels))

    def _any(self, sure: bool, doubt: bool = False) -> Match:
        if sure:
            return Match.CERTAIN
        return Match.POSSIBLE if doubt or self.vague else Match.NO


@dataclass(frozen=True)
class KindRule:
    """Which kinds are meant: those whose outcomes of the `tests` are among `outcomes`.

    `forms` are the outcomes that make a difference for each test; an outcome that makes none counts as the next that
    does. With `by_instance` the last outcome is whether the kind is `direct`.
    """

    tests: tuple[KindTest, ...]
    forms: tuple[tuple[Match, ...], ...]
    by_instance: bool
    outcomes: frozenset[tuple[int, ...]]

    def holds(self, kind: Kind) -> bool:
        """Whether the kind is meant."""
        found = [int(reduced(test.match(kind), form)) for test, form in zip(self.tests, self.forms, strict=True)]
        return tuple([*found, int(kind.direct)] if self.by_instance else found) in self.outcomes

    @cached_property
    def key(self) -> int:
        """A signed 64-bit digest of the whole, never 0."""
        return _digest(self.text) or 1

    @cached_property
    def text(self) -> str:
        """The rule as JSON, always the same for equal rules."""
        tests = [_test_row(test) for test in self.tests]
        return json.dumps([tests, self.forms, self.by_instance, sorted(self.outcomes)], separators=(",", ":"))

    @classmethod
    def read(cls, text: str) -> "KindRule":
        """The rule of a `text`."""
        tests, forms, by_instance, outcomes = json.loads(text)
        return cls(
            tuple(_read_test(row) for row in tests),
            tuple(tuple(Match(one) for one in form) for form in forms),
            by_instance,
            frozenset(tuple(one) for one in outcomes),
        )


def reduced(found: Match, form: tuple[Match, ...]) -> Match:
    """The outcome in a form that does not tell all apart: permits take doubt as no, denies certainty as doubt."""
    if found in form:
        return found
    return Match.NO if found is Match.POSSIBLE else Match.POSSIBLE


def _test_row(test: KindTest) -> list[Any]:
    listed = [None if values is None else sorted(values) for values in (test.classes, test.codes, test.labels)]
    return [test.permits, *listed, sorted(test.levels), test.vague]


def _read_test(row: list[Any]) -> KindTest:
    permits, *listed, levels, vague = row
    classes, codes, labels = (None if values is None else frozenset(values) for values in listed)
    return KindTest(permits, classes, codes, labels, frozenset(levels), vague)


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)
