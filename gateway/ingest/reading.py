"""From bytes to mapped units: which of the source's mappings read the payload, and what they make of it."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from msgspec import structs

from gateway.core.errors import FhirError
from gateway.core.issues import Issue, any_blocks
from gateway.core.receipt import Payload
from gateway.formats import NO_OPTIONS, Options, decode
from gateway.ingest.drift import Watch
from gateway.mapping import Facts, Mapped, MappedUnit, MappingRegistry, Part, Step, Subject, held, part_of
from gateway.mapping import Mapping as PayloadMapping
from gateway.study import Study

_CHARSET = re.compile(r";\s*charset\s*=\s*\"?([A-Za-z0-9][A-Za-z0-9._:-]*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a payload says. `mapping` is `id|version`, several of them parted by commas, "" when none fits; `issues`
    are of the payload as a whole.

    Blocking issues mean that the payload is kept out whole; there are no units then. `makers` tells by reference
    which of several mappings made a resource; it is empty where there is one mapping.
    """

    mapping: str
    units: tuple[MappedUnit, ...] = ()
    issues: tuple[Issue, ...] = ()
    trace: tuple[Step, ...] = ()
    makers: Mapping[str, str] = field(default_factory=dict)


def read(
    payload: Payload,
    sha256: str,
    study: Study,
    registry: MappingRegistry,
    resolve: Callable[[str, str], Subject | None],
    *,
    trace: bool = False,
    watch: Watch | None = None,
    others: Collection[str] = (),
) -> Reading:
    """Decodes a payload, checks it against its schema and maps it; faults are issues, never exceptions.

    With `watch` the fields of the payload are compared with those of earlier ones. `others` are members that mappings
    read which are not asked here.
    """
    source = study.sources[payload.source]
    try:
        parts = choose(payload.body, source.mappings, registry, declared(payload))
    except FhirError as error:
        return Reading("", issues=error.issues)
    facts = Facts(
        study={**study.facts, **source.facts},
        envelope=payload.envelope,
        received=payload.received,
        sha256=sha256,
        resolve=resolve,
    )
    readings = []
    for part in parts:
        mapping, decoded = part.mapping, part_of(part.mapping, part.decoded, others).decoded
        mapped = mapping.map(decoded, facts, trace=trace)
        told: tuple[Issue, ...] = ()
        if watch is not None and not any_blocks(mapped.issues):
            told = watch.look(payload.source, mapping, decoded)
        readings.append(_reading(mapping, mapped, told))
    return readings[0] if len(readings) == 1 else _together(parts, readings)


def declared(payload: Payload) -> Options:
    """What the sender declares of the text: the `charset` of its media type, or of the facts beside a file."""
    found = _CHARSET.search(payload.media_type)
    charset = found[1] if found else payload.envelope.get("charset", "")
    return {"charset": charset} if charset else NO_OPTIONS


def choose(
    body: bytes, mappings: tuple[str, ...], registry: MappingRegistry, said: Options = NO_OPTIONS
) -> tuple[Part, ...]:
    """The first of the mappings whose format decodes the payload and that matches it, with the decoded payload;
    several, each with its part, where members of the payload belong to different mappings. `said` are options that
    the sender gives, of which those of the mapping count first.

    Raises the decoder's error when no format fits, the registry's when no mapping matches.
    """
    refusals: list[FhirError] = []
    for group in _by_format(mappings, registry):
        first = registry.get(group[0])
        try:
            decoded = decode(body, first.format, {**said, **first.source.options})
            return registry.parts(group, decoded, first.format)
        except FhirError as error:
            refusals.append(error)
    raise refusals[0]


def _by_format(mappings: tuple[str, ...], registry: MappingRegistry) -> list[tuple[str, ...]]:
    """The mapping ids in runs that one decoding serves."""
    groups: dict[tuple[str, str], list[str]] = {}
    for name in mappings:
        mapping = registry.get(name)
        groups.setdefault((mapping.format, repr(mapping.source.options)), []).append(name)
    return [tuple(group) for group in groups.values()]


def _reading(mapping: PayloadMapping, mapped: Mapped, told: tuple[Issue, ...]) -> Reading:
    units = () if any_blocks(mapped.issues) else mapped.units
    return Reading(mapping.canonical, units, (*told, *mapped.issues), mapped.trace)


def _together(parts: tuple[Part, ...], readings: list[Reading]) -> Reading:
    """What several mappings read of one payload: each participant's resources are one unit.

    A part that its mapping refuses is a unit of its own, which is kept out alone. Findings of a part as a whole say
    whose they are.
    """
    units: list[MappedUnit] = []
    issues: list[Issue] = []
    for part, reading in zip(parts, readings, strict=True):
        own = [replace(found, mapping=found.mapping or reading.mapping) for found in reading.issues]
        if any_blocks(own):
            units.append(MappedUnit(None, _place(part), 0, issues=tuple(own)))
        else:
            issues += own
            units += reading.units
    return Reading(
        ",".join(reading.mapping for reading in readings),
        tuple(_by_participant(units)),
        tuple(issues),
        tuple(step for reading in readings for step in reading.trace),
        {
            f"{resource['resourceType']}/{resource['id']}": reading.mapping
            for reading in readings
            for unit in reading.units
            for resource in unit.resources
        },
    )


def _place(part: Part) -> str:
    return part.decoded.locate((min(held(part.mapping, part.decoded.tree), default=""),))


def _by_participant(units: list[MappedUnit]) -> Iterator[MappedUnit]:
    """The units, those of one participant put together; those of nobody stay apart."""
    found: dict[str, MappedUnit] = {}
    for number, unit in enumerate(units):
        key = unit.subject.id if unit.subject else f"/{number}"
        known = found.get(key)
        found[key] = unit if known is None else _joined(known, unit)
    return iter(found.values())


def _joined(one: MappedUnit, other: MappedUnit) -> MappedUnit:
    return structs.replace(
        one,
        records=one.records + other.records,
        resources=(*one.resources, *other.resources),
        issues=(*one.issues, *other.issues),
        orders={**one.orders, **other.orders},
    )
