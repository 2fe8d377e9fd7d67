"""What would change in the store if another mapping read the payloads of a study: before anyone approves it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gateway.core.codec import loads
from gateway.core.errors import Gone, NotFound
from gateway.core.types import Resource
from gateway.ingest.inspection import Inspection
from gateway.ingest.reading import Reading
from gateway.mapping import Mapping
from gateway.mapping.tools.compare import Change, changes


@dataclass(frozen=True, slots=True)
class Rerun:
    """One difference that reading a receipt's payload again would make.

    `change` is about a stored resource, or tells of one that would no longer be made, or would be new: its `old` is
    None then, and its content is not told, since no Consent was asked for it. It is None where `refused` is the rule
    that would keep the payload, or a unit of it, out. `hidden` is True for a resource that is stored and that the
    client does not see; its change is not told.
    """

    receipt: str
    change: Change | None = None
    refused: str = ""
    hidden: bool = False


def rerun(inspection: Inspection, old: Mapping, new: Mapping) -> Iterator[Rerun]:
    """The differences between what is stored and what the new mapping would store, where the mappings differ.

    What both mappings make alike is left alone, even where the store has something else: a later payload, or an older
    mapping. Each change of an element is told once, for the first payload that would make it.
    """
    told: set[tuple[str, str]] = set()
    for receipt, before, after in inspection.pairs(old, new, "compare"):
        for rule in sorted(_refusals(after) - _refusals(before)):
            yield Rerun(receipt.id, refused=rule)
        made, wanted = _by_reference(before), _by_reference(after)
        for reference in dict.fromkeys([*made, *wanted]):
            one, other = made.get(reference), wanted.get(reference)
            if not changes([one] if one else [], [other] if other else []):
                continue
            for found in _against_store(inspection, receipt.id, reference, one, other):
                key = (found.change.path if found.change else reference, str(found.hidden))
                if key not in told:
                    told.add(key)
                    yield found


def _against_store(
    inspection: Inspection, receipt: str, reference: str, made: Resource | None, wanted: Resource | None
) -> Iterator[Rerun]:
    try:
        stored = loads(inspection.read(reference).body)
    except (NotFound, Gone):
        if made is None:
            kind, _, identity = reference.partition("/")
            yield Rerun(receipt, Change(reference, None, {"resourceType": kind, "id": identity}))
        else:
            yield Rerun(receipt, hidden=True)
        return
    now = _without_server_meta(stored)
    for change in changes([now], [wanted] if wanted is not None else []):
        yield Rerun(receipt, change)


def _without_server_meta(resource: dict[str, Any]) -> dict[str, Any]:
    """The resource as it was received."""
    kept = {key: value for key, value in resource.get("meta", {}).items() if key not in ("versionId", "lastUpdated")}
    rest = {key: value for key, value in resource.items() if key != "meta"}
    return rest | ({"meta": kept} if kept else {})


def _by_reference(reading: Reading) -> dict[str, Resource]:
    made = (resource for unit in reading.units if not unit.blocked for resource in unit.resources)
    return {f"{resource['resourceType']}/{resource['id']}": resource for resource in made}


def _refusals(reading: Reading) -> set[str]:
    found = [*reading.issues, *(entry for unit in reading.units for entry in unit.issues)]
    return {entry.rule for entry in found if entry.blocks}
