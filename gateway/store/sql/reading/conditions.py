"""Pieces as SQL conditions on a row of `resource`; the values of a piece are the parameters p0, p1, ... in order.

Every resource that a condition looks at beside the row itself must be current and, in a gated statement, visible.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol, TypeAlias

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Double,
    String,
    and_,
    bindparam,
    exists,
    false,
    func,
    literal,
    not_,
    or_,
    select,
)

from gateway.search.query import Prefix
from gateway.store.sql.among import among
from gateway.store.sql.database import Database
from gateway.store.sql.index.tables import (
    DateRow,
    FacetTermRow,
    FacetTextRow,
    NumberRow,
    ReferenceRow,
    StringRow,
    TermRow,
    UnitRow,
    WordRow,
)
from gateway.store.sql.reading.asking import Piece
from gateway.store.sql.tables import UNDATED, Columns, ResourceRow, columns_of
from gateway.store.sql.visible import study_is

Condition: TypeAlias = ColumnElement[bool]
_SECOND: Final = 1000
"""Microseconds that a `meta.lastUpdated` names: it shows milliseconds."""


class Gated(Protocol):
    """What a reader may see (`gateway.store.sql.reading.limiting.Gate`)."""

    def head(self, database: Database, row: Columns, *, of_many: bool = False) -> list[Condition]:
        """True for the current resources that the reader may see; `of_many` when many rows will be asked."""


class Conditions:
    """Makes the conditions of one statement; each parameter gets the next name."""

    def __init__(self, database: Database, *, gate: "Gated | None", prefix: str = "p") -> None:
        self._database = database
        self._gate = gate
        self._prefix = prefix
        self._taken = 0

    def of(self, piece: Piece, row: Columns) -> Condition:
        """The condition of a piece on a row that has at least the columns that the piece asks for."""
        kind = piece[0]
        if kind in _VALUES:
            return self._value_rows((piece,), row)
        return _MAKERS[kind](self, piece, row)

    def name(self) -> str:
        """The name of the next parameter."""
        self._taken += 1
        return f"{self._prefix}{self._taken - 1}"

    def number(self) -> Any:
        """The next parameter, a whole number."""
        return bindparam(self.name(), type_=BigInteger)

    def text(self) -> Any:
        """The next parameter, a text."""
        return bindparam(self.name(), type_=String)

    def current(self, row: Columns, type: Any, *, of_many: bool = False) -> list[Condition]:
        """True for resources of a type that are there and may be seen; `of_many` when many rows will be asked."""
        alive = [row.study == study_is(), row.type == type, row.deleted == false()]
        return [*alive, *self._gate.head(self._database, row, of_many=of_many)] if self._gate else alive

    def _never(self, _piece: Piece, _row: Columns) -> Condition:
        return false()

    def _ids(self, _piece: Piece, row: Columns) -> Condition:
        return among(self._database, row.id, self.name())

    def _facets(self, _piece: Piece, row: Columns) -> Condition:
        return among(self._database, row.facet, self.name())

    def _dated(self, _piece: Piece, row: Columns) -> Condition:
        dated: Condition = row.at > UNDATED
        return dated

    def _undated(self, _piece: Piece, row: Columns) -> Condition:
        undated: Condition = row.at == UNDATED
        return undated

    def _updated(self, piece: Piece, row: Columns) -> Condition:
        return self._compared(piece[1], row.updated, row.updated + _SECOND)

    def _in_time(self, piece: Piece, row: Columns) -> Condition:
        dated = row.at >= self.number() if piece[2:] else row.at > UNDATED
        compared = [self._placed(prefix, row) for prefix in piece[1]]
        return and_(dated, compared[0] if len(compared) == 1 else or_(*compared))

    def _placed(self, prefix: Prefix, row: Columns) -> Condition:
        """What compares, and where in the order of `at` its rows end, so that an index is read from there."""
        first, last = self.number(), self.number()
        ends = {"eq": last, "le": last, "eb": first}
        found = compares(prefix, row.at, row.until, first, last)
        return and_(row.at <= ends[prefix], found) if prefix in ends else found

    def _compared(self, prefixes: Sequence[Prefix], low: Any, high: Any) -> Condition:
        return or_(*(compares(prefix, low, high, self.number(), self.number()) for prefix in prefixes))

    def _term(self, _piece: Piece, row: Columns) -> Condition:
        own = columns_of(TermRow)
        same = (own.study == study_is(), own.at == row.at, own.pk == row.pk)
        return there(own, among(self._database, own.hash, self.name()), *same)

    def _facet(self, _piece: Piece, row: Columns) -> Condition:
        own = columns_of(FacetTermRow)
        asked = among(self._database, own.hash, self.name())
        return there(own, own.study == study_is(), asked, own.facet == row.facet)

    def _facet_text(self, piece: Piece, row: Columns) -> Condition:
        own = columns_of(FacetTextRow)
        same = (own.study == study_is(), own.facet == row.facet, own.hash == self.number())
        starts = or_(false(), *(and_(own.text >= self.text(), own.text < self.text()) for _ in range(piece[1])))
        return there(own, *same, starts)

    def _words(self, piece: Piece, row: Columns) -> Condition:
        return or_(*(and_(*(self._word(row) for _ in range(count))) for count in piece[1]))

    def _word(self, row: Columns) -> Condition:
        own = columns_of(WordRow)
        return there(own, own.study == study_is(), own.hash == self.number(), own.pk == row.pk)

    def _not(self, piece: Piece, row: Columns) -> Condition:
        return not_(self.of(piece[1], row))

    def _any(self, piece: Piece, row: Columns) -> Condition:
        return or_(false(), *(self.of(one, row) for one in piece[1]))

    def _all(self, piece: Piece, row: Columns) -> Condition:
        return and_(*(self.of(one, row) for one in piece[1]))

    def _parts(self, piece: Piece, row: Columns) -> Condition:
        return self._value_rows(piece[1], row)

    def _value_rows(self, pieces: Sequence[Piece], row: Columns) -> Condition:
        """A row for each piece, all of them of the same part of the resource."""
        first: Columns | None = None
        where: list[Condition] = []
        tables = []
        for piece in pieces:
            own = columns_of(_VALUES[piece[0]])
            where += [own.study == study_is(), own.pk == row.pk, own.hash == self.number()]
            where.append(_COMPARERS[piece[0]](self, piece, own))
            if first is not None:
                where.append(own.part == first.part)
            first = first if first is not None else own
            tables.append(own.study.table)
        return exists().correlate_except(*tables).where(*where)

    def _date_is(self, piece: Piece, own: Columns) -> Condition:
        return self._compared(piece[1], own.low, own.high)

    def _double(self) -> Any:
        return bindparam(self.name(), type_=Double)

    def _number_is(self, piece: Piece, own: Columns) -> Condition:
        return or_(
            *(compares_numbers(prefix, own.low, own.high, self._double(), self._double()) for prefix in piece[1])
        )

    def _quantity_is(self, piece: Piece, own: Columns) -> Condition:
        return or_(*(self._one_quantity(named, prefix, own) for named, prefix in piece[1]))

    def _one_quantity(self, named: Any, prefix: Prefix, own: Columns) -> Condition:
        unit = columns_of(UnitRow)
        where = [unit.study == study_is(), unit.unit == own.unit]
        low, high = own.low, own.high
        if named == "canonical":
            where.append(unit.canonical == self.text())
            low, high = own.canonical_low, own.canonical_high
        elif named == ("code",):
            code = self.text()
            where.append(or_(unit.code == code, unit.name == code))
        else:
            where += [unit[name] == self.text() for name in named]
        return and_(there(unit, *where), compares_numbers(prefix, low, high, self._double(), self._double()))

    def _string_is(self, piece: Piece, own: Columns) -> Condition:
        return or_(*(self._one_string(piece[1], own) for _ in range(piece[2])))

    def _one_string(self, how: str, own: Columns) -> Condition:
        if how == "starts":
            return and_(own.normal >= self.text(), own.normal < self.text())
        if how == "exact":
            return and_(own.normal == self.text(), own.exact == self.number())
        place = func.instr if self._database.is_sqlite else func.strpos
        return place(own.normal, self.text()) > 0

    def _chain(self, piece: Piece, row: Columns) -> Condition:
        leads, head = columns_of(ReferenceRow), columns_of(ResourceRow)
        where = [leads.study == study_is(), leads.pk == row.pk, leads.hash == self.number()]
        type = self.text()
        # PostgreSQL finds no index of one collation by a text of another.
        id = leads.id if self._database.is_sqlite else leads.id.collate("default")
        where += [leads.type == type, head.id == id, *self.current(head, type), self.of(piece[1], head)]
        return _probed([leads, head], where)

    def _has(self, piece: Piece, row: Columns) -> Condition:
        own, head = columns_of(TermRow), columns_of(ResourceRow)
        where = [own.study == study_is(), own.hash == xor(self.number(), row.reference), head.pk == own.pk]
        where += [*self.current(head, self.text()), self.of(piece[1], head)]
        return _probed([own, head], where)


def _probed(tables: Sequence[Columns], where: Sequence[Condition]) -> Condition:
    """Whether there are such rows, asked row by row: an EXISTS is what PostgreSQL would make a join of everything."""
    one = select(literal(1)).where(*where).limit(1)
    return one.correlate_except(*(columns.study.table for columns in tables)).scalar_subquery().is_not(None)


def xor(one: Any, other: Any) -> Any:
    """`terms.mixed` in SQL: neither difference nor parts overflow."""
    return one.bitwise_or(other) - one.bitwise_and(other)


def there(columns: Columns, *where: Condition) -> Condition:
    """Whether the table of the columns has such a row; all other tables are those outside."""
    return exists().correlate_except(columns.study.table).where(*where)


def compares(prefix: Prefix, low: Any, high: Any, first: Any, last: Any) -> Condition:
    """`gateway.search.compare.compares` in SQL; `ap` is widened already."""
    inside = and_(low >= first, high <= last)
    answers: dict[Prefix, Callable[[], Condition]] = {
        "eq": lambda: inside,
        "ne": lambda: or_(low < first, high > last),
        "gt": lambda: high > last,
        "lt": lambda: low < first,
        "ge": lambda: or_(high > last, inside),
        "le": lambda: or_(low < first, inside),
        "sa": lambda: low >= last,
        "eb": lambda: high <= first,
        "ap": lambda: and_(low < last, high > first),
    }
    return answers[prefix]()


def compares_numbers(prefix: Prefix, low: Any, high: Any, first: Any, last: Any) -> Condition:
    """`gateway.search.compare.compares_numbers` in SQL."""
    answers: dict[Prefix, Callable[[], Condition]] = {
        "eq": lambda: and_(low >= first, high < last),
        "ne": lambda: or_(low < first, high >= last),
        "gt": lambda: high > last,
        "lt": lambda: low < first,
        "ge": lambda: high >= first,
        "le": lambda: low <= last,
        "sa": lambda: low > last,
        "eb": lambda: high < first,
        "ap": lambda: and_(low <= last, high >= first),
    }
    return answers[prefix]()


_VALUES: Final[dict[str, Any]] = {
    "dates": DateRow,
    "numbers": NumberRow,
    "quantities": NumberRow,
    "strings": StringRow,
}
_COMPARERS: Final[dict[str, Callable[[Conditions, Piece, Columns], Condition]]] = {
    "dates": Conditions._date_is,
    "numbers": Conditions._number_is,
    "quantities": Conditions._quantity_is,
    "strings": Conditions._string_is,
}
_MAKERS: Final[dict[str, Callable[[Conditions, Piece, Columns], Condition]]] = {
    "never": Conditions._never,
    "ids": Conditions._ids,
    "facets": Conditions._facets,
    "dated": Conditions._dated,
    "undated": Conditions._undated,
    "updated": Conditions._updated,
    "in-time": Conditions._in_time,
    "term": Conditions._term,
    "facet": Conditions._facet,
    "facet-text": Conditions._facet_text,
    "words": Conditions._words,
    "not": Conditions._not,
    "any": Conditions._any,
    "all": Conditions._all,
    "parts": Conditions._parts,
    "chain": Conditions._chain,
    "has": Conditions._has,
}
