"""OBX lines of HL7 v2: what a line has in common with others of its test, and the texts of its own.

A laboratory says the same of a test again and again. A line is told by its kind and a few texts, and its dict is made
of both when something looks at it (`gateway.formats.hl7v2`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeAlias

from gateway.formats.decoded import Alike
from gateway.formats.hl7v2_orders import ORDERS
from gateway.formats.hl7v2_segments import Encoding, Segment, read_plain, read_plain_fields

REMEMBERED = 2048
MAX_REMEMBERED = 500
"""How many kinds of OBX are remembered, and how long a line may be: a hostile sender must not fill the memory."""

TO_TIME: Final = 13
"""How many separators there are from the first field of an OBX to its time."""

_TIME = 14
_BEFORE_OTHERS = ("",) * (_TIME + 1)
_TO_VALUE, _TO_TIME, _MOST = 6, 8, 100
"""How many separators an OBX has before what follows its value, how many there before its time, and at most."""

RESULTS: Final = Alike(
    items="OBSERVATION",
    base="OBX",
    texts=MappingProxyType({"f1": 1, "f1_1": 1, "f4": 2, "f4_1": 2, "f5": 3, "f5_1": 3, "f14": 4, "f14_1": 4}),
    sure=frozenset(("f1", "f1_1", "f5", "f5_1")),
    records=ORDERS,
)


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """What results have in common: one object for the same lines but for number, sub-id, value and time.

    `item` is a result of the kind with texts that mean nothing; `composites` are its fields of several parts.
    """

    item: dict[str, Segment]
    composites: tuple[tuple[str, dict[str, str]], ...]


Row: TypeAlias = tuple[Kind, str, str | None, str, str | None]
"""A result: its kind, and its fields 1, 4, 5 and 14, each one plain text or None for none."""


Known: TypeAlias = dict[str, dict[str, dict[str, Kind]]]
"""Kinds by fields 2 and 3, and the rest of them."""

_NO_TESTS: Final[dict[str, dict[str, Kind]]] = {}


class Kinds:
    """The kinds of the OBX lines with one encoding, by their fields 2, 3 and 6 to 13.

    These name the test, its unit, range and flags, which come again in every message. They say nothing of whom the
    result is about, so that they may be remembered; what a segment PID, a value or a time says never is. `short` are
    those of lines that end before field 14.
    """

    __slots__ = ("_count", "_encoding", "known", "short")

    def __init__(self, encoding: Encoding) -> None:
        self.known: Known = {}
        self.short: Known = {}
        self._encoding = encoding
        self._count = 0

    def learnt(self, known: Known, kind: str, test: str, rest: str) -> Kind:
        """A new kind with these fields 2 and 3, and 6 to 13 or less, which is in `known` then."""
        self._count += 1
        if self._count > REMEMBERED:
            self.known.clear()
            self.short.clear()
            self._count = 0
        segment = read_plain(self._encoding.field.join(("OBX", "1", kind, test, "1", "1", rest)), self._encoding)
        composites = tuple((name, value) for name, value in segment.items() if isinstance(value, dict))
        found = Kind({"OBX": segment}, composites)
        known.setdefault(kind, {}).setdefault(test, {})[rest] = found
        return found


def known_results(blocks: Sequence[str], time: str | None, encoding: Encoding, known: Known) -> list[Row]:
    """The rows of lines that have nothing special, up to the first of no known kind.

    A block is what stands between `OBX|` and the time, or the end, of a line; with None each ends with its own time.
    """
    separator, component = encoding.field, encoding.component
    rows: list[Row] = []
    if time and component in time:
        return rows
    before, of_kind, has_own, observed = "", _NO_TESTS, time is None, time or None
    most = _TO_VALUE - 1
    try:
        for block in blocks:
            number, kind, test, part, value, rest = block.split(separator, most)
            if has_own:
                rest, _, own = rest.rpartition(separator)
                if component in own:
                    break
                observed = own or None
            if kind != before:
                before, of_kind = kind, known[kind]
            # To look into each of them costs less than to write them together.
            if component in value or component in part or component in number or not number or not value:
                break
            rows.append((of_kind[test][rest], number, part or None, value, observed))
    except (LookupError, ValueError):
        return rows
    return rows


def read_result(line: str, encoding: Encoding, kinds: Kinds) -> list[Row] | Segment:
    """An OBX line that has nothing special: its one row, or its dict where it has texts of its own elsewhere."""
    separator, component = encoding.field, encoding.component
    parts = line.split(separator, _TO_VALUE)
    if len(parts) <= _TO_VALUE or len(line) > MAX_REMEMBERED:
        return read_plain(line, encoding)
    _, number, kind, test, part, value, rest = parts
    time = others = ""
    count = rest.count(separator)
    if count == _TO_TIME:
        rest, _, time = rest.rpartition(separator)
    elif count > _TO_TIME:
        *first, time, others = rest.split(separator, _TO_TIME + 1)
        rest = separator.join(first)
    if not number or not value or component in f"{number}{part}{value}{time}" or count > _MOST:
        return read_plain(line, encoding)
    known = kinds.short if count < _TO_TIME else kinds.known
    try:
        found = known[kind][test][rest]
    except LookupError:
        found = kinds.learnt(known, kind, test, rest)
    row = found, number, part or None, value, time or None
    if not others:
        return [row]
    segment = segment_of(row)
    read_plain_fields(segment, [*_BEFORE_OTHERS, *others.split(separator)], encoding)
    return segment


def segment_of(row: Row) -> Segment:
    """The dict of a result, a new one each time."""
    kind, number, part, value, time = row
    segment = kind.item["OBX"].copy()
    for name, parts in kind.composites:
        segment[name] = parts.copy()
    segment["f1"] = segment["f1_1"] = number
    if part is not None:
        segment["f4"] = segment["f4_1"] = part
    else:
        del segment["f4"], segment["f4_1"]
    segment["f5"] = segment["f5_1"] = value
    if time is not None:
        segment["f14"] = segment["f14_1"] = time
    return segment
