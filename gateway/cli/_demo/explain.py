"""One value, explained: from the FHIR element back to the mapping line and the position in the payload."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.cli._map.looking import inspection
from gateway.core.receipt import Receipt

if TYPE_CHECKING:
    from gateway.app import Gateway

ELEMENT = "valueQuantity.value"
CLIENT = "data-manager"


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
    reading = inspection(gateway, receipt.study, CLIENT).trace(receipt)
    resources = {
        f"{found['resourceType']}/{found['id']}": found for unit in reading.units for found in unit.resources
    }
    for step in reading.trace:
        reference, _, element = step.path.partition(".")
        if element == ELEMENT and reference in resources:
            quantity = resources[reference]["valueQuantity"]
            return Explained(
                element=step.path,
                value=f"{quantity['value']} {quantity.get('unit', '')}",
                expression=step.expression,
                mapping=f"{reading.mapping} at {step.mapping}",
                payload=receipt.name,
                sources=step.sources,
                receipt=receipt.id,
                sha256=receipt.sha256,
            )
    raise LookupError(ELEMENT)
