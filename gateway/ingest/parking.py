"""Data that came before what they belong to: what a unit waits for, and whether it has come.

A visit may come before its participant, a result before its order. Where the study says how long (`parking`), such a
unit is kept out whole, and its payload is read again when what was missing is there, or the time is over.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.core.issues import Issue, issue
from gateway.core.types import Resource
from gateway.ingest.facts import StoredFacts
from gateway.ingest.subjects import Subjects
from gateway.mapping import MappedUnit

WAITS: Final = frozenset({"mapping.subject-unknown", "ingest.parent-missing", "ingest.others-wait"})
"""The rules that time may heal; a unit that breaks any other one does not wait."""

PARENTS: Final = frozenset({"Device", "Encounter", "ResearchSubject", "ServiceRequest", "Specimen"})
"""Types of what other resources belong to, and that come from sources."""


def waits(issues: Iterable[Issue]) -> bool:
    """Whether all that keeps a unit out may be healed by time; False when nothing keeps it out."""
    blocking = [entry.rule for entry in issues if entry.blocks]
    return bool(blocking) and WAITS.issuperset(blocking)


@dataclass(slots=True)
class Awaited:
    """What one payload's units wait for: `identifiers` (system, value) of participants, `references` (`Type/id`), and
    `named`, resources that are referred to by type, system and value of an identifier."""

    identifiers: frozenset[tuple[str, str]] = frozenset()
    references: set[str] = field(default_factory=set)
    named: set[tuple[str, str, str]] = field(default_factory=set)

    def missing(self, unit: MappedUnit, taken: Iterable[str], stored: StoredFacts) -> Iterator[Issue]:
        """An issue for each resource that the unit refers to and that is neither in it nor in the store.

        `taken` are the types that the study takes: no other one will ever come.
        """
        own = {f"{resource['resourceType']}/{resource['id']}" for resource in unit.resources}
        wanted = PARENTS.intersection(taken)
        references, named = _references(unit.resources) if wanted else (set(), set())
        missing = {found for found in references - own if found.partition("/")[0] in wanted}
        missing = {found for found in missing if stored.resolve(found) is None}
        named -= {
            (resource["resourceType"], identifier.get("system", ""), identifier.get("value", ""))
            for resource in unit.resources
            if isinstance(identifiers := resource.get("identifier"), list)
            for identifier in identifiers
        }
        unnamed = {found for found in named if found[0] in wanted and not stored.is_there(*found)}
        self.references |= missing
        self.named |= unnamed
        for kind in sorted([*(found.partition("/")[0] for found in missing), *(found[0] for found in unnamed)]):
            yield issue("ingest.parent-missing", source=unit.label, type=kind)

    def has_come(self, subjects: Subjects, stored: StoredFacts) -> bool:
        """Whether any of it is there now, so that it is worth to read the payload again."""
        return (
            any(subjects(*identifier) for identifier in self.identifiers)
            or any(stored.resolve(reference) for reference in self.references)
            or any(stored.is_there(*named) for named in self.named)
        )


def _references(resources: Iterable[Resource]) -> tuple[set[str], set[tuple[str, str, str]]]:
    """All that resources refer to: by reference, and where there is none by type and identifier."""
    references: set[str] = set()
    named: set[tuple[str, str, str]] = set()
    left: list[Any] = list(resources)
    while left:
        value = left.pop()
        if isinstance(value, list | tuple):
            left.extend(value)
        elif isinstance(value, dict):
            left.extend(value.values())
            identifier = value.get("identifier")
            if isinstance(reference := value.get("reference"), str):
                references.add(reference)
            elif isinstance(kind := value.get("type"), str) and isinstance(identifier, dict):
                named.add((kind, identifier.get("system", ""), identifier.get("value", "")))
    return references, named
