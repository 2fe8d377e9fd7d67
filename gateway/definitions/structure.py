"""Structures as values, read from StructureDefinition JSON.

See https://hl7.org/fhir/R4/structuredefinition.html.
"""

from dataclasses import dataclass

from gateway.core import Resource
from gateway.definitions.elements import Elements


@dataclass(frozen=True, slots=True)
class Structure:
    """A StructureDefinition: its elements are in the order of the specification, the root first.

    `kind` is primitive-type, complex-type, resource or logical; `derivation` is specialization or constraint, None
    for Element and Resource. `snapshot` is False where only the differential was published: the elements are then
    those of the differential.
    """

    url: str
    version: str | None
    type: str
    kind: str
    abstract: bool
    base: str | None
    derivation: str | None
    elements: Elements
    snapshot: bool
    contexts: tuple[tuple[str, str], ...] = ()
    context_invariants: tuple[str, ...] = ()


def read_structure(resource: Resource) -> Structure:
    """The structure of a StructureDefinition resource, snapshot preferred; its elements are read when asked for."""
    snapshot = "snapshot" in resource
    nodes = resource.get("snapshot" if snapshot else "differential", {}).get("element", [])
    return Structure(
        url=resource["url"],
        version=resource.get("version"),
        type=resource.get("type", ""),
        kind=resource.get("kind", ""),
        abstract=bool(resource.get("abstract", False)),
        base=resource.get("baseDefinition"),
        derivation=resource.get("derivation"),
        elements=Elements(nodes, of_resource=resource.get("kind") == "resource"),
        snapshot=snapshot,
        contexts=tuple((entry["type"], entry["expression"]) for entry in resource.get("context", ())),
        context_invariants=tuple(resource.get("contextInvariant", ())),
    )
