"""What leaves a study in bulk: whose data it holds is on record before it does, and how much it was afterwards."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from msgspec import structs

from gateway.access.journal import Journal
from gateway.access.reading.people import PEOPLE, streamed
from gateway.core.event import MAX_TARGETS, Event
from gateway.core.resources import Stored, Visibility
from gateway.search import Query
from gateway.store.batches import in_batches
from gateway.store.port import Batch, ResourceStore


@dataclass(frozen=True, slots=True)
class Leaving:
    """One export of a type; `event` makes the event of an operation on it."""

    store: ResourceStore
    journal: Journal
    visibility: Visibility
    event: Callable[[str], Event]

    def stream(self, query: Query | str) -> Iterator[Stored]:
        """The rows, oldest first, people as they were written."""
        count, told = 0, frozenset[str]()
        rows = streamed(self.store, query, self.visibility.study, self.visibility)
        try:
            while batch := tuple(islice(rows, MAX_TARGETS)):
                told = self._tell([stored.key.reference for stored in batch], None, told)
                for stored in batch:
                    count += 1
                    yield stored
        finally:
            self._ended(count)

    def batches(self, query: Query | str) -> Iterator[Batch]:
        """The same in batches."""
        kind = query if isinstance(query, str) else query.type
        count, told = 0, frozenset[str]()
        if isinstance(query, Query) and kind in PEOPLE:
            batches = in_batches(streamed(self.store, query, self.visibility.study, self.visibility))
        else:
            batches = self.store.batches(query, self.visibility.study, self.visibility)
        try:
            for batch in batches:
                told = self._tell([f"{kind}/{id}" for id in batch.ids], batch.patients, told)
                count += batch.count
                yield batch
        finally:
            self._ended(count)

    def _tell(
        self, references: Sequence[str], patients: frozenset[str] | None, told: frozenset[str]
    ) -> frozenset[str]:
        """Whose data leave is on record before they do; `patients` where that is known."""
        if patients is None:
            patients = self.journal.trail.patients_of(self.visibility.study, references)
        found = patients - told
        if found:
            self.journal.record(structs.replace(self.event("disclose"), patients=tuple(sorted(found))))
        return told | found

    def _ended(self, count: int) -> None:
        self.journal.record(structs.replace(self.event("exported"), count=count))
