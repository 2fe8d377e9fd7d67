"""One value, explained: from the FHIR element back to the mapping line and the position in the payload."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.core.receipt import Receipt

if TYPE_CHECKING:
    from gateway.app import Gateway

ELEMENT = "valueQuantity.value"


@dataclass(frozen=True, slots=True)
class Explained:
    """Where one element's value came from."""

    element: str
    value: str
    expression: str
    mapping: str
    payload: str
    sources: tuple[str, ...]
    receipt: str
    sha256: str


def explain(gateway: "Gateway", receipt: Receipt) -> Explained:
    """The value of the first Observation of a receipt; raises `LookupError` when its mapping made none."""
    reading = gateway.ingest.trace(receipt)
    step = next(step for step in reading.trace if step.path.endswith("." + ELEMENT))
    reference = step.path.removesuffix("." + ELEMENT)
    unit = next(unit for unit in reading.units for found in unit.resources if reference.endswith(found["id"]))
    found = next(found for found in unit.resources if reference.endswith(found["id"]))
    return Explained(
        element=step.path,
        value=f"{found['valueQuantity']['value']} {found['valueQuantity'].get('unit', '')}",
        expression=step.expression,
        mapping=f"{reading.mapping} at {step.mapping}",
        payload=receipt.name,
        sources=step.sources,
        receipt=receipt.id,
        sha256=receipt.sha256,
    )
