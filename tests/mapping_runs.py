"""Runs a payload through decoder, schema and mapping as ingest does, without a store, for tests."""

from collections.abc import Callable, Sequence
from collections.abc import Mapping as Names
from dataclasses import dataclass, field
from functools import cache

from gateway.conformance import Validator
from gateway.core.assets import asset_root
from gateway.core.errors import FhirError
from gateway.core.ids import sha256
from gateway.core.issues import Issue
from gateway.core.models import to_model
from gateway.core.types import Resource
from gateway.definitions import r4
from gateway.formats import decode
from gateway.mapping import Facts, Mapping, MappingRegistry, Subject
from gateway.mapping.language.load import Surroundings
from gateway.mapping.registry import find_folders, read_mapping
from gateway.mapping.tools.examples import RECEIVED
from gateway.terminology import LocalTerminology

Resolve = Callable[[str, str], Subject | None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a payload: the mapping that took it ("" for none), resources of the units that may be stored."""

    mapping: str
    resources: tuple[Resource, ...] = ()
    issues: tuple[Issue, ...] = ()
    records: int = 0
    faults: tuple[str, ...] = field(default=())

    @property
    def refused(self) -> bool:
        """True when nothing of the payload may be stored."""
        return not self.resources

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules of the issues that keep data out, sorted; of all issues when none blocks."""
        blocking = {found.rule for found in self.issues if found.blocks}
        return tuple(sorted(blocking or {found.rule for found in self.issues}))


@cache
def shipped() -> Names[str, tuple[Mapping | None, tuple[Issue, ...]]]:
    """The product's own mappings by folder, None for one that cannot be used, each with all that was found in it."""
    around = Surroundings(r4(), LocalTerminology(r4()), (asset_root("terminology"),))
    return {name: read_mapping(folder, name, around) for name, folder in sorted(find_folders(asset_root("mappings")))}


@cache
def registry() -> MappingRegistry:
    """The product's own mappings."""
    return MappingRegistry([mapping for mapping, _ in shipped().values() if mapping])


@cache
def validator() -> Validator:
    """The R4 validator."""
    return Validator(r4(), LocalTerminology(r4()))


def anybody(system: str, value: str) -> Subject | None:
    """A participant for any identifier, of a site without a name and a birth date that nobody knows."""
    return Subject("anybody", "America/New_York", {"id": "1", "zone": "America/New_York"})


def run(body: bytes, mappings: Sequence[str], envelope: Names[str, str], resolve: Resolve) -> Outcome:
    """Decodes, checks and maps a payload by the first of `mappings` that takes it."""
    first = registry().get(mappings[0])
    try:
        decoded = decode(body, first.format, first.source.options)
        mapping = registry().find(mappings, decoded.tree)
    except FhirError as error:
        return Outcome("", issues=error.issues)
    facts = Facts({"id": "hf-dct-01", "zone": "UTC"}, envelope, RECEIVED, sha256(body), resolve)
    mapped = mapping.map(decoded, facts)
    resources = tuple(resource for unit in mapped.units if not unit.blocked for resource in unit.resources)
    issues = (*mapped.issues, *(found for unit in mapped.units for found in unit.issues))
    return Outcome(
        mapping.id,
        resources,
        issues,
        sum(unit.records for unit in mapped.units),
        tuple(fault for resource in resources for fault in faults(resource)),
    )


def faults(resource: Resource) -> list[str]:
    """Why a resource is not valid R4: by the product's validator, and by `fhir.resources` as a second opinion."""
    kind = resource["resourceType"]
    found = [
        f"{kind}: {each.rule} at {each.expression}: {each.message}"
        for each in validator().validate(resource)
        if each.blocks
    ]
    try:
        to_model(resource)
    except ValueError as error:
        found.append(f"{kind} is refused by fhir.resources: {str(error)[:200]}")
    return found
