"""The index rows of references, made at once for those that most resources hold: relative and literal.

For any other, such as a URL or one by identifier, the rows are made of index entries as for everything else.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final

from gateway.core import Resource
from gateway.search.entries import PresentEntry
from gateway.search.parameters import Indexed
from gateway.search.paths import walked
from gateway.store.sql.index.indexed import TypeIndex
from gateway.store.sql.index.rows import ABOUT, Fragment, no_rows
from gateway.store.sql.terms import of_parameter, of_target

_RELATIVE: Final = re.compile(r"(([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64}))(?:/_history/[A-Za-z0-9\-.]{1,64})?\Z")
_ELSEWHERE: Final = frozenset({"identifier", "resourceType"})
"""What a reference that is more than literal has."""


class ReferenceRows:
    """The rows of parameters that look at the same references."""

    def __init__(self, type: str, how: TypeIndex, parameters: Sequence[Indexed]) -> None:
        self.parameters = tuple(parameters)
        self.name = " ".join((type, *(one.code for one in parameters)))
        self.walks = parameters[0].walks
        self._names = [walk[0][0] for walk in self.walks] if all(len(walk) == 1 for walk in self.walks) else []
        self._only = self._names[0] if len(self._names) == 1 else ""
        self._takes = [
            (
                one.targets,
                PresentEntry(one.code),
                None if one.code in how.same else of_parameter(type, one.code, "reference"),
                of_parameter(type, one.code, "about") if one.code in ABOUT and one.code not in how.same else None,
            )
            for one in parameters
        ]

    def texts(self, resource: Resource) -> tuple[str, ...] | None:
        """The references of a resource without extensions at its top; None where one of them is more than literal."""
        if self._only:  # most references stand alone: one name, one object
            value = resource.get(self._only)
            if value is None:
                return ()
            if value.__class__ is dict:
                text = value.get("reference")
                return (text,) if text.__class__ is str and _ELSEWHERE.isdisjoint(value) else None
        values = _values(resource, self._names) if self._names else walked(resource, self.walks)
        if values is None:
            return None
        found = []
        for value in values:
            text = value.get("reference") if value.__class__ is dict else None
            if text.__class__ is not str or not _ELSEWHERE.isdisjoint(value):
                return None
            found.append(text)
        return tuple(found)

    def fragment(self, texts: Iterable[str]) -> Fragment | None:
        """The rows of references, with which parameters have a value then. None where one of them is not relative."""
        rows, about, present = no_rows(), list[int](), dict[PresentEntry, None]()
        for text in texts:
            found = _target(text)
            if found is None:
                return None
            kind, id, target = found
            for targets, entry, number, half in self._takes:
                if kind in targets:
                    present[entry] = None
                    if number is not None:
                        rows.terms.add(number ^ target)
                        rows.references.add((number, kind, id))
                    if half is not None:
                        about.append(half ^ target)
        return Fragment(rows, tuple(present), about=tuple(about))


def _values(resource: Resource, names: Iterable[str]) -> list[Any]:
    """What stands under some names; what should be an object or a list and is none is a value too."""
    values: list[Any] = []
    for name in names:
        value = resource.get(name)
        if value.__class__ is list:
            values += value
        elif value is not None:
            values.append(value)
    return values


@lru_cache(maxsize=1 << 12)
def _target(text: str) -> tuple[str, str, int] | None:
    """Type, id and hash of a relative reference, its version aside."""
    found = _RELATIVE.match(text)
    return (found[2], found[3], of_target(found[1])) if found else None
