"""Searching: pages by key, totals and streams, all over the visible rows only."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, Select, String, bindparam, select

from gateway.core.resources import Key, Lookup, Stored, Visibility
from gateway.search import Query
from gateway.store.port import Found, Page, Position
from gateway.store.sql import query as queries
from gateway.store.sql.database import Database, Prepared
from gateway.store.sql.query import Shape
from gateway.store.sql.reader import stored
from gateway.store.sql.tables import ResourceRow, TermRow, columns_of
from gateway.store.sql.terms import term
from gateway.store.sql.visible import study_is, visibility_values

STREAM_BATCH: Final = 500
"""How many rows a stream holds at once."""

_SHAPES: Final = 512
"""How many shapes of queries stay compiled."""


class ResourceFinder:
    """Searches of current, undeleted resources; implements `search`, `stream` and `find` of `ResourceStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._find = database.prepare(_find())
        self._prepared = lru_cache(maxsize=_SHAPES)(self._prepare)

    def _prepare(self, shape: Shape) -> Prepared:
        return self._database.prepare(queries.select(self._database, shape))

    def search(self, query: Query, study: str, visibility: Visibility | None, page: Page) -> Found:
        """See `ResourceStore.search`."""
        pieces, gated = queries.pieces(query), visibility is not None
        values = self._values(query, study, visibility)
        statements: list[tuple[Prepared, dict[str, Any]]] = []
        if query.total:
            statements.append((self._prepared(Shape(pieces, gated, "count")), values))
        if page.count > 0:
            shape = Shape(pieces, gated, "falling", page.after is not None)
            statements.append((self._prepared(shape), {**values, **_position(page.count + 1, page.after)}))
        results = self._database.fetch_all(statements)
        total = results[0][0][0] if query.total else None
        rows = results[-1] if page.count > 0 else []
        found = tuple(_found(query.type, study, row) for row in rows[: max(page.count, 0)])
        return Found(found, total, (rows[page.count - 1][0],) if len(rows) > page.count else None)

    def stream(self, query: Query | str, study: str, visibility: Visibility | None) -> Iterator[Stored]:
        """See `ResourceStore.stream`."""
        asked = Query(query) if isinstance(query, str) else query
        pieces, gated = queries.pieces(asked), visibility is not None
        values = self._values(asked, study, visibility)
        after: Position | None = None
        while True:
            prepared = self._prepared(Shape(pieces, gated, "rising", after is not None))
            rows = self._database.fetch(prepared, {**values, **_position(STREAM_BATCH, after)})
            for row in rows:
                yield _found(asked.type, study, row)
            if len(rows) < STREAM_BATCH:
                return
            after = (rows[-1][0],)

    def lookup(self, connection: Connection, study: str) -> Lookup:
        """What `Unit.prepare` reads with: the newest matches, within the transaction of the connection."""

        def look(query: Query, visibility: Visibility | None, limit: int) -> list[Stored]:
            shape = Shape(queries.pieces(query), visibility is not None, "falling")
            values = {**self._values(query, study, visibility), **_position(limit, None)}
            rows = self._database.run(connection, self._prepared(shape), values)
            return [_found(query.type, study, tuple(row)) for row in rows]

        return look

    def find(self, study: str, type: str, parameter: str, system: str, value: str) -> list[Key]:
        """See `ResourceStore.find`."""
        wanted = term(type, parameter, "token", system, value)
        rows = self._database.fetch(self._find, {"study": study, "type": type, "hash": wanted})
        return [Key(study, type, id) for (id,) in rows]

    def _values(self, query: Query, study: str, visibility: Visibility | None) -> dict[str, Any]:
        values = {"study": study, **queries.values(self._database, query)}
        return values if visibility is None else values | visibility_values(visibility, study)


def _position(count: int, after: Position | None) -> dict[str, Any]:
    return {"page_count": count} if after is None else {"page_count": count, "after": after[0]}


def _found(type: str, study: str, row: Any) -> Stored:
    _pk, id, *version = row
    return stored(Key(study, type, id), tuple(version))


def _find() -> Select[Any]:
    own, head = columns_of(TermRow), columns_of(ResourceRow)
    asked = (own.study == study_is(), own.hash == bindparam("hash", type_=BigInteger))
    joined = (head.study == study_is(), head.type == bindparam("type", type_=String), head.pk == own.pk)
    return select(head.id).where(*asked, *joined).order_by(head.pk)
