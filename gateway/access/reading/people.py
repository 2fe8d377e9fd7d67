"""People in an order that says nothing of them: what is streamed comes by date, and theirs is that of birth."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from gateway.core.resources import Stored, Visibility
from gateway.search import Query
from gateway.search.query import SortKey
from gateway.store.batches import BATCH
from gateway.store.port import Page, Position, ResourceStore

PEOPLE: Final = frozenset({"Patient", "Person", "RelatedPerson"})

_AS_WRITTEN: Final = (SortKey("_lastUpdated"),)
"""Rising, so that what is written meanwhile comes late or twice, and nothing is passed over."""


def streamed(store: ResourceStore, query: Query | str, study: str, visibility: Visibility | None) -> Iterator[Stored]:
    """What `ResourceStore.stream` gives, people as they were last written."""
    asked = Query(query) if isinstance(query, str) else query
    if asked.type not in PEOPLE:
        yield from store.stream(query, study, visibility)
        return
    plain = replace(asked, sort=asked.sort or _AS_WRITTEN, includes=(), total="", count=None)
    after: Position | None = None
    while True:
        found = store.search(plain, study, visibility, Page(BATCH, after))
        yield from found.rows
        if found.next is None:
            return
        after = found.next
