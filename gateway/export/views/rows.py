"""How the parts of a select give rows: one row of a node, one a child, the product and the union of parts."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import product
from types import NoneType
from typing import Any, Final, TypeAlias

from gateway.core.errors import Unprocessable
from gateway.core.issues import issue
from gateway.export.views.columns import Kind, Shape
from gateway.export.views.definition import Column
from gateway.fhirpath import Env, Expression

Row: TypeAlias = tuple[Any, ...]
Rows: TypeAlias = Callable[[Any, Env], list[Row]]
"""The rows of one node."""

ROW_INDEX: Final = "rowIndex"
"""The variable that tells a node's number among those of its iteration."""

MAX_REPEATED: Final = 100_000
"""How many nodes a `repeat` visits in one resource."""

MAX_ROWS: Final = 1_000_000
"""How many rows one resource may give."""


def single_row(columns: Sequence[tuple[Expression, Shape, Column]]) -> Rows:
    """One row of the columns' values."""
    cells = [
        (path, None if shape.collection else _PASSED[shape.kind], shape, column) for path, shape, column in columns
    ]

    def rows(node: Any, env: Env) -> list[Row]:
        row: list[Any] = []
        # The loop is as long as a view is wide, and runs for each resource: nothing is called that need not be.
        for path, passed, shape, column in cells:
            found = path.evaluate(node, env)
            if not found and passed is not None:
                row.append(None)
            elif len(found) == 1 and found[0].__class__ is passed:
                row.append(found[0])
            else:
                row.append(_cell(found, shape, column))
        return [tuple(row)]

    return rows


_PASSED: Final[dict[Kind, type]] = {
    "string": str,
    "boolean": bool,
    "decimal": Decimal,
    "integer": NoneType,
    "double": NoneType,
    "date": NoneType,
    "timestamp": NoneType,
}
"""The class of items that are a column's value as they are; an integer may be too large, no item is None."""


def _cell(found: list[Any], shape: Shape, column: Column) -> Any:
    if shape.collection:
        return [_made(shape.value, item, column) for item in found]
    if len(found) > 1:
        raise Unprocessable(issue("export.view-several", expression=column.place, column=column.name))
    return _made(shape.value, found[0], column)


def _made(make: Callable[[Any], Any], item: Any, column: Column) -> Any:
    try:
        return make(item)
    except ValueError as error:
        raise Unprocessable(
            issue("export.view-value", expression=column.place, column=column.name, expected=error)
        ) from None


def each(path: Expression, inner: Rows, *, or_null: bool) -> Rows:
    """The rows of every node that the path leads to; `or_null`: where there is none, those of no node at all."""

    def rows(node: Any, env: Env) -> list[Row]:
        nodes = path.evaluate(node, env)
        if not nodes and or_null:
            return inner(None, _at(env, 0))
        found: list[Row] = []
        for index, child in enumerate(nodes):
            found += inner(child, _at(env, index))
        return found

    return rows


def repeated(start: Sequence[Expression], below: Sequence[Expression], inner: Rows) -> Rows:
    """The rows of every node that the paths lead to, and of those that they lead to from there, parents first."""

    def nodes(node: Any, env: Env) -> list[Any]:
        found: list[Any] = []
        waiting = [child for path in start for child in path.evaluate(node, env)][::-1]
        while waiting:
            child = waiting.pop()
            found.append(child)
            if len(found) > MAX_REPEATED:
                raise Unprocessable(issue("export.view-too-many", limit=MAX_REPEATED))
            waiting += [deeper for path in below for deeper in path.evaluate(child, env)][::-1]
        return found

    def rows(node: Any, env: Env) -> list[Row]:
        return [row for index, child in enumerate(nodes(node, env)) for row in inner(child, _at(env, index))]

    return rows


def multiplied(parts: Sequence[Rows]) -> Rows:
    """Every combination of the parts' rows."""
    if len(parts) == 1:
        return parts[0]

    def rows(node: Any, env: Env) -> list[Row]:
        found = [part(node, env) for part in parts]
        count = 1
        for own in found:
            count *= len(own)
        if count == 1:
            return [tuple([value for [row] in found for value in row])]
        if count > MAX_ROWS:
            raise Unprocessable(issue("export.view-too-many", limit=MAX_ROWS))
        return [tuple([value for row in rows for value in row]) for rows in product(*found)]

    return rows


def concatenated(branches: Sequence[Rows]) -> Rows:
    """The rows of one branch after the other."""

    def rows(node: Any, env: Env) -> list[Row]:
        return [row for branch in branches for row in branch(node, env)]

    return rows


def _at(env: Env, index: int) -> Env:
    """The environment of the node with this number; the same one in a view that never asks for the number."""
    variables = env.variables
    return replace(env, variables={**variables, ROW_INDEX: index}) if ROW_INDEX in variables else env
