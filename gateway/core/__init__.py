"""Values that every layer speaks in: resources, issues, instants, principals, ids, assets.

Nothing here knows a database, a web framework or a study. A resource is a plain dict tree in R4 JSON shape
whose decimals are `Decimal`, so that the text of every number survives (see docs/adr/0002).
Start with `Issue` and `codec`.
"""

from gateway.core.codec import dumps, loads
from gateway.core.errors import FhirError
from gateway.core.issues import Issue, issue, operation_outcome
from gateway.core.principal import Principal
from gateway.core.types import Resource

__all__ = ["FhirError", "Issue", "Principal", "Resource", "dumps", "issue", "loads", "operation_outcome"]
