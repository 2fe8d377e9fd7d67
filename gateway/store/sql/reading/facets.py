"""Which facets of a type answer clauses: values that many resources share stand there once."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from gateway.store.sql.database import Database, Prepared, Read, Rows
from gateway.store.sql.reading import selecting
from gateway.store.sql.reading.asking import Piece
from gateway.store.sql.reading.planning import Asked, bound

FACETS: Final = 100
"""Up to how many facets are asked for by name."""

_KEPT: Final = 1024
"""For how many kinds of questions the statements stay compiled."""


class Facets:
    """Finds facets; safe between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._prepared = lru_cache(maxsize=_KEPT)(self._prepare)

    def _prepare(self, pieces: tuple[Piece, ...], driven: bool) -> Prepared:
        return self._database.prepare(selecting.facets(self._database, pieces, driven=driven))

    def of(self, read: Read, study: str, type: str, common: Sequence[Asked]) -> list[int] | None:
        """The facets that answer the clauses, None when they are too many."""
        prepared, values = self.asked(type, common)
        return told(read(prepared, {"study": study, **values}))

    def asked(self, type: str, common: Sequence[Asked]) -> tuple[Prepared, dict[str, Any]]:
        """The statement for them, and its values but for the study."""
        single = next((one for one in common if one.piece == ("facet",) and len(one.values[0]) == 1), None)
        probed = [one for one in common if one is not single]
        values = {"type": type, "facet_limit": FACETS + 1, **bound(self._database, probed)}
        if single is not None:
            values["driver"] = single.values[0][0]
        return self._prepared(tuple(one.piece for one in probed), single is not None), values


def told(rows: Rows) -> list[int] | None:
    """The facets that the rows of the statement tell, None when they are too many."""
    return None if len(rows) > FACETS else [facet for (facet,) in rows]
