"""The index rows of what is each resource's own, made at once in the form that most have it: identifiers and times.

For any other form the rows are made of index entries, as for everything else.
"""

from collections.abc import Sequence
from typing import Any, Final

from gateway.core import Resource
from gateway.search.entries import DateEntry, IndexEntry
from gateway.search.indexing.dates import add_dates
from gateway.search.indexing.tokens import CONTACTS
from gateway.search.parameters import Indexed
from gateway.search.paths import walked
from gateway.store.sql.index.indexed import TypeIndex
from gateway.store.sql.index.rows import TEXT_LENGTH, Rows
from gateway.store.sql.tables import UNDATED
from gateway.store.sql.terms import of_parameter, of_system, term

_MORE: Final = frozenset({"code", "coding", "display", "text", "type", "url"})
"""What an identifier or contact has that is found by more than its value."""


class OwnRows:
    """The rows of one parameter."""

    __slots__ = ("_is_time", "_number", "_type", "parameter")

    def __init__(self, type: str, how: TypeIndex, parameter: Indexed) -> None:
        self.parameter = parameter
        self._type = type
        self._is_time = parameter.code == how.in_time
        self._number = of_parameter(type, parameter.code, "date" if parameter.kind == "date" else "sort")

    def add(self, rows: Rows, resource: Resource) -> bool | None:
        """Adds the rows, and tells whether the parameter has a value; None, and adds nothing, where it is of another
        form."""
        parameter = self.parameter
        values = walked(resource, parameter.walks) if parameter.walks and parameter.details else None
        if values is None:
            return None
        if parameter.kind == "token":
            return self._add_identifiers(rows, values)
        if parameter.kind != "date" or any(value.__class__ is dict and "url" in value for value in values):
            return None
        self._add_dates(rows, values)
        return bool(values)

    def _add_identifiers(self, rows: Rows, values: Sequence[Any]) -> bool | None:
        found = []
        for value in values:
            if value.__class__ is not dict or not _MORE.isdisjoint(value):
                return None
            text, system = value.get("value"), value.get("system", "")
            if not text or text.__class__ is not str or system.__class__ is not str:
                return None
            found.append(("" if system in CONTACTS else system, text))
        type, code = self._type, self.parameter.code
        for system, text in found:
            rows.terms.add(term(type, code, "token", system, text))
            rows.terms.add(term(type, code, "code", text))
            if system:
                rows.terms.add(of_system(type, code, system))
            rows.strings.add((self._number, text[:TEXT_LENGTH], 0, 0))
        return bool(found)

    def _add_dates(self, rows: Rows, values: Sequence[Any]) -> None:
        found: list[IndexEntry] = []
        add_dates(found, self.parameter, values)
        dates = [one for one in found if isinstance(one, DateEntry)]
        if not self._is_time:
            rows.dates.update((self._number, one.low, one.high, 0) for one in dates)
        elif dates and dates[-1].low != UNDATED:
            rows.at, rows.until = dates[-1].low, dates[-1].high
