"""The columns of a row: which values each can hold, and how a FHIRPath item becomes one.

Dates and times stay the text that the resource has, with its precision and offset, unless the column asks for more
by the tag `ansi/type` (DATE, TIMESTAMP, DOUBLE PRECISION ...). Decimals stay decimals.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final, Literal, TypeAlias

from gateway.core.instants import from_micros, parse_interval
from gateway.export.views.definition import Column
from gateway.fhirpath import Element, Expression, Temporal

Kind: TypeAlias = Literal["boolean", "integer", "decimal", "double", "string", "date", "timestamp"]

_KINDS: Final[Mapping[str, Kind]] = {
    "boolean": "boolean",
    "integer": "integer",
    "integer64": "integer",
    "positiveInt": "integer",
    "unsignedInt": "integer",
    "Long": "integer",
    "decimal": "decimal",
}
_SQL_KINDS: Final[Mapping[str, Kind]] = {
    "BOOLEAN": "boolean",
    "SMALLINT": "integer",
    "INTEGER": "integer",
    "INT": "integer",
    "BIGINT": "integer",
    "DECIMAL": "decimal",
    "NUMERIC": "decimal",
    "REAL": "double",
    "FLOAT": "double",
    "DOUBLE PRECISION": "double",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamp",
}

_BIGGEST: Final = 2**63


@dataclass(frozen=True, slots=True)
class Shape:
    """One column of the result: its name, what its values are, whether it holds lists of them."""

    name: str
    kind: Kind
    collection: bool

    @property
    def value(self) -> Callable[[Any], Any]:
        """Makes the column's value of an item; raises ValueError for an item that the column cannot hold."""
        return _MAKERS[self.kind]


def shape_of(column: Column, expression: Expression | None) -> Shape:
    """The shape of a column: by its tag, else its type, else what is known of its expression."""
    sql = _SQL_KINDS.get(column.sql.partition("(")[0].strip())
    if sql is None:
        known = expression.result.sole if expression is not None else None
        name = column.type or (known or "").removeprefix("System.")
        sql = _KINDS.get(name) or _KINDS.get(name[:1].lower() + name[1:], "string")
    return Shape(column.name, sql, column.collection)


def _plain(item: Any) -> Any:
    """The primitive value of an item; raises ValueError for a complex one."""
    value = item.value if item.__class__ is Element else item
    if value.__class__ is Temporal:
        return str(value)
    if value is None or isinstance(value, str | bool | int | Decimal):
        return value
    raise ValueError("a primitive value")


def _string(item: Any) -> str | None:
    if item.__class__ is str:
        return item
    value = _plain(item)
    if value.__class__ is bool:
        return "true" if value else "false"
    if value is None or value.__class__ is str:
        return value
    return format(value, "f") if value.__class__ is Decimal else str(value)


def _boolean(item: Any) -> bool | None:
    value = _plain(item)
    if value is None or value.__class__ is bool:
        return value
    raise ValueError("true or false")


def _integer(item: Any) -> int | None:
    value = _plain(item)
    if value is None or (value.__class__ is int and -_BIGGEST <= value < _BIGGEST):
        return value
    raise ValueError("a 64-bit integer")


def _decimal(item: Any) -> Decimal | None:
    value = _plain(item)
    if value is None or value.__class__ is Decimal:
        return value
    if value.__class__ is int:
        return Decimal(value)
    raise ValueError("a number")


def _double(item: Any) -> float | None:
    value = _decimal(item)
    return None if value is None else float(value)


def _date(item: Any) -> date | None:
    value = _plain(item)
    if value is None:
        return None
    try:
        return date.fromisoformat(value[:10])
    except (TypeError, ValueError):
        raise ValueError("a date with its day") from None


def _timestamp(item: Any) -> datetime | None:
    value = _plain(item)
    interval = parse_interval(value) if value.__class__ is str and "T" in value else None
    if value is None or interval is not None:
        return None if interval is None else from_micros(interval.low).astimezone(UTC)
    raise ValueError("an instant")


_MAKERS: Final[Mapping[Kind, Callable[[Any], Any]]] = {
    "boolean": _boolean,
    "integer": _integer,
    "decimal": _decimal,
    "double": _double,
    "string": _string,
    "date": _date,
    "timestamp": _timestamp,
}
