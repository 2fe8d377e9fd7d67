"""Which facets of a type answer clauses: values that many resources share stand there once."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import select as sql_select

from gateway.store.sql.database import Database, Prepared, Read
from gateway.store.sql.reading import selecting
from gateway.store.sql.reading.planning import Asked, bound
from gateway.store.sql.reading.selecting import FacetShape

FACETS: Final = 100
"""Up to how many facets are asked for by name."""

_KEPT: Final = 1024
"""For how many kinds of questions the statements stay compiled."""


@dataclass(frozen=True, slots=True)
class FacetQuestion:
    """Which facets answer some clauses: what the statement depends on, and its values but for study and type."""

    shape: FacetShape
    values: dict[str, Any]


class Facets:
    """Finds facets; safe between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._prepared = lru_cache(maxsize=_KEPT)(self._prepare)
        self.told = lru_cache(maxsize=_KEPT)(self._prepare_told)

    def _prepare(self, shape: FacetShape) -> Prepared:
        return self._database.prepare(selecting.facets(self._database, shape))

    def _prepare_told(self, shape: FacetShape) -> Prepared:
        """The statement that tells them as one text."""
        return self._database.prepare(sql_select(selecting.told_facets(self._database, shape)))

    def of(self, read: Read, study: str, type: str, common: Sequence[Asked]) -> list[int] | None:
        """The facets that answer the clauses, None when they are too many."""
        asked = self.asked(common)
        rows = read(self._prepared(asked.shape), {"study": study, "type": type, **asked.values})
        return None if len(rows) > FACETS else [facet for (facet,) in rows]

    def asked(self, common: Sequence[Asked]) -> FacetQuestion:
        """What is asked of facets by the clauses."""
        single = next((one for one in common if one.piece == ("facet",) and len(one.values[0]) == 1), None)
        probed = [one for one in common if one is not single]
        values = {"facet_limit": FACETS + 1, **bound(self._database, probed, "f")}
        if single is not None:
            values["facet_driver"] = single.values[0][0]
        return FacetQuestion(FacetShape(tuple(one.piece for one in probed), single is not None), values)


def told(text: str) -> tuple[int, ...] | None:
    """The facets that a statement tells as one text, None when they are too many."""
    found = tuple(map(int, text.split(","))) if text else ()
    return None if len(found) > FACETS else found
