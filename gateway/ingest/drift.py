"""What changes in the payloads of a source: fields that the schema does not know, fields that have stopped coming.

A vendor that renames a field breaks nothing: the payload fits, and values go missing. The watch tells, on the
receipt of the first payload that shows it. What it remembers lives in the process: after a start it tells of unseen
fields once more, and of vanished ones when it has seen enough payloads with them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Final

from gateway.core.issues import Issue, issue
from gateway.formats import FORMATS, Decoded
from gateway.ingest.landing import Landing
from gateway.mapping import Mapping
from gateway.mapping.tools.drift import Fields, Path, Place, Places, shown, undescribed, used

UNSEEN: Final = "ingest.unseen-fields"
VANISHED: Final = "ingest.vanished-fields"

STEADY: Final = 20
"""In how many payloads one after the other a field must have been, for its absence to be told."""

MAX_SHAPES: Final = 64
"""How many distinct sets of fields are remembered of one source and mapping."""

MAX_TOLD: Final = 1_000
"""How many unseen fields of one source and mapping are told of; a hostile sender can make up names without end."""

MAX_PLACES: Final = 20_000
"""How many places of fields are remembered of one source and mapping before they are forgotten and learnt anew."""


@dataclass(slots=True)
class _Used:
    """A field that the mapping reads: its place, that of its object, and in how many payloads in a row it was."""

    place: Place
    above: Place
    streak: int = 0


@dataclass(slots=True)
class _Memory:
    """What is known of the payloads of one source that one mapping reads.

    `last` are the fields of the last payload, and `again` in how many more payloads just these were: their streaks
    are not counted yet.
    """

    used: tuple[_Used, ...]
    read: frozenset[Path]
    known: Places = field(default_factory=Places)
    places: int = 0
    shapes: set[frozenset[Place]] = field(default_factory=set)
    told: set[Path] = field(default_factory=set)
    last: Fields | None = None
    again: int = 0

    @classmethod
    def of(cls, paths: frozenset[Path]) -> "_Memory":
        memory = cls(tuple(_Used(Place(path), Place()) for path in sorted(paths)), paths)
        memory.begin()
        return memory

    def begin(self) -> None:
        """Learns the places anew; what was told, and how often fields came, stays."""
        self.count()
        self.known, self.places, self.last = Places(), 0, None
        self.shapes.clear()
        for one in self.used:
            one.above = self.known.root.down(one.place.path[:-1])
            one.place = one.above.at(one.place.path[-1])

    def count(self) -> None:
        """Counts the payloads that had the last fields again."""
        if self.last is not None and self.again:
            for one in self.used:
                if one.place in self.last.places:
                    one.streak += self.again
        self.again = 0


class Watch:
    """Remembers the fields of the payloads of a study's sources; for several threads."""

    def __init__(self, steady: int = STEADY) -> None:
        self._steady = steady
        self._lock = Lock()
        self._memories: dict[tuple[str, str], _Memory] = {}

    def look(self, source: str, mapping: Mapping, decoded: Decoded) -> tuple[Issue, ...]:
        """What is new in a payload that fits its schema: () most of the time."""
        with self._lock:
            memory = self._memories.get((source, mapping.canonical))
            if memory is None:
                memory = self._memories[source, mapping.canonical] = _Memory.of(used(mapping.plan))
            if memory.places > MAX_PLACES:
                memory.begin()
            fields = memory.known.fields(decoded, FORMATS[mapping.format].alike)
            unseen = self._unseen(memory, mapping, fields)
            vanished = self._vanished(memory, fields)
        return (*_told(UNSEEN, unseen), *_told(VANISHED, vanished))

    def _unseen(self, memory: _Memory, mapping: Mapping, fields: Fields) -> frozenset[Path]:
        if fields.places in memory.shapes:
            return frozenset()
        memory.places += len(fields.places)
        if len(memory.shapes) < MAX_SHAPES:
            memory.shapes.add(fields.places)
        if mapping.schema is None or len(memory.told) >= MAX_TOLD:
            return frozenset()
        found = undescribed(dict(mapping.schema.tree), fields.present) - memory.read - memory.told
        memory.told |= found
        return found

    def _vanished(self, memory: _Memory, fields: Fields) -> list[Path]:
        """The fields of objects that are there, which have been in each of the last payloads that had the object."""
        if fields is memory.last:  # nothing has stopped coming since
            memory.again += 1
            return []
        memory.count()
        memory.last = fields
        found = []
        places, objects = fields.places, fields.objects
        for one in memory.used:
            if one.place in places:
                one.streak += 1
            elif one.above in objects:
                if one.streak >= self._steady:
                    found.append(one.place.path)
                one.streak = 0
        return found


@dataclass(frozen=True, slots=True)
class Drifted:
    """What receipts of a source told of its fields: in how many, and when for the first and last time."""

    source: str
    mapping: str
    rule: str
    message: str
    receipts: int
    first: datetime
    last: datetime


def drift(landing: Landing, study: str, source: str = "") -> tuple[Drifted, ...]:
    """What the receipts of a study, or of one source of it, tell of drift, oldest first. No payload is read."""
    found: dict[tuple[str, str, str, str], Drifted] = {}
    for rule in (UNSEEN, VANISHED):
        for receipt in landing.receipts(study, source=source or None, rule=rule):
            for told in (entry for entry in receipt.issues if entry.rule == rule):
                key = (receipt.source, told.mapping or receipt.mapping, rule, told.message)
                known = found.get(key)
                count, first = (known.receipts, known.first) if known else (0, receipt.received)
                found[key] = Drifted(*key, count + 1, first, receipt.received)
    return tuple(sorted(found.values(), key=lambda one: (one.first, one.source, one.message)))


def _told(rule: str, fields: Iterable[Path]) -> tuple[Issue, ...]:
    known = tuple(fields)
    return (issue(rule, count=len(known), fields=shown(known)),) if known else ()
