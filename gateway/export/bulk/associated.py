"""Provenance that goes with an export: of each resource that leaves, the newest one, or every one.

See https://hl7.org/fhir/uv/bulkdata/export.html, "includeAssociatedData".
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from gateway.access import Door
from gateway.core.codec import loads
from gateway.core.instants import parse_interval
from gateway.core.resources import Stored
from gateway.search import Query
from gateway.search.query import ReferenceClause

PROVENANCE: Final = "Provenance"
LATEST: Final = "LatestProvenanceResources"
RELEVANT: Final = "RelevantProvenanceResources"
TARGETS_AT_ONCE: Final = 200


def provenances(door: Door, references: Iterable[Sequence[str]], preset: str) -> Iterator[Stored]:
    """The visible Provenance of the resources, some references at a time; each one once, in the same order each time.

    The ids of what was given are held.
    """
    given: set[str] = set()
    for some in references:
        found = list(door.stream(Query(PROVENANCE, (ReferenceClause("target", tuple(some)),))))
        wanted = _latest(found, frozenset(some)) if preset == LATEST else {one.key.id for one in found}
        for stored in found:
            if stored.key.id in wanted and stored.key.id not in given:
                given.add(stored.key.id)
                yield stored


def _latest(found: Sequence[Stored], targets: frozenset[str]) -> set[str]:
    """The ids of those that were recorded last, of each target."""
    last: dict[str, tuple[tuple[int, float, str], str]] = {}
    for stored in found:
        tree = loads(stored.body)
        recorded = parse_interval(str(tree.get("recorded", "")))
        order = (recorded.low if recorded else 0, stored.updated.timestamp(), stored.key.id)
        for target in _targets(tree):
            if target in targets and (target not in last or last[target][0] < order):
                last[target] = (order, stored.key.id)
    return {id for _, id in last.values()}


def _targets(provenance: dict[str, Any]) -> Iterator[str]:
    for target in provenance.get("target", ()):
        reference = target.get("reference") if isinstance(target, dict) else None
        if isinstance(reference, str):
            yield "/".join(reference.partition("/_history")[0].split("/")[-2:])
