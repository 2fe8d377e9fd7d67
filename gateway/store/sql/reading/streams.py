"""All visible matches of a search, oldest first: a statement a batch on SQLite, by a cursor on PostgreSQL."""

from collections.abc import Iterator

from msgspec import structs

from gateway.core.clock import Clock
from gateway.core.instants import micros
from gateway.core.resources import Key, Stored, Visibility
from gateway.search import Query
from gateway.store.batches import BATCH
from gateway.store.port import Position
from gateway.store.sql.database import Database, Prepared, Read, Rows, Values
from gateway.store.sql.reading.cursors import Asked, Cursors
from gateway.store.sql.reading.finder import ResourceFinder
from gateway.store.sql.reading.reader import stored


class Streams:
    """Implements `stream` of `ResourceStore`; safe between threads."""

    def __init__(self, database: Database, finder: ResourceFinder, cursors: Cursors, clock: Clock) -> None:
        self._database = database
        self._finder = finder
        self._cursors = cursors
        self._clock = clock

    def of(self, query: Query | str, study: str, visibility: Visibility | None) -> Iterator[Stored]:
        """See `ResourceStore.stream`."""
        asking = Query(query) if isinstance(query, str) else query
        batches = self._one_by_one if self._database.is_sqlite else self._through_cursor
        for rows in batches(asking, study, visibility):
            for row in rows:
                yield stored(Key(study, asking.type, row[2]), tuple(row[3:7]))

    def _one_by_one(self, query: Query, study: str, visibility: Visibility | None) -> Iterator[Rows]:
        after: Position | None = None
        while True:
            visibility = visibility and structs.replace(visibility, now=max(visibility.now, micros(self._clock())))
            rows = self._database.read_one_state(
                lambda read, eyes=visibility, after=after: self._finder.batch(  # type: ignore[misc]
                    read, query, study, eyes, after, BATCH
                )
            )
            yield rows
            if len(rows) < BATCH:
                return
            after = rows[-1][:2]

    def _through_cursor(self, query: Query, study: str, visibility: Visibility | None) -> Iterator[Rows]:
        def statement(read: Read, after: Position | None, now: int) -> tuple[Prepared, Values]:
            return self._finder.whole(read, query, study, visibility and structs.replace(visibility, now=now), after)

        asked_at = visibility.now if visibility else 0
        return self._cursors.batches(Asked(study, query.type, statement, width=2, now=asked_at))
