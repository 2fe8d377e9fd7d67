"""The newest resources of each facet, in one statement: what `$lastn` is made of.

Resources with one facet have the same codes, so that the newest of each code are among the newest of each facet. What
it costs grows with what the query matches: a participant's resources of a type.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Integer, Select, String, bindparam, func, select

from gateway.core.resources import Key, Stored, Visibility
from gateway.search import Query
from gateway.store.sql.among import among, as_list
from gateway.store.sql.database import Database, Prepared
from gateway.store.sql.index.indexing import Indexes
from gateway.store.sql.index.rows import ABOUT
from gateway.store.sql.index.tables import TermRow
from gateway.store.sql.reading.asking import Piece
from gateway.store.sql.reading.conditions import Conditions
from gateway.store.sql.reading.limiting import Gate, Gates
from gateway.store.sql.reading.planning import Asked, asked
from gateway.store.sql.reading.reader import stored
from gateway.store.sql.tables import ResourceRow, VersionRow, columns_of
from gateway.store.sql.visible import study_is

_SHAPES: Final = 64
"""How many shapes of queries stay compiled."""


class Newest:
    """Implements `newest` of `ResourceStore`."""

    def __init__(self, database: Database, indexes: Indexes, gates: Gates) -> None:
        self._database = database
        self._indexes = indexes
        self._gates = gates
        self._prepared = lru_cache(maxsize=_SHAPES)(self._prepare)

    def _prepare(self, pieces: tuple[Piece, ...], gate: Gate | None, driven: bool) -> Prepared:
        return self._database.prepare(_ranked(self._database, pieces, gate, driven=driven))

    def of(self, query: Query, study: str, visibility: Visibility | None, most: int) -> tuple[Stored, ...]:
        """See `ResourceStore.newest`."""
        clauses = asked(self._indexes.of_study(study), query.type, query.clauses)
        about = next((one for one in clauses if _is_about(one)), None)
        probed = [one for one in clauses if one is not about]
        values: dict[str, Any] = {"study": study, "type": query.type, "most": most}
        values |= self._gates.values(visibility, study)
        values |= {f"p{number}": value for number, value in enumerate(self._bound(probed))}
        if about is not None:
            values["driver"] = as_list(self._database, list(about.values[0]))
        shape = (tuple(one.piece for one in probed), self._gates.of(visibility), about is not None)
        rows = self._database.fetch(self._prepared(*shape), values)
        return tuple(stored(Key(study, query.type, row[2]), tuple(row[3:7])) for row in rows)

    def _bound(self, probed: Sequence[Asked]) -> list[Any]:
        flat = [value for one in probed for value in one.values]
        return [as_list(self._database, value) if isinstance(value, list) else value for value in flat]


def _is_about(one: Asked) -> bool:
    """Whether a clause names participants, whose resources an index gives."""
    return one.piece == ("term",) and getattr(one.clause, "parameter", "") in ABOUT


def _ranked(database: Database, pieces: tuple[Piece, ...], gate: Gate | None, *, driven: bool) -> Select[Any]:
    """The statement: time, key, id and version of the newest `most` of each facet, the newest first."""
    made, head = Conditions(database, gate=gate), columns_of(ResourceRow)
    where = list(made.current(head, bindparam("type", type_=String)))
    if driven:
        own = columns_of(TermRow)
        held = select(own.pk).where(own.study == study_is(), among(database, own.hash, "driver"))
        where.append(head.pk.in_(held))
    where += [made.of(piece, head) for piece in pieces]
    latest = [head.at.desc(), head.pk.desc()]
    rank = func.row_number().over(partition_by=head.facet, order_by=latest).label("rank")
    found = select(head.pk, head.at, head.id, head.version, rank).where(*where).subquery("ranked").c
    version = columns_of(VersionRow)
    return (
        select(found.at, found.pk, found.id, version.version, version.updated, version.deleted, version.body)
        .where(
            found.rank <= bindparam("most", type_=Integer),
            version.study == study_is(),
            version.pk == found.pk,
            version.version == found.version,
        )
        .order_by(found.at.desc(), found.pk.desc())
    )
