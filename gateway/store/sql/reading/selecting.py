"""A search as one SQL statement, which depends on its shape only: each shape is compiled once.

A driver is the index that a page is read from, in its order, so that a page costs its own rows and not the table's;
the other pieces are probed row by row. The native order is by the clinical date and the key, newest first.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, TypeAlias

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    LargeBinary,
    Select,
    String,
    and_,
    bindparam,
    case,
    cast,
    exists,
    func,
    literal_column,
    or_,
    true,
    tuple_,
    union_all,
)
from sqlalchemy import select as sql_select
from sqlalchemy.sql.elements import BooleanClauseList, ColumnClause
from sqlalchemy.sql.operators import and_ as and_operator
from sqlalchemy.sql.visitors import iterate

from gateway.store.sql.among import among
from gateway.store.sql.database import Database
from gateway.store.sql.index.tables import StringRow, TermRow
from gateway.store.sql.reading.asking import Piece
from gateway.store.sql.reading.conditions import Conditions
from gateway.store.sql.reading.facet_statements import FacetShape, told_facets
from gateway.store.sql.reading.limiting import UNLIMITED, Gate
from gateway.store.sql.reading.ordering import Order, sort_columns
from gateway.store.sql.reading.own_counts import own_count
from gateway.store.sql.reading.packing import PACKED, packed
from gateway.store.sql.tables import MANY_PAIRS, ONE_PAIR, Columns, ResourceRow, VersionRow, columns_of
from gateway.store.sql.visible import count_of_granted, count_of_visible, study_is

LINE_FEED: Final = 10

Condition: TypeAlias = ColumnElement[bool]

_ABOUT: Final = Gate(is_about=True)

ESTIMATED: Final = 5_000
"""Up to how many matches of a type an estimate counts; more are told as so many, which costs the same at any size."""

MANY: Final = 1_000
"""From how many rows on a count asks for each participant's grants once, and not for each row's."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a statement depends on.

    `driver`: `term`, `facet` or `strings` with the parameter `driver`, `gather` with the list `driver`, `type`.
    `order`: `at`, `updated`, `strings` or `pk` (of all of a type), or the sort keys of an order that must be made.
    `what`: `page`, `packed` (all of a page as one row; SQLite only), `leaving` (the same, and whose data it is, by
    `pk`), `owned` (a page, and whose data each row is), `keys` (no bodies), `count`, `count-many` (the same number,
    where there are many), `estimate`. `entries`: pages bring the packed index rows too. `is_single`: what counts has
    one `driver`, not a list, so that no row comes twice. `ranges`: how many of the driver are read side by side.
    `most`: no more rows are asked for than so many (see `walked`), 0 where that is not said.
    `facets`: what is asked of facets, where `packed` and counts tell in a last column which ones answer it.
    `own`: what counts is all that names the participant `about`, of the facets in the list `facets` if it says so;
    "" where something else is asked too.
    """

    pieces: tuple[Piece, ...]
    gate: Gate | None
    driver: str = "type"
    what: str = "page"
    order: "str | tuple[Order, ...]" = "at"
    rising: bool = False
    after: bool = False
    entries: bool = False
    is_single: bool = False
    ranges: int = 1
    most: int = 0
    facets: FacetShape | None = None
    own: Literal["", "all", "facets"] = ""

    @property
    def takes_list(self) -> bool:
        """Whether `driver` is a list of terms or facets."""
        return self.what in _COUNTS and not self.is_single


_COUNTS: Final = ("count", "count-many", "estimate")
_PROBED: Final = ("chain", "has", "dated", "undated")
"""Pieces that are asked of a row, or are a place in its order, in one way only."""


class _Placed:
    """The columns of a resource, with the clinical date read from the index that drives the search."""

    def __init__(self, columns: Columns, at: Any) -> None:
        self._columns = columns
        self.at = at

    def __getattr__(self, name: str) -> Any:
        return getattr(self._columns, name)


def select(database: Database, shape: Shape) -> Select[Any]:
    """The statement of a shape.

    A page gives its position columns, then id, version, updated, deleted, body and perhaps entries; keys give the
    position and the id; a count one number, an estimate one up to `count_limit`. Parameters beside those of the
    pieces: `study`, `type`, `driver` (of several ranges `driver0`, `driver1` ...), `page_count`, `after0` ...
    """
    if shape.what in _COUNTS:
        count = _counted(database, shape)
        if shape.own and database.is_sqlite:
            count = own_count(database, count, of_facets=shape.own == "facets", is_single=shape.is_single)
        return count.add_columns(told_facets(database, shape.facets)) if shape.facets else count
    if shape.ranges == 1:
        rows, key = _rows(database, shape, "driver")
        page = _paged(shape, rows, key)
    else:
        page = _side_by_side(database, shape)
    if shape.what == "packed":
        page = packed(page, is_about=shape.gate is not None and shape.gate.is_about)
        return page.add_columns(told_facets(database, shape.facets)) if shape.facets else page
    return _leaving(page) if shape.what == "leaving" else page


def counting_own(shape: Shape, *, of_facets: bool) -> Shape:
    """The shape of a count about one participant, by what is its own where nothing else is asked.

    A statement whose gate is about a participant is driven by the term that names it, unless it is probed.
    """
    if shape.pieces or shape.driver != "term" or shape.gate != _ABOUT:
        return shape
    return replace(shape, own="facets" if of_facets else "all")


def walked(database: Database, shape: Shape, count: int) -> Shape:
    """The shape for a page of so many rows, 0 for all: with `most` where PostgreSQL has one way, whatever the values.

    A search for values, which may be common or rare, is best walked to or gathered by what they are.
    """
    if database.is_sqlite or not count:
        return shape
    if shape.driver == "term":
        has_one_way = shape.order == "at" and not shape.rising
    else:
        told = (*_PROBED, shape.order)
        has_one_way = shape.driver in ("facet", "type") and all(piece[0] in told for piece in shape.pieces)
    return replace(shape, most=1 << (count - 1).bit_length()) if has_one_way else shape


def is_by_values(database: Database, shape: Shape) -> bool:
    """Whether PostgreSQL must plan a statement for the values that it has; ids are few rows, whatever they are."""
    return not (database.is_sqlite or shape.most or shape.what in _COUNTS or ("ids",) in shape.pieces)


def _paged(shape: Shape, rows: Select[Any], key: list[Any]) -> Select[Any]:
    """The first rows in their order.

    A limit that is a parameter is a tenth of all rows to PostgreSQL's planner while it does not know the value: a
    plan for any values would cost too much, and each search be planned anew, which takes longer than to run it. So
    there is a limit in the text too.
    """
    count, ordered = bindparam("page_count", type_=Integer), rows.order_by(*_ordered(shape, key))
    if not shape.most:
        return ordered.limit(count)
    first = list(ordered.limit(literal_column(str(shape.most))).subquery().c)
    return sql_select(*first).order_by(*_ordered(shape, first[: len(key)])).limit(count)


def _side_by_side(database: Database, shape: Shape) -> Any:
    """Rows of ranges that have none in common: SQLite reads each only as far as the page takes rows of it."""
    each = [_rows(database, shape, f"driver{number}")[0] for number in range(shape.ranges)]
    key: list[Any] = [literal_column("1"), literal_column("2")]
    return union_all(*each).order_by(*_ordered(shape, key)).limit(bindparam("page_count", type_=Integer))


def _rows(database: Database, shape: Shape, driver: str) -> tuple[Select[Any], list[Any]]:
    """All rows of a shape, and the columns of their order."""
    head = columns_of(ResourceRow)
    where, key = _where(database, shape, head, driver)
    if not isinstance(shape.order, str):
        key = sort_columns(database, shape.order, head)
    beyond = [_beyond(shape, key)] if shape.after else []
    columns = _columns(shape, head, key, where)
    if database.is_sqlite or shape.driver != "term" or shape.order != "at" or shape.rising:
        return sql_select(*columns).where(*where, *beyond), key
    return _row_by_row(columns, where, beyond, key), key


def _row_by_row(columns: list[Any], where: list[Condition], beyond: list[Condition], key: list[Any]) -> Select[Any]:
    """The rows of a term, newest first, each looked at by itself (PostgreSQL).

    Its planner takes a term and a type for independent, expects few rows to have both, and would gather all of the
    type to find a page.
    """
    driving = key[0].table
    asked = [part for one in where for part in _parts(one)]
    own = [one for one in asked if set(_tables(one)) == {driving}]
    others = [one for one in asked if not any(one is other for other in own)]
    found = sql_select(*columns[len(key) :]).where(*others).offset(0).correlate(driving).lateral()
    return sql_select(*key, *found.c).select_from(driving.join(found, true())).where(*own, *beyond)


def _parts(condition: Condition) -> Iterator[Condition]:
    """The conditions that are all true where this one is."""
    if isinstance(condition, BooleanClauseList) and condition.operator is and_operator:
        yield from condition.clauses
    else:
        yield condition


def _tables(condition: Condition) -> Iterator[Any]:
    return (one.table for one in iterate(condition) if isinstance(one, ColumnClause) and one.table is not None)


def _counted(database: Database, shape: Shape) -> Select[Any]:
    head = columns_of(ResourceRow)
    is_several = shape.driver == "term" and not shape.is_single
    if shape.what == "count-many" and shape.gate == UNLIMITED and not is_several:
        where, _ = _where(database, shape, head, "driver", of_anybody=True)
        if not database.is_sqlite:
            return count_of_visible(head, where, by_subject=shape.driver in ("type", "facet"))
        is_walk = shape.driver == "type" or (shape.driver == "facet" and not shape.is_single)
        if is_walk and all(piece == ("facets",) for piece in shape.pieces):
            return count_of_granted(head, where)
    where, _ = _where(database, shape, head, "driver")
    if shape.what == "estimate":
        some = sql_select(head.pk).where(*where).limit(bindparam("count_limit", type_=Integer))
        # Where rows come once anyway, a database must not gather them all to tell them apart.
        told = some.distinct() if is_several else some
        return sql_select(func.count()).select_from(told.subquery())
    return sql_select(func.count(head.pk.distinct() if is_several else head.pk)).where(*where)


def _where(
    database: Database, shape: Shape, head: Columns, driver: str, *, of_anybody: bool = False
) -> tuple[list[Condition], list[Any]]:
    """What rows must satisfy, and the columns of the native order; `of_anybody` leaves out what the reader may see of
    the rows themselves."""
    made = Conditions(database, gate=shape.gate)
    own = Conditions(database, gate=None) if of_anybody else made
    where, key = _driver(database, shape, head, bindparam(driver, type_=BigInteger))
    row: Any = _Placed(head, key[0]) if shape.driver == "term" else head
    current = own.current(head, bindparam("type", type_=String), of_many=shape.what == "count-many")
    return [*current, *where, *(made.of(piece, row) for piece in shape.pieces)], key


def _columns(shape: Shape, head: Columns, key: list[Any], where: list[Condition]) -> list[Any]:
    if shape.what == "keys":
        return [*key, head.id]
    version = columns_of(VersionRow)
    where += [version.study == study_is(), version.pk == head.pk, version.version == head.version]
    if shape.what == "packed":
        return [*key, head.id, version.version, version.body, head.level, head.subject, head.domain]
    body = [head.id, version.version, version.updated, version.deleted, version.body]
    if shape.what in ("leaving", "owned"):
        body += [head.level, head.subject]
    return [*key, *body, version.entries] if shape.entries else [*key, *body]


def _leaving(page: Select[Any]) -> Select[Any]:
    """A page in the order of the key as one row: how many, the last key, how many bodies are in their text, that text
    with line feeds between, the participants with commas between, and whether some of it is of several."""
    pk, *_, body, level, subject = page.subquery().c
    short = case((func.length(body) <= PACKED, cast(body, String)))
    bodies = cast(func.group_concat(short, func.char(LINE_FEED)), LargeBinary)
    subjects = func.group_concat(case((level == ONE_PAIR, subject)).distinct())
    return sql_select(func.count(), func.max(pk), func.count(short), bodies, subjects, func.max(level == MANY_PAIRS))


def _driver(database: Database, shape: Shape, head: Columns, number: Any) -> tuple[list[Condition], list[Any]]:
    """The conditions of what drives the search, and the columns of the native order."""
    if shape.driver == "term":
        own = columns_of(TermRow)
        asked = among(database, own.hash, "driver") if shape.takes_list else own.hash == number
        return [own.study == study_is(), asked, own.pk == head.pk], [own.at, own.pk]
    if shape.driver == "strings":
        return _strings(head, number)
    if shape.driver == "facet":
        asked = among(database, head.facet, "driver") if shape.takes_list else head.facet == number
        return [asked], [head.at, head.pk]
    if shape.driver == "gather":
        own = columns_of(TermRow)
        held = sql_select(own.pk).where(own.study == study_is(), among(database, own.hash, "driver"))
        return [head.pk.in_(held)], [head.at + 0, head.pk]
    if shape.order == "updated":
        return [], [head.updated, head.pk]
    if shape.order == "pk":
        return [], [head.pk]
    return [], [head.at + 0 if ("ids",) in shape.pieces else head.at, head.pk]


def _strings(head: Columns, number: Any) -> tuple[list[Condition], list[Any]]:
    """Texts with a start, each resource at the first of its texts that has it."""
    own, other = columns_of(StringRow), columns_of(StringRow)
    low, high = bindparam("driver_low", type_=String), bindparam("driver_high", type_=String)
    mine, theirs = (tuple_(one.normal, one.exact, one.part) for one in (own, other))
    earlier = (other.study == study_is(), other.pk == own.pk, other.hash == number, other.normal >= low)
    first = ~exists().correlate_except(other.study.table).where(*earlier, theirs < mine)
    held = [own.study == study_is(), own.hash == number, own.normal >= low, own.normal < high, own.pk == head.pk]
    return [*held, first], [own.normal, own.pk]


def _beyond(shape: Shape, key: list[Any]) -> Condition:
    if shape.order == "pk":
        above: Condition = key[0] > bindparam("after0", type_=BigInteger)
        return above
    if shape.order == "at" or shape.order == "updated":
        after = tuple_(bindparam("after0", type_=BigInteger), bindparam("after1", type_=BigInteger))
        return tuple_(*key) > after if shape.rising else tuple_(*key) < after
    if shape.order == "strings":
        return tuple_(*key) > tuple_(bindparam("after0", type_=String), bindparam("after1", type_=BigInteger))
    places = [bindparam(f"after{number}", type_=column.type) for number, column in enumerate(key)]
    ways = []
    for number, direction in enumerate(_directions(shape)):
        equal = [key[before] == places[before] for before in range(number)]
        beyond = key[number] < places[number] if direction else key[number] > places[number]
        ways.append(and_(*equal, beyond))
    return or_(*ways)


def _directions(shape: Shape) -> list[bool]:
    """Whether each column of a made order falls: a flag for no value, the value; at last the key."""
    orders = () if isinstance(shape.order, str) else shape.order
    return [falls for _, down in orders for falls in (False, down)] + [True]


def _ordered(shape: Shape, key: list[Any]) -> list[Any]:
    if shape.order == "strings":
        return key
    if isinstance(shape.order, str):
        return key if shape.rising else [column.desc() for column in key]
    return [column.desc() if falls else column for column, falls in zip(key, _directions(shape), strict=True)]


def capped_count(database: Database) -> Select[Any]:
    """How many rows have one of the terms in the list `driver`, counted up to `count_limit`."""
    own = columns_of(TermRow)
    found = sql_select(own.pk).where(own.study == study_is(), among(database, own.hash, "driver"))
    return sql_select(func.count()).select_from(found.limit(bindparam("count_limit", type_=Integer)).subquery())


def with_term() -> Select[Any]:
    """The ids of the resources of a type that have the term `hash`."""
    own, head = columns_of(TermRow), columns_of(ResourceRow)
    asked = (own.study == study_is(), own.hash == bindparam("hash", type_=BigInteger))
    joined = (head.study == study_is(), head.type == bindparam("type", type_=String), head.pk == own.pk)
    return sql_select(head.id).where(*asked, *joined).order_by(head.pk)
