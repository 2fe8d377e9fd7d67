"""What a reader may take along, counted: resources and days by stream and participant, and each stream's numbers."""

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from gateway.access import Door
from gateway.core.codec import loads_stored

OWNERS: Final = ("subject", "patient", "individual", "beneficiary")
"""Elements that tell whose a resource is."""

TIMES: Final = (
    "effectiveDateTime",
    "effectiveInstant",
    "authored",
    "started",
    "performedDateTime",
    "occurrenceDateTime",
)
PERIODS: Final = ("effectivePeriod", "period", "performedPeriod")
"""Elements that tell of which day a resource is; of a period its start."""

LARGEST: Final = 10**300
"""Numbers from here on cannot be drawn, and are left out."""


@dataclass(slots=True)
class Stream:
    """What has one name: resources and days with data by participant, and the numbers as they were told.

    `days` holds YYYY-MM-DD in the clock of the source; `values` come by unit, "" for numbers without one.
    """

    resources: Counter[str] = field(default_factory=Counter)
    days: dict[str, set[str]] = field(default_factory=dict)
    values: dict[str, "array[float]"] = field(default_factory=dict)


@dataclass(slots=True)
class Gathered:
    """Resources by type, streams by name; participants are ids of Patients."""

    types: Counter[str] = field(default_factory=Counter)
    streams: dict[str, Stream] = field(default_factory=dict)

    @property
    def participants(self) -> list[str]:
        """Everybody in a stream, sorted."""
        return sorted({one for stream in self.streams.values() for one in stream.resources})

    def add(self, resource: Mapping[str, Any]) -> None:
        """Counts one resource; one that is nobody's counts for its type only."""
        self.types[resource["resourceType"]] += 1
        person = _person(resource)
        if not person:
            return
        stream = self.streams.setdefault(_name(resource), Stream())
        stream.resources[person] += 1
        if day := _day(resource):
            stream.days.setdefault(person, set()).add(day)
        for name, unit, value in _numbers(resource):
            own = self.streams[name] if name in self.streams else self.streams.setdefault(name, Stream())
            own.values.setdefault(unit, array("d")).append(value)


def gather(door: Door, types: Iterable[str]) -> Gathered:
    """Counts the types that the reader's scopes allow as a whole, batch by batch.

    Consent is asked with the action `disclose`. Numbers are held, eight bytes each.
    """
    gathered = Gathered()
    for kind in types:
        if door.may(kind, "r", "s"):
            for batch in door.batches(kind):
                for body in batch.bodies:
                    gathered.add(loads_stored(body))
    return gathered


def _person(resource: Mapping[str, Any]) -> str:
    for owner in OWNERS:
        reference = resource.get(owner)
        text = reference.get("reference", "") if isinstance(reference, dict) else ""
        if text.startswith("Patient/"):
            return str(text).split("/")[1]
    return ""


def _name(resource: Mapping[str, Any]) -> str:
    return _label(resource.get("code")) if resource["resourceType"] == "Observation" else resource["resourceType"]


def _label(concept: Any) -> str:
    """What people call the concept; its code when it has no name."""
    if not isinstance(concept, dict):
        return "Observation"
    first: Mapping[str, Any] = next(iter(concept.get("coding") or ()), {})
    return str(first.get("display") or concept.get("text") or first.get("code") or "Observation")


def _day(resource: Mapping[str, Any]) -> str:
    starts = (resource[name].get("start") for name in PERIODS if isinstance(resource.get(name), dict))
    for text in (*(resource.get(name) for name in TIMES), *starts):
        if isinstance(text, str) and len(text) >= 10:
            return text[:10]
    return ""


def _numbers(resource: Mapping[str, Any]) -> Iterator[tuple[str, str, float]]:
    """Name of the stream, unit and number of each quantity, those of components under their own names."""
    for part in (resource, *(resource.get("component") or ())):
        quantity = part.get("valueQuantity")
        value = quantity.get("value") if isinstance(quantity, dict) else None
        if isinstance(value, int | float | Decimal) and -LARGEST < value < LARGEST:
            yield _label(part.get("code")), str(quantity.get("unit") or quantity.get("code") or ""), float(value)
