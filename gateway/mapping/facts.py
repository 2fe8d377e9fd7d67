"""What a mapping is told beside the payload, and what it gives back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from msgspec import Struct, field

from gateway.core.issues import Issue, any_blocks
from gateway.core.types import Resource


class Subject(Struct, frozen=True):
    """The participant whose data a unit holds.

    `id` is the Patient's logical id, `zone` an IANA zone, `site` a mapping with at least `id` and `zone`,
    `birth_date` a FHIR date or None, `subject_id` the ResearchSubject's logical id or None.
    """

    id: str
    zone: str
    site: Mapping[str, Any] = field(default_factory=dict)
    birth_date: str | None = None
    subject_id: str | None = None

    @property
    def reference(self) -> str:
        """The relative reference, `Patient/1`."""
        return f"Patient/{self.id}"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the caller knows: `study` (at least `id`), `envelope` (what came with the payload), when it was received.

    `resolve(system, value)` gives the participant with this identifier in the study, None when there is none.
    """

    study: Mapping[str, Any]
    envelope: Mapping[str, str]
    received: datetime
    sha256: str
    resolve: Callable[[str, str], Subject | None]


@dataclass(frozen=True, slots=True)
class Step:
    """Where one element came from: `Observation/<id>.valueQuantity.value` <- mapping position, expression, sources.

    `sources` are native positions in the payload; empty for constants and for facts that are not in the payload.
    """

    path: str
    mapping: str
    expression: str
    sources: tuple[str, ...]


class Place:
    """A position in the payload, without participant data, that is looked up when its text is asked for."""

    __slots__ = ("_find", "_text")

    def __init__(self, find: Callable[[], str]) -> None:
        self._find = find
        self._text: str | None = None

    def __str__(self) -> str:
        if self._text is None:
            self._text = self._find()
        return self._text

    def __repr__(self) -> str:
        return repr(str(self))

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))


class MappedUnit(Struct, frozen=True):
    """What is committed together: the resources of one subject, each with its `id`.

    `subject` is None when it is unknown; then there are no resources. `place` is where it starts in the payload.
    `orders` has the instant (UTC, FHIR) of `version_order` by reference, for emits that state one:
    an older one must not replace a newer one.
    """

    subject: Subject | None
    place: str | Place
    records: int
    resources: tuple[Resource, ...] = ()
    issues: tuple[Issue, ...] = ()
    orders: Mapping[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The position in the payload where the unit starts, without participant data."""
        return str(self.place)

    @property
    def blocked(self) -> bool:
        """True when the unit must be quarantined whole."""
        return any_blocks(self.issues)


class Mapped(Struct, frozen=True):
    """The units of one payload; `issues` are those of the payload as a whole."""

    units: tuple[MappedUnit, ...]
    issues: tuple[Issue, ...] = ()
    trace: tuple[Step, ...] = ()

    @property
    def resources(self) -> tuple[Resource, ...]:
        """The resources of all units."""
        if len(self.units) == 1:
            return self.units[0].resources
        return tuple(resource for unit in self.units for resource in unit.resources)
