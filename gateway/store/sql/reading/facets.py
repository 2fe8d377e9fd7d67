"""Which facets of a type answer clauses: values that many resources share stand there once."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import select as sql_select

from gateway.store.sql.database import Database, Prepared, Read
from gateway.store.sql.reading import facet_statements
from gateway.store.sql.reading.facet_statements import FacetShape
from gateway.store.sql.reading.planning import Asked, bound
from gateway.store.sql.tables import SHORT

_SECOND: Final = 1_000_000

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
        return self._database.prepare(facet_statements.facets(self._database, shape))

    def _prepare_told(self, shape: FacetShape) -> Prepared:
        """The statement that tells them as one text."""
        return self._database.prepare(sql_select(facet_statements.told_facets(self._database, shape)))

    def of(self, read: Read, study: str, type: str, common: Sequence[Asked]) -> "Told":
        """The facets that answer the clauses."""
        asked = self.asked(common)
        rows = read(self._prepared(asked.shape), {"study": study, "type": type, **asked.values})
        return _told([facet for facet, _ in rows], max((lasting or 0 for _, lasting in rows), default=0))

    def asked(self, common: Sequence[Asked]) -> FacetQuestion:
        """What is asked of facets by the clauses."""
        single = next((one for one in common if one.piece == ("facet",) and len(one.values[0]) == 1), None)
        probed = [one for one in common if one is not single]
        values = {"facet_limit": FACETS + 1, **bound(self._database, probed, "f")}
        if single is not None:
            values["facet_driver"] = single.values[0][0]
        return FacetQuestion(FacetShape(tuple(one.piece for one in probed), single is not None), values)


@dataclass(frozen=True, slots=True)
class Told:
    """Facets, None when they are too many, and what none of their resources is as long as, in microseconds."""

    facets: tuple[int, ...] | None
    longest: int


def told(text: str) -> Told:
    """The facets that a statement tells as one text."""
    facets, _, lasting = text.partition("/")
    return _told(list(map(int, facets.split(","))), int(lasting)) if text else _told([], 0)


def _told(facets: list[int], lasting: int) -> Told:
    """The seconds of both ends were cut off: what lasts may be two more."""
    longest = (max(lasting, SHORT) + 2) * _SECOND
    return Told(None if len(facets) > FACETS else tuple(facets), longest)
