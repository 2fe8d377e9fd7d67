"""What a reader can see: counts by type and by participant, through the reader's own door."""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.access import Door
from gateway.search import Query
from gateway.search.query import ReferenceClause
from gateway.store.port import Page
from gateway.study import Study

NOTHING = Page(0)


@dataclass(frozen=True, slots=True)
class View:
    """Visible resources by type, and the subject numbers of the participants that anything is visible of."""

    counts: Mapping[str, int]
    participants: tuple[str, ...]


def view(door: Door, study: Study, types: tuple[str, ...]) -> View:
    """Counts by search totals, as any client could."""
    counts = {kind: _total(door, Query(kind, (), 0, "accurate")) for kind in types}
    data = [kind for kind in types if kind in study.profiles and kind != "Device"]
    seen = tuple(
        person.id
        for person in study.participants
        if any(_total(door, _of(kind, person.patient)) for kind in data if counts[kind])
    )
    return View(counts, seen)


def _of(kind: str, patient: str) -> Query:
    return Query(kind, (ReferenceClause("subject", (f"Patient/{patient}",)),), 0, "accurate")


def _total(door: Door, query: Query) -> int:
    return door.search(query, NOTHING).total or 0
