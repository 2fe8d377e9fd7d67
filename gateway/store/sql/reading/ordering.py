"""Orders that no index gives: each sort key as two SQL columns, whether there is no value, and the value."""

from collections.abc import Mapping, Sequence
from functools import cmp_to_key
from typing import Any, TypeAlias

from sqlalchemy import BigInteger, Double, Integer, String, case, func, literal, select

from gateway.search.query import SortKey
from gateway.store.port import Position
from gateway.store.sql.among import among
from gateway.store.sql.database import Database
from gateway.store.sql.index.indexing import Indexes
from gateway.store.sql.index.tables import DateRow, FacetTextRow, NumberRow, ReferenceRow, StringRow, UnitRow
from gateway.store.sql.tables import UNDATED, Columns, columns_of
from gateway.store.sql.terms import of_parameter
from gateway.store.sql.visible import study_is

Order: TypeAlias = tuple[str, bool]
"""How a key is found (`id`, `updated`, `at`, or the kind of its rows), and whether it falls."""


def order_of(indexes: Indexes, type: str, keys: tuple[SortKey, ...], values: dict[str, Any]) -> tuple[Order, ...]:
    """The orders of sort keys; what their rows are is added to the values of the statement: `sort0` ..."""
    return tuple(_order(indexes, type, key, f"sort{number}", values) for number, key in enumerate(keys))


def _order(indexes: Indexes, type: str, key: SortKey, name: str, values: dict[str, Any]) -> Order:
    how, parameter = indexes.of(type), key.parameter
    if parameter in ("_id", "_lastUpdated"):
        return ({"_id": "id", "_lastUpdated": "updated"}[parameter], key.descending)
    if parameter == how.in_time:
        return ("at", key.descending)
    kind: str = indexes.parameters.of(type)[parameter].kind
    form = {"quantity": "number", "token": "sort", "uri": "sort"}.get(kind, kind)
    parts = how.unions.get(parameter, (how.same.get(parameter, parameter),))
    values[name] = [of_parameter(type, part, form) for part in parts]
    if parameter in how.same:
        targets = indexes.parameters.of(type)[parameter].targets
        values[f"{name}_types"] = ["", *sorted(targets)]
        return ("narrow-reference", key.descending)
    if form == "sort":
        return ("own-text" if parameter in how.own else "facet-text", key.descending)
    return (kind, key.descending)


def sort_columns(database: Database, orders: tuple[Order, ...], head: Columns) -> list[Any]:
    """Two columns for each order, and the key of the resource."""
    columns: list[Any] = []
    for number, (kind, falls) in enumerate(orders):
        columns += _columns(database, kind, f"sort{number}", head, falls=falls)
    return [*columns, head.pk]


def _columns(database: Database, kind: str, name: str, head: Columns, *, falls: bool) -> list[Any]:
    if kind == "id":
        return [literal(0, Integer), head.id if database.is_sqlite else head.id.collate("C")]
    if kind == "updated":
        return [literal(0, Integer), head.updated]
    if kind == "at":
        return [case((head.at == UNDATED, 1), else_=0), head.at]
    own = columns_of(_ROWS[kind])
    where = [own.study == study_is(), among(database, own.hash, name)]
    where.append(own.facet == head.facet if kind == "facet-text" else own.pk == head.pk)
    if kind == "narrow-reference":
        where.append(among(database, own.type, f"{name}_types"))
    value, nothing = _value(kind, own)
    ends = func.max if falls else func.min
    found = select(ends(value)).correlate_except(own.study.table).where(*where).scalar_subquery()
    return [case((found.is_(None), 1), else_=0), func.coalesce(found, nothing, type_=nothing.type)]


def merged(
    lists: Mapping[str, Sequence[tuple[Any, ...]]], keys: tuple[SortKey, ...]
) -> list[tuple[str, tuple[Any, ...]]]:
    """The rows of several types in one order, each with its type; rows start with what they are ordered by."""
    if len(keys) == 1 and keys[0].parameter == "_lastUpdated":
        falls = [keys[0].descending] * 2
    else:
        falls = [down for key in keys for down in (False, key.descending)] + [True] if keys else [True, True]

    def compare(left: tuple[str, tuple[Any, ...]], right: tuple[str, tuple[Any, ...]]) -> int:
        for number, down in enumerate(falls):
            one, other = left[1][number], right[1][number]
            if one != other:
                return -1 if (one < other) is not down else 1
        return 0

    return sorted(((type, row) for type, rows in lists.items() for row in rows), key=cmp_to_key(compare))


def _value(kind: str, own: Columns) -> tuple[Any, Any]:
    if kind == "date":
        return own.low, literal(0, BigInteger)
    if kind in ("number", "quantity"):
        if kind == "number":
            return own.low, literal(0.0, Double)
        unit = columns_of(UnitRow)
        based = select(unit.unit).where(unit.study == study_is(), unit.unit == own.unit, unit.canonical != "")
        return case((based.correlate_except(unit.study.table).exists(), own.canonical_low), else_=own.low), literal(
            0.0, Double
        )
    if kind in ("reference", "narrow-reference"):
        return case((own.type == "", own.id), else_=own.type + "/" + own.id), literal("", String)
    return (own.text if kind == "facet-text" else own.normal), literal("", String)


_ROWS: dict[str, Any] = {
    "date": DateRow,
    "number": NumberRow,
    "quantity": NumberRow,
    "reference": ReferenceRow,
    "narrow-reference": ReferenceRow,
    "string": StringRow,
    "own-text": StringRow,
    "facet-text": FacetTextRow,
}


def position(values: Sequence[Any]) -> Position:
    """A position as numbers and texts; a fraction is a text that starts with `~`."""
    return tuple(f"~{value!r}" if isinstance(value, float) else value for value in values)


def numbers(after: Position | None) -> list[Any]:
    """The values of a position again."""
    return [float(one[1:]) if isinstance(one, str) and one.startswith("~") else one for one in after or ()]
