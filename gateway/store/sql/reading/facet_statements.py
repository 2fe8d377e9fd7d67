"""Which facets of a type answer a question, and how long what has them lasts, as SQL."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Integer, Select, String, bindparam, cast, func, literal_column
from sqlalchemy import select as sql_select

from gateway.store.sql.database import Database
from gateway.store.sql.index.tables import FacetRow, FacetTermRow
from gateway.store.sql.reading.asking import Piece
from gateway.store.sql.reading.conditions import Conditions
from gateway.store.sql.tables import LASTING, SHORT, ResourceRow, columns_of
from gateway.store.sql.visible import study_is


@dataclass(frozen=True, slots=True)
class FacetShape:
    """What a question about facets depends on; `is_driven`: by the term `facet_driver`."""

    pieces: tuple[Piece, ...]
    is_driven: bool


def told_facets(database: Database, shape: FacetShape) -> Any:
    """The same facets as one text with commas between, NULL for none, and behind `/` how long the longest of their
    resources lasts, 0 for shorter ones (SQLite)."""
    found = facets(database, shape).subquery().c
    longest = func.coalesce(func.max(found.lasting), 0)
    return sql_select(func.group_concat(found.facet) + "/" + cast(longest, String)).scalar_subquery()


def facets(database: Database, shape: FacetShape) -> Select[Any]:
    """The facets of a type of which the pieces are true, up to `facet_limit`; their parameters are `f0`, `f1` ...

    With each, how long the longest of its resources lasts (see `LASTING`), NULL when none is longer than `SHORT`.
    """
    made = Conditions(database, gate=None, prefix="f")
    facet = columns_of(FacetRow)
    where = [facet.study == study_is(), facet.type == bindparam("type", type_=String)]
    if shape.is_driven:
        own = columns_of(FacetTermRow)
        where += [
            own.study == study_is(),
            own.hash == bindparam("facet_driver", type_=BigInteger),
            facet.facet == own.facet,
        ]
    where += [made.of(piece, facet) for piece in shape.pieces]
    found = sql_select(facet.facet, _lasting(facet.facet)).where(*where).order_by(facet.facet)
    return found.limit(bindparam("facet_limit", type_=Integer))


def _lasting(facet: Any) -> Any:
    """How long the longest resource of a facet lasts."""
    row = columns_of(ResourceRow)
    lasting: ColumnElement[int] = literal_column(LASTING)
    where: list[ColumnElement[bool]] = [
        row.study == study_is(),
        row.facet == facet,
        literal_column(f"{LASTING} > {SHORT}"),
    ]
    longest = sql_select(lasting).select_from(row.study.table).where(*where).order_by(lasting.desc()).limit(1)
    return longest.correlate(facet.table).scalar_subquery().label("lasting")
