"""Reading the trail: what auditors see of their own organisation, and who saw a participant's data.

Rows are read newest first and told apart by the text that must be in them before any is decoded; then each is judged
as the AuditEvent that it is shown as, by the same rules as every search.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

import msgspec

from gateway.audit.event_ids import EventIds
from gateway.audit.resources import resource
from gateway.core.event import BREAK_GLASS, AuditRow, Event
from gateway.core.instants import FOREVER_AFTER, FOREVER_BEFORE, micros
from gateway.core.types import Resource
from gateway.search import Parameters, Query, matches
from gateway.search.query import DateClause

FIRST: Final = 2**62
"""A sequence after every row."""

MILLISECOND: Final = 1_000
"""An AuditEvent shows milliseconds, a row knows microseconds."""


class PastRows(Protocol):
    """The chains, read from their end."""

    def rows_before(
        self, study: str, before: int, texts: Sequence[bytes], since: int, until: int
    ) -> Iterator[AuditRow]:
        """Rows with a sequence below `before` and an instant in [since, until), newest first, whose event has each
        of at most two texts."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A page of AuditEvents, newest first; the next page starts before the sequence `next`, None at the end."""

    events: tuple[Resource, ...]
    next: int | None


class AuditReader:
    """Reads the chains of all studies; `server` is the gateway's own address."""

    def __init__(self, rows: PastRows, ids: EventIds, parameters: Parameters, server: str = "") -> None:
        self._rows = rows
        self._ids = ids
        self._parameters = parameters
        self._server = server

    def search(self, study: str, organisation: str, query: Query, count: int, before: int = FIRST) -> Seen:
        """The events of an organisation that match; includes and the order of `query` play no part."""
        since, until = _window(query)
        found: list[Resource] = []
        last = 0
        for row in self._rows.rows_before(study, before, (_member("organisation", organisation),), since, until):
            event = decoded(row)
            shown = resource(event, self._ids.write(study, row.sequence), self._server)
            if event.organisation != organisation or not matches(query, shown, self._parameters):
                continue
            if len(found) == count:
                return Seen(tuple(found), last)
            found.append(shown)
            last = row.sequence
        return Seen(tuple(found), None)

    def read(self, study: str, organisation: str, id: str) -> Resource | None:
        """One event of an organisation; None when there is no such event, or it is another's."""
        event = self.event(study, id)
        if event is None or event.organisation != organisation:
            return None
        return resource(event, id, self._server)

    def event(self, study: str, id: str) -> Event | None:
        """The event, of whatever organisation, that auditors see under an id; None when there is none."""
        sequence = self._ids.read(study, id)
        if sequence is None:
            return None
        for row in self._rows.rows_before(study, sequence + 1, (), FOREVER_BEFORE, FOREVER_AFTER):
            return decoded(row) if row.sequence == sequence else None
        return None

    def disclosures(
        self, study: str, patient: str, since: datetime | None = None, until: datetime | None = None
    ) -> Iterator[Event]:
        """Every event, newest first, by which data of a participant left the gateway, for anyone."""
        low, high = micros(since) if since else FOREVER_BEFORE, micros(until) if until else FOREVER_AFTER
        text = msgspec.json.encode(patient)
        for row in self._rows.rows_before(study, FIRST, (text,), low, high):
            event = decoded(row)
            if is_disclosure(event) and patient in event.patients:
                yield event

    def broken(self, study: str) -> Iterator[Event]:
        """Every event, newest first, of a client that broke the glass or tried to."""
        texts = (_member("purpose", BREAK_GLASS),)
        for row in self._rows.rows_before(study, FIRST, texts, FOREVER_BEFORE, FOREVER_AFTER):
            event = decoded(row)
            if event.purpose == BREAK_GLASS:
                yield event


def is_disclosure(event: Event) -> bool:
    """Whether data left: something was served, not written; a ticket past the Consents is none yet."""
    is_ticket = event.operation.startswith("break-glass")
    return event.outcome == "success" and event.action in "RE" and bool(event.patients) and not is_ticket


def decoded(row: AuditRow) -> Event:
    """The event of a row; raises ValueError for a row that somebody changed into none."""
    return msgspec.json.decode(row.event, type=Event)


def _member(name: str, value: str) -> bytes:
    """How a member stands in a row's text."""
    return msgspec.json.encode(name) + b":" + msgspec.json.encode(value)


def _window(query: Query) -> tuple[int, int]:
    """Bounds that every match lies in: those of the dates that are asked for with a prefix of order or equality."""
    since, until = FOREVER_BEFORE, FOREVER_AFTER
    for clause in query.clauses:
        if (
            isinstance(clause, DateClause)
            and clause.parameter in ("date", "_lastUpdated")
            and len(clause.values) == 1
        ):
            [moment] = clause.values
            if moment.prefix in ("eq", "ge", "gt", "sa"):
                since = max(since, moment.low)
            if moment.prefix in ("eq", "le", "lt", "eb"):
                until = min(until, moment.high + MILLISECOND)
    return since, until
