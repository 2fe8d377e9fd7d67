"""From bytes to mapped units: which of the source's mappings reads the payload, and what it makes of it."""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.core.errors import FhirError
from gateway.core.issues import Issue, any_blocks
from gateway.core.receipt import Payload
from gateway.formats import Decoded, decode
from gateway.ingest.drift import Watch
from gateway.mapping import Facts, MappedUnit, MappingRegistry, Step, Subject
from gateway.mapping import Mapping as PayloadMapping
from gateway.study import Study


@dataclass(frozen=True, slots=True)
class Reading:
    """What a payload says. `mapping` is `id|version`, "" when none fits; `issues` are of the payload as a whole.

    Blocking issues mean that the payload is kept out whole; there are no units then.
    """

    mapping: str
    units: tuple[MappedUnit, ...] = ()
    issues: tuple[Issue, ...] = ()
    trace: tuple[Step, ...] = ()


def read(
    payload: Payload,
    sha256: str,
    study: Study,
    registry: MappingRegistry,
    resolve: Callable[[str, str], Subject | None],
    *,
    trace: bool = False,
    watch: Watch | None = None,
) -> Reading:
    """Decodes a payload, checks it against its schema and maps it; faults are issues, never exceptions.

    With `watch` the fields of the payload are compared with those of earlier ones.
    """
    source = study.sources[payload.source]
    try:
        mapping, decoded = choose(payload.body, source.mappings, registry)
    except FhirError as error:
        return Reading("", issues=error.issues)
    facts = Facts(
        study={**study.facts, **source.facts},
        envelope=payload.envelope,
        received=payload.received,
        sha256=sha256,
        resolve=resolve,
    )
    mapped = mapping.map(decoded, facts, trace=trace)
    if any_blocks(mapped.issues):
        return Reading(mapping.canonical, (), mapped.issues, mapped.trace)
    told = watch.look(payload.source, mapping, decoded.tree) if watch is not None else ()
    return Reading(mapping.canonical, mapped.units, (*told, *mapped.issues), mapped.trace)


def choose(body: bytes, mappings: tuple[str, ...], registry: MappingRegistry) -> tuple[PayloadMapping, Decoded]:
    """The first of the mappings whose format decodes the payload and that matches it, and the decoded payload.

    Raises the decoder's error when no format fits, the registry's when no mapping matches.
    """
    refusals: list[FhirError] = []
    for group in _by_format(mappings, registry):
        first = registry.get(group[0])
        try:
            decoded = decode(body, first.format, first.source.options)
            return registry.find(group, decoded.tree, first.format), decoded
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
