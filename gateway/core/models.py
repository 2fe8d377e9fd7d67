"""Typed Python models at the edge: `fhir.resources` (R4B) over the gateway's dict trees.

The only module that imports `fhir.resources`. The models are a typed face for code that builds or reads
resources, and the tests' independent second opinion; nothing in the data path uses them, since they rewrite
decimals and instants (docs/adr/0002).
"""

from typing import Any

from gateway.core.codec import dumps, loads
from gateway.core.types import Resource


def to_model(resource: Resource) -> Any:
    """The `fhir.resources.R4B` model of a resource tree.

    Raises `ValueError` (pydantic's) when the model refuses it; that text holds data, so do not log it.
    """
    from fhir.resources.R4B import get_fhir_model_class

    return get_fhir_model_class(resource["resourceType"]).model_validate_json(dumps(resource))


def from_model(model: Any) -> Resource:
    """The resource tree of a `fhir.resources` model."""
    tree: Resource = loads(model.model_dump_json(exclude_none=True).encode())
    return tree
