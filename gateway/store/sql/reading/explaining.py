"""How a search runs: its statements without values, and what the database's planner makes of each.

What is told depends on the shape of a search and on how common its codes are in the study, never on one row.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from gateway.store.port import Statement
from gateway.store.sql.database import Prepared, Read, Rows, Values

_TOLD: Final = ("Relation Name", "Index Name", "Join Type", "Strategy", "Scan Direction", "Parent Relationship")
"""What is told of a node of PostgreSQL's plans; conditions, which hold values, and numbers of rows are not."""

_NONE: Final[Rows] = [(0, None)]
"""A facet that is nobody's: what no facet answers is asked in the same way as what some do."""


def explained(read: Read, work: Callable[[Read], object], *, is_sqlite: bool) -> tuple[Statement, ...]:
    """The statements that `work` reads with, each once, in their order."""
    asked: dict[str, tuple[Prepared, Values]] = {}

    def noting(one: Prepared, values: Values) -> Rows:
        asked.setdefault(one.text, (one, dict(values)))
        rows = read(one, values)
        return rows or (_NONE if "facet_limit" in values else rows)

    work(noting)
    plan = _sqlite if is_sqlite else _postgres
    return tuple(Statement(text, tuple(plan(read, *one))) for text, one in asked.items())


def _sqlite(read: Read, one: Prepared, values: Values) -> Iterator[str]:
    depths = {0: 0}
    for id, parent, _, detail in read(Prepared("EXPLAIN QUERY PLAN " + one.text, one.order, one.constants), values):
        depths[id] = depths.get(parent, 0) + 1
        yield f"{'> ' * depths[parent]}{detail}"


def _postgres(read: Read, one: Prepared, values: Values) -> Iterator[str]:
    text = "EXPLAIN (COSTS OFF, FORMAT JSON) " + one.text
    [(found,)] = read(Prepared(text, one.order, one.constants), values)
    [tree] = json.loads(found) if isinstance(found, str) else found
    yield from _nodes(tree["Plan"], 0)


def _nodes(node: Mapping[str, Any], depth: int) -> Iterator[str]:
    told = [f"{name.lower()} {node[name]}" for name in _TOLD if name in node]
    yield f"{'> ' * depth}{node['Node Type']}" + (f" ({', '.join(told)})" if told else "")
    for below in node.get("Plans", ()):
        yield from _nodes(below, depth + 1)
