"""The one shape of data that the gateway passes around."""

from typing import Any, TypeAlias

Resource: TypeAlias = dict[str, Any]
"""A FHIR resource as the JSON tree it is on the wire: dict, list, str, bool, int, Decimal, None."""
