"""A search as one SQL statement: it depends on the query's shape only, so that each shape is compiled once.

The most telling clause drives the search from its index, in the order of the keys, so that a page costs its own
rows and not the table's; the other clauses are probed row by row. `shape` and `values` walk the clauses alike:
clause number 2 has the parameters `c2`, or `c2_hash`, `c2_0_low`, `c2_0_high` ...
"""

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from sqlalchemy import BigInteger, ColumnElement, Integer, Select, String, and_, bindparam, exists, false, func, or_
from sqlalchemy import select as sql_select

from gateway.search import Query
from gateway.search.query import Clause, DateClause, IdClause, Moment, Prefix, ReferenceClause, TokenClause
from gateway.store.sql.among import among, as_list
from gateway.store.sql.database import Database
from gateway.store.sql.tables import Columns, DateRow, ResourceRow, TermRow, VersionRow, columns_of
from gateway.store.sql.terms import date_hash, wanted
from gateway.store.sql.visible import study_is, visible

Piece: TypeAlias = tuple[str, tuple[Prefix, ...]]
"""A clause without its values: `driver`, `term`, `id`, `date` or `updated`, and the prefixes of dates."""

_TELLING: Final = {"identifier": 0, "patient": 1, "subject": 2, "code": 3}
"""Which parameter drives a search when several could: the lower, the fewer rows it has."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a statement depends on; `what` is its result: a number, or a page in the one or the other direction."""

    pieces: tuple[Piece, ...]
    gated: bool
    what: str
    after: bool = False


def pieces(query: Query) -> tuple[Piece, ...]:
    """The query's clauses without their values."""
    driving = _driving(query)
    return tuple(("driver", ()) if clause is driving else _piece(clause) for clause in query.clauses)


def values(database: Database, query: Query) -> dict[str, Any]:
    """The parameters of the query's clauses."""
    found: dict[str, Any] = {"type": query.type}
    driving = _driving(query)
    for number, clause in enumerate(query.clauses):
        name = f"c{number}"
        if clause is driving:
            found[name] = wanted(query.type, driving)[0]
        elif isinstance(clause, IdClause):
            found[name] = as_list(database, clause.ids)
        elif isinstance(clause, DateClause):
            found[f"{name}_hash"] = date_hash(query.type, clause.parameter)
            for index, moment in enumerate(clause.values):
                found[f"{name}_{index}_low"], found[f"{name}_{index}_high"] = _bounds(moment)
        else:
            found[name] = as_list(database, wanted(query.type, clause))
    return found


def _driving(query: Query) -> TokenClause | ReferenceClause | None:
    """The most telling clause that asks for exactly one hash; several hashes could give a row twice."""
    usable = [
        clause
        for clause in query.clauses
        if isinstance(clause, TokenClause | ReferenceClause) and len(wanted(query.type, clause)) == 1
    ]
    return min(usable, key=lambda clause: _TELLING.get(clause.parameter, 9), default=None)


def _piece(clause: Clause) -> Piece:
    if isinstance(clause, IdClause):
        return ("id", ())
    if isinstance(clause, DateClause):
        prefixes = tuple(moment.prefix for moment in clause.values)
        return ("updated" if clause.parameter == "_lastUpdated" else "date", prefixes)
    return ("term", ())


def _bounds(moment: Moment) -> tuple[int, int]:
    """`ap` widens the interval by a tenth of its length on both sides."""
    margin = (moment.high - moment.low) // 10 if moment.prefix == "ap" else 0
    return moment.low - margin, moment.high + margin


def select(database: Database, shape: Shape) -> Select[Any]:
    """The statement of a shape.

    `what` = `count` gives one number; `falling` and `rising` give (pk, id, version, updated, deleted, body) of
    `page_count` rows by falling or rising pk, beyond `after` where the shape has it.
    """
    head, version, driver = columns_of(ResourceRow), columns_of(VersionRow), columns_of(TermRow)
    driven = any(kind == "driver" for kind, _ in shape.pieces)
    where = [head.study == study_is(), head.type == bindparam("type", type_=String), head.deleted == false()]
    for number, piece in enumerate(shape.pieces):
        where.append(_condition(database, head, driver, f"c{number}", piece))
    if driven:
        where += [driver.study == study_is(), driver.pk == head.pk]
    if shape.gated:
        where.append(visible(head))
    if shape.what == "count":
        return sql_select(func.count()).where(*where)
    key = driver.pk if driven else head.pk
    where += [version.study == study_is(), version.pk == head.pk, version.version == head.version]
    after = bindparam("after", type_=BigInteger)
    if shape.after:
        where.append(key > after if shape.what == "rising" else key < after)
    columns = (head.pk, head.id, version.version, version.updated, version.deleted, version.body)
    found = sql_select(*columns).where(*where)
    order = key if shape.what == "rising" else key.desc()
    return found.order_by(order).limit(bindparam("page_count", type_=Integer))


def _condition(database: Database, head: Columns, driver: Columns, name: str, piece: Piece) -> ColumnElement[bool]:
    kind, prefixes = piece
    if kind == "driver":
        return and_(driver.hash == bindparam(name, type_=BigInteger))
    if kind == "id":
        return among(database, head.id, name)
    if kind == "updated":
        return or_(
            *(_compares(prefix, name, i, head.updated, head.updated + 1000) for i, prefix in enumerate(prefixes))
        )
    if kind == "date":
        own = columns_of(DateRow)
        compared = or_(*(_compares(prefix, name, i, own.low, own.high) for i, prefix in enumerate(prefixes)))
        same = own.hash == bindparam(f"{name}_hash", type_=BigInteger)
        return _exists(own, own.study == study_is(), same, own.pk == head.pk, compared)
    term = columns_of(TermRow)
    return _exists(term, term.study == study_is(), among(database, term.hash, name), term.pk == head.pk)


def _compares(prefix: Prefix, name: str, index: int, low: Any, high: Any) -> ColumnElement[bool]:
    """`gateway.search.match.compares` in SQL."""
    first = bindparam(f"{name}_{index}_low", type_=BigInteger)
    last = bindparam(f"{name}_{index}_high", type_=BigInteger)
    inside = and_(low >= first, high <= last)
    answers: dict[Prefix, ColumnElement[bool]] = {
        "eq": inside,
        "ne": or_(low < first, high > last),
        "gt": high > last,
        "lt": low < first,
        "ge": or_(high > last, inside),
        "le": or_(low < first, inside),
        "sa": low >= last,
        "eb": high <= first,
        "ap": and_(low < last, high > first),
    }
    return answers[prefix]


def _exists(columns: Columns, *where: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().correlate_except(columns.study.table).where(*where)
