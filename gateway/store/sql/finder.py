"""Searching: clauses and consent as one statement, pages by key, newest first.

The most telling clause drives the search from its index, in the order of the keys, so that a page costs its own
rows and not the table's; the other clauses are probed row by row. See `gateway.search.matches` for the meaning.
"""

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Select, and_, bindparam, exists, false, func, or_, select
from sqlalchemy.orm import aliased

from gateway.core.resources import Key, Stored, Visibility
from gateway.search import Query
from gateway.search.query import Clause, DateClause, IdClause, Moment, ReferenceClause, TokenClause
from gateway.store.port import Found, Page
from gateway.store.sql.among import among, as_list
from gateway.store.sql.database import Database
from gateway.store.sql.reader import stored
from gateway.store.sql.tables import DateRow, ResourceRow, TermRow, VersionRow, table_of
from gateway.store.sql.terms import date_hash, term, wanted
from gateway.store.sql.visible import study_is, visibility_values, visible

STREAM_BATCH: Final = 500
"""How many rows a stream holds at once."""

_TELLING: Final = {"identifier": 0, "patient": 1, "subject": 2, "code": 3}
"""Which parameter drives a search when several could: the lower, the fewer rows it has."""


class ResourceFinder:
    """Searches of current, undeleted resources; implements `search`, `stream` and `find` of `ResourceStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._find = database.prepare(_find())

    def search(self, query: Query, study: str, visibility: Visibility | None, page: Page) -> Found:
        """See `ResourceStore.search`."""
        plan = _Plan(self._database, query, study, visibility)
        with self._database.snapshot() as connection:
            total = connection.execute(plan.count(), plan.values).scalar_one() if query.total else None
            if page.count <= 0:
                return Found((), total, None)
            rows = connection.execute(plan.page(page.count + 1, page.after), plan.values).fetchall()
        more = len(rows) > page.count
        rows = rows[: page.count]
        return Found(tuple(_found(query.type, study, row) for row in rows), total, (rows[-1][0],) if more else None)

    def stream(self, query: Query | str, study: str, visibility: Visibility | None) -> Iterator[Stored]:
        """See `ResourceStore.stream`."""
        asked = Query(query) if isinstance(query, str) else query
        plan = _Plan(self._database, asked, study, visibility)
        after: tuple[int, ...] | None = None
        while True:
            with self._database.snapshot() as connection:
                rows = connection.execute(plan.page(STREAM_BATCH, after, rising=True), plan.values).fetchall()
            for row in rows:
                yield _found(asked.type, study, row)
            if len(rows) < STREAM_BATCH:
                return
            after = (rows[-1][0],)

    def find(self, study: str, type: str, parameter: str, system: str, value: str) -> list[Key]:
        """See `ResourceStore.find`."""
        hash = term(type, parameter, "token", system, value)
        rows = self._database.fetch(self._find, {"study": study, "type": type, "hash": hash})
        return [Key(study, type, id) for (id,) in rows]


def _found(type: str, study: str, row: Any) -> Stored:
    _pk, id, *version = row
    return stored(Key(study, type, id), tuple(version))


class _Plan:
    """A query as SQL: its driving index, its conditions, and the values of its parameters."""

    def __init__(self, database: Database, query: Query, study: str, visibility: Visibility | None) -> None:
        self._database = database
        self._type = query.type
        self._head = aliased(ResourceRow)
        self._driver: Any = None
        self.values: dict[str, Any] = {"study": study, "type": query.type}
        clauses = list(query.clauses)
        driving = _driving(query)
        self._where: list[ColumnElement[bool]] = []
        if driving is not None:
            clauses.remove(driving)
            self._driver = aliased(TermRow)
            hash = self._bind(wanted(query.type, driving)[0])
            self._where += [_is(self._driver.study, study_is()), _is(self._driver.hash, hash)]
            self._where.append(_is(self._head.pk, self._driver.pk))
        self._where += [
            _is(self._head.study, study_is()),
            _is(self._head.type, bindparam("type")),
            _is(self._head.deleted, false()),
            *(self._condition(clause) for clause in clauses),
        ]
        if visibility is not None:
            self._where.append(visible(self._head))
            self.values.update(visibility_values(visibility, study))

    def count(self) -> Select[Any]:
        """How many rows there are."""
        return self._from(select(func.count()))

    def page(self, count: int, after: tuple[int, ...] | None, *, rising: bool = False) -> Select[Any]:
        """(pk, id, version, updated, deleted, body) of `count` rows after a key, newest first unless `rising`."""
        head, version = self._head, aliased(VersionRow)
        key = head.pk if self._driver is None else self._driver.pk
        found = self._from(
            select(head.pk, head.id, version.version, version.updated, version.deleted, version.body)
        ).where(_is(version.study, study_is()), _is(version.pk, head.pk), _is(version.version, head.version))
        if after is not None:
            self.values["after"] = after[0]
            bound = bindparam("after", type_=BigInteger)
            found = found.where(key > bound if rising else key < bound)
        self.values["page_count"] = count
        return found.order_by(key if rising else key.desc()).limit(bindparam("page_count"))

    def _from(self, columns: Select[Any]) -> Select[Any]:
        found = columns.select_from(self._head)
        if self._driver is not None:
            found = columns.select_from(self._driver, self._head)
        return found.where(*self._where)

    def _bind(self, value: int) -> Any:
        name = f"value_{len(self.values)}"
        self.values[name] = value
        return bindparam(name, type_=BigInteger)

    def _bind_list(self, values: list[Any]) -> str:
        name = f"list_{len(self.values)}"
        self.values[name] = as_list(self._database, values)
        return name

    def _condition(self, clause: Clause) -> ColumnElement[bool]:
        if isinstance(clause, IdClause):
            return among(self._database, self._head.id, self._bind_list(list(clause.ids)))
        if isinstance(clause, DateClause):
            return self._dated(clause)
        own = aliased(TermRow)
        hashes = among(self._database, own.hash, self._bind_list(wanted(self._type, clause)))
        return exists().where(_is(own.study, study_is()), hashes, _is(own.pk, self._head.pk))

    def _dated(self, clause: DateClause) -> ColumnElement[bool]:
        if clause.parameter == "_lastUpdated":
            low: Any = self._head.updated
            return or_(*(self._compares(value, low, low + 1000) for value in clause.values))
        own = aliased(DateRow)
        hash = self._bind(date_hash(self._type, clause.parameter))
        compared = or_(*(self._compares(value, own.low, own.high) for value in clause.values))
        return exists().where(_is(own.study, study_is()), _is(own.hash, hash), _is(own.pk, self._head.pk), compared)

    def _compares(self, value: Moment, low: Any, high: Any) -> ColumnElement[bool]:
        """`gateway.search.match.compares` in SQL."""
        first, last = self._bind(value.low), self._bind(value.high)
        inside = and_(low >= first, high <= last)
        if value.prefix == "ap":
            margin = (value.high - value.low) // 10
            return and_(low < self._bind(value.high + margin), high > self._bind(value.low - margin))
        answers: dict[str, ColumnElement[bool]] = {
            "eq": inside,
            "ne": or_(low < first, high > last),
            "gt": high > last,
            "lt": low < first,
            "ge": or_(high > last, inside),
            "le": or_(low < first, inside),
            "sa": low >= last,
            "eb": high <= first,
        }
        return answers[value.prefix]


def _driving(query: Query) -> TokenClause | ReferenceClause | None:
    """The most telling clause that asks for exactly one hash; several hashes could give a row twice."""
    usable = [
        clause
        for clause in query.clauses
        if isinstance(clause, TokenClause | ReferenceClause) and len(wanted(query.type, clause)) == 1
    ]
    return min(usable, key=lambda clause: _TELLING.get(clause.parameter, 9), default=None)


def _is(column: Any, value: Any) -> ColumnElement[bool]:
    equal: ColumnElement[bool] = column == value
    return equal


def _find() -> Select[Any]:
    own, head = table_of(TermRow).alias(), table_of(ResourceRow).alias()
    return (
        select(head.c.id)
        .select_from(own)
        .join(head, (head.c.study == study_is()) & (head.c.type == bindparam("type")) & (head.c.pk == own.c.pk))
        .where(own.c.study == study_is(), own.c.hash == bindparam("hash", type_=BigInteger))
        .order_by(head.c.pk)
    )
