"""The store as a role sees it that does not see everything: for reading alone."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from gateway.access.reading.people import streamed
from gateway.access.reading.redaction import Redaction
from gateway.core.errors import Forbidden
from gateway.core.issues import issue
from gateway.core.resources import Committed, Key, Stored, Unit, Visibility
from gateway.search import Query
from gateway.store.batches import in_batches
from gateway.store.port import Batch, Bodies, Found, Page, ResourceStore, Statement


class RedactingStore:
    """A `ResourceStore` whose every version is redacted, whose searches do not tell more, and that is not written."""

    def __init__(self, store: ResourceStore, redaction: Redaction) -> None:
        self._store = store
        self._redaction = redaction

    def read(self, key: Key, visibility: Visibility | None, version: int | None = None) -> Stored | None:
        """See `ResourceStore.read`."""
        found = self._store.read(key, visibility, version)
        return self._redaction.shown(found) if found else None

    def history(self, key: Key, visibility: Visibility | None) -> list[Stored]:
        """See `ResourceStore.history`."""
        return [self._redaction.shown(one) for one in self._store.history(key, visibility)]

    def changes(self, study: str, visibility: Visibility | None, **asked: Any) -> Found:
        """See `ResourceStore.changes`."""
        return self._found(self._store.changes(study, visibility, **asked))

    def search(self, query: Query, study: str, visibility: Visibility | None, page: Page) -> Found:
        """See `ResourceStore.search`; `Forbidden` for a search by what is not seen."""
        self._redaction.require(query)
        query = self._redaction.narrowed(query)
        return self._found(self._store.search(query, study, visibility, page))

    def explain(self, query: Query, study: str, visibility: Visibility | None, page: Page) -> tuple[Statement, ...]:
        """See `ResourceStore.explain`; `Forbidden` for a search by what is not seen."""
        self._redaction.require(query)
        return self._store.explain(self._redaction.narrowed(query), study, visibility, page)

    def search_briefly(self, query: Query, study: str, visibility: Visibility | None, page: Page) -> Bodies | None:
        """None: redacting takes its time."""
        del query, study, visibility, page
        return None

    def newest(self, query: Query, study: str, visibility: Visibility | None, most: int) -> tuple[Stored, ...]:
        """See `ResourceStore.newest`; `Forbidden` for a search by what is not seen."""
        self._redaction.require(query)
        return tuple(self._redaction.shown(one) for one in self._store.newest(query, study, visibility, most))

    def stream(self, query: Query | str, study: str, visibility: Visibility | None) -> Iterator[Stored]:
        """See `ResourceStore.stream`; `Forbidden` for a search by what is not seen."""
        if isinstance(query, Query):
            self._redaction.require(query)
        return map(self._redaction.shown, streamed(self._store, query, study, visibility))

    def batches(self, query: Query | str, study: str, visibility: Visibility | None) -> Iterator[Batch]:
        """See `ResourceStore.batches`; `Forbidden` for a search by what is not seen."""
        return in_batches(self.stream(query, study, visibility))

    def find(self, study: str, type: str, parameter: str, system: str, value: str) -> list[Key]:
        """Refused: it is for sources."""
        del study, type, parameter, system, value
        raise Forbidden(issue("consent.redacted-write"))

    def commit(self, unit: Unit) -> tuple[Committed, ...]:
        """Refused: who does not see all of a resource would write it back without the rest."""
        del unit
        raise Forbidden(issue("consent.redacted-write"))

    def commit_all(self, units: Sequence[Unit]) -> list[tuple[Committed, ...] | BaseException]:
        """Refused, as `commit`."""
        return [Forbidden(issue("consent.redacted-write")) for _ in units]

    def regrant(self, study: str) -> int:
        """See `ResourceStore.regrant`."""
        return self._store.regrant(study)

    def consent_epoch(self, study: str, subject: str) -> int:
        """See `ResourceStore.consent_epoch`."""
        return self._store.consent_epoch(study, subject)

    def patients_of(self, study: str, references: Iterable[str]) -> set[str]:
        """See `ResourceStore.patients_of`."""
        return self._store.patients_of(study, references)

    def _found(self, found: Found) -> Found:
        rows = tuple(map(self._redaction.shown, found.rows))
        return replace(found, rows=rows, included=self._redaction.included(found.included))
