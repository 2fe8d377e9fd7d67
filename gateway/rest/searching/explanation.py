"""How a search is run, as Parameters: what was understood of it, and each statement with its plan; no value, no row.

The name of a parameter here is ours: R4 has none for this.
"""

from collections.abc import Sequence

from gateway.access import Statement
from gateway.core.types import Resource
from gateway.search import Query, outline


def explanation(query: Query, statements: Sequence[Statement]) -> Resource:
    """`query` for each line of the outline, `ignored` for each fault passed over, and `statement` with `sql` and, for
    each of its steps, `plan`."""
    told = [{"name": "query", "valueString": line} for line in outline(query)]
    told += [{"name": "ignored", "valueString": fault.message} for fault in query.ignored]
    for one in statements:
        steps = [{"name": "plan", "valueString": step} for step in one.plan]
        told.append({"name": "statement", "part": [{"name": "sql", "valueString": one.text}, *steps]})  # type: ignore[dict-item]
    return {"resourceType": "Parameters", "parameter": told}
