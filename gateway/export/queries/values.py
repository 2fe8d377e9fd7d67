"""The values of a query's parameters."""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

from gateway.core.errors import BadRequest
from gateway.core.instants import parse_interval
from gateway.core.issues import Issue, issue
from gateway.export.queries.definition import Query


def read_values(query: Query, texts: Mapping[str, str]) -> Mapping[str, Any]:
    """The values of a query's parameters out of texts; raises `BadRequest` (`export.query-parameter`) with every one
    that is missing, unknown, or not of its type."""
    faults: list[Issue] = []
    found: dict[str, Any] = {}
    for name in sorted({*texts, *query.parameters}):
        kind = query.parameters.get(name)
        try:
            if kind is None or name not in texts:
                raise ValueError
            found[name] = _READERS[kind](texts[name])
        except (ValueError, ArithmeticError):
            expected = f"a value of the type {kind}" if kind else "no such parameter"
            faults.append(issue("export.query-parameter", name=name, expected=expected))
    if faults:
        raise BadRequest(*faults)
    return found


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError
    return text == "true"


def _decimal(text: str) -> Decimal:
    value = Decimal(text)
    if not value.is_finite():
        raise ValueError
    return value


def _integer(text: str) -> int:
    value = int(text)
    if not -(2**31) <= value < 2**31:
        raise ValueError
    return value


def _instant(text: str) -> str:
    """An instant or part of a date, as text: dates and times of views are texts, which SQL compares or casts."""
    if parse_interval(text) is None:
        raise ValueError
    return text


_READERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "string": str,
    "integer": _integer,
    "decimal": _decimal,
    "boolean": _boolean,
    "date": date.fromisoformat,
    "dateTime": _instant,
}
SAMPLES: Final[Mapping[str, Any]] = {
    "string": "",
    "integer": 1,
    "decimal": Decimal("1.5"),
    "boolean": True,
    "date": date(2026, 1, 1),
    "dateTime": "2026-01-01T00:00:00Z",
}
"""A value of each type, to check SQL with."""
