"""The store over one SQL database: it puts the parts together and gives them one face."""

import secrets
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from gateway.core import issue
from gateway.core.clock import Clock
from gateway.core.errors import BadRequest
from gateway.core.event import AuditRow, Event, Told
from gateway.core.receipt import Payload, Receipt, ReceiptStatus
from gateway.core.resources import Committed, Key, Stored, Unit, Visibility
from gateway.search import Parameters, Query
from gateway.store.batches import in_batches
from gateway.store.port import Batch, Bodies, Chain, CompileGrants, Found, Page, Statement
from gateway.store.sql.consent.grants import STUDY, GrantMaker
from gateway.store.sql.database import Database
from gateway.store.sql.group_commit import Done, GroupCommit
from gateway.store.sql.index.indexing import Indexes
from gateway.store.sql.index.reindexing import Reindexer
from gateway.store.sql.index.state import IndexStates
from gateway.store.sql.index.writer import Known
from gateway.store.sql.keys import KeyMaker
from gateway.store.sql.locks import UnitLocks
from gateway.store.sql.migrate import migrate
from gateway.store.sql.reading.cursors import Cursors
from gateway.store.sql.reading.finder import ResourceFinder
from gateway.store.sql.reading.history import HistoryReader
from gateway.store.sql.reading.leaving import LeavingReader
from gateway.store.sql.reading.limiting import Gates
from gateway.store.sql.reading.newest import Newest
from gateway.store.sql.reading.reader import ResourceReader
from gateway.store.sql.reading.streams import Streams
from gateway.store.sql.records.api_keys import ApiKeys, RateCounts
from gateway.store.sql.records.app_grants import AppGrants
from gateway.store.sql.records.audit import AuditRows
from gateway.store.sql.records.credentials import Credentials
from gateway.store.sql.records.exports import Exports, RequestRow
from gateway.store.sql.records.landing import Landing
from gateway.store.sql.records.registry import Registrations
from gateway.store.sql.upkeep.checks import Checker
from gateway.store.sql.upkeep.maintenance import Maintenance
from gateway.store.sql.writing.purging import Purger
from gateway.store.sql.writing.writer import ResourceWriter


class SqlStore:
    """Implements `ResourceStore`, ingest's `Landing` and audit's `Rows` and `PastRows` on SQLite or PostgreSQL; safe
    between threads.
    """

    def __init__(
        self, database: Database, parameters: Parameters, compile_grants: CompileGrants, chain: Chain, clock: Clock
    ) -> None:
        self.database = database
        keys = KeyMaker(secrets.randbits(10))
        indexes = Indexes(parameters)
        self._writer = ResourceWriter(database, indexes, clock, keys)
        reindexer = Reindexer(database, indexes, self._writer.index)
        self._states = IndexStates(database, lambda study: parameters.of_study(study).digest, reindexer)
        self.maintenance = Maintenance(database, Checker(database, indexes), self._states)
        self._grants = GrantMaker(database, compile_grants, self._writer.kinds)
        gates = Gates(database, indexes)
        self._purger = Purger(database)
        self._reader = ResourceReader(database, gates)
        self._finder = ResourceFinder(database, indexes, gates)
        cursors = Cursors(database, clock)
        self._leaving = LeavingReader(database, gates, cursors, clock)
        self._streams = Streams(database, self._finder, cursors, clock)
        self._newest = Newest(database, indexes, gates)
        self._history = HistoryReader(database, gates)
        self._locks = UnitLocks(database)
        self._landing = Landing(database)
        self.credentials = Credentials(database, clock)
        self.app_grants = AppGrants(database, clock)
        self.exports = Exports(database)
        self.api_keys = ApiKeys(database)
        self.rate_counts = RateCounts(database)
        self.requests = Exports(database, RequestRow)
        self._audit = AuditRows(database, chain)
        self._group = GroupCommit(database, self._record)
        self.registrations = Registrations(database, self._audit)

    @classmethod
    def open(
        cls,
        url: str,
        *,
        parameters: Parameters,
        compile_grants: CompileGrants,
        chain: Chain,
        clock: Clock,
        statement_seconds: float = 0,
    ) -> "SqlStore":
        """The store at a database URL, `sqlite:///path` or `postgresql://...`; call `migrate` before its first use.

        Reading statements are given up after so many seconds, 0 for never.
        Raises `ValueError` for an in-memory SQLite database.
        """
        return cls(Database.open(url, statement_seconds=statement_seconds), parameters, compile_grants, chain, clock)

    def migrate(self) -> None:
        """Creates the schema or brings it up to date; `Unavailable` when a newer gateway made it."""
        migrate(self.database)

    def close(self) -> None:
        """Closes every connection."""
        self._finder.close()
        self.database.close()

    def read(self, key: Key, visibility: Visibility | None, version: int | None = None) -> Stored | None:
        """See `ResourceStore.read`."""
        return self._reader.read(key, visibility, version)

    def history(self, key: Key, visibility: Visibility | None) -> list[Stored]:
        """See `ResourceStore.history`."""
        return self._reader.history(key, visibility)

    def changes(
        self,
        study: str,
        visibility: Visibility | None,
        *,
        type: str | None = None,
        id: str | None = None,
        since: int | None = None,
        at: tuple[int, int] | None = None,
        page: Page,
    ) -> Found:
        """See `ResourceStore.changes`."""
        return self._history.changes(study, visibility, type=type, id=id, since=since, at=at, page=page)

    def search(self, query: Query, study: str, visibility: Visibility | None, page: Page) -> Found:
        """See `ResourceStore.search`."""
        self._states.require(study)
        return self._finder.search(query, study, visibility, page)

    def explain(self, query: Query, study: str, visibility: Visibility | None, page: Page) -> tuple[Statement, ...]:
        """See `ResourceStore.explain`."""
        self._states.require(study)
        return self._finder.explain(query, study, visibility, page)

    def newest(self, query: Query, study: str, visibility: Visibility | None, most: int) -> tuple[Stored, ...]:
        """See `ResourceStore.newest`."""
        self._states.require(study)
        return self._newest.of(query, study, visibility, most)

    def search_briefly(self, query: Query, study: str, visibility: Visibility | None, page: Page) -> Bodies | None:
        """See `ResourceStore.search_briefly`."""
        self._states.require(study)
        return self._finder.search_briefly(query, study, visibility, page)

    def stream(self, query: Query | str, study: str, visibility: Visibility | None) -> Iterator[Stored]:
        """See `ResourceStore.stream`."""
        self._states.require(study)
        return self._streams.of(query, study, visibility)

    def batches(self, query: Query | str, study: str, visibility: Visibility | None) -> Iterator[Batch]:
        """See `ResourceStore.batches`."""
        self._states.require(study)
        if isinstance(query, str):
            return self._leaving.batches(query, study, visibility)
        return in_batches(self._streams.of(query, study, visibility))

    def find(self, study: str, type: str, parameter: str, system: str, value: str) -> list[Key]:
        """See `ResourceStore.find`."""
        self._states.require(study)
        return self._finder.find(study, type, parameter, system, value)

    def commit(self, unit: Unit) -> tuple[Committed, ...]:
        """See `ResourceStore.commit`."""
        [done] = self.commit_all([unit])
        if isinstance(done, BaseException):
            raise done
        return done

    def commit_all(self, units: Sequence[Unit]) -> list[tuple[Committed, ...] | BaseException]:
        """See `ResourceStore.commit_all`."""
        noted: list[Known] = [set() for _ in units]
        works = [partial(self._commit, unit=unit, noted=known) for unit, known in zip(units, noted, strict=True)]
        answers: list[tuple[Committed, ...] | BaseException] = []
        for unit, known, done in zip(units, noted, self._group.run_all(works), strict=True):
            if isinstance(done, BaseException):
                answers.append(done)
                continue
            self._writer.index.remember(known)
            self._writer.kinds.remember(known)
            if unit.changes or unit.prepare:
                self._states.remember(unit.study)
            if done.is_purged:
                self.database.scrub()
            answers.append(done.committed)
        return answers

    def _commit(self, connection: Connection, unit: Unit, noted: Known) -> Done:
        noted.clear()
        subjects: set[str] = set()
        if unit.changes or unit.prepare:
            self._states.note(connection, unit.study)
        self._locks.take(connection, unit.study, unit.locks)
        if unit.prepare:
            self._states.require(unit.study)
        prepared = unit.prepare(self._finder.lookup(connection, unit.study)) if unit.prepare else ()
        committed = tuple(self._writer.apply(connection, unit.study, (*prepared, *unit.changes), subjects, noted))
        beside: list[Committed] = []
        if unit.accompany:
            beside = self._writer.apply(connection, unit.study, unit.accompany(committed), subjects, noted)
        purged = unit.purge(committed) if unit.purge else ()
        for subject in purged:
            self._purge(connection, unit.study, subject, subjects, noted)
        if subjects - {STUDY}:  # a Consent that is not indexed yet would be left out of the grants
            self._states.require(unit.study)
        self._grants.make(connection, unit.study, subjects)
        if unit.settle:
            receipt = unit.settle(committed)
            if receipt.study != unit.study:
                raise BadRequest(issue("store.other-study"))
            self._landing.settle(connection, receipt)
        events = _told(unit, committed, tuple(beside))
        if not self.database.is_sqlite:
            self._audit.extend(connection, unit.study, events)
            events = ()
        if unit.confirm:  # PostgreSQL has locked the head of the audit chain, and SQLite has one writer: no commit of
            unit.confirm(committed)  # the study comes between this and the end
        keys = [one.stored.key for one in (*committed, *beside)]
        touched = {(key.study, key.type, key.id) for key in keys} | _looked_up_for(events)
        return Done(committed, touched, bool(subjects or purged), events, bool(purged))

    def _record(self, connection: Connection, events: Sequence[Told]) -> None:
        """Writes the events of several units."""
        for study in dict.fromkeys(event.study for event in events):
            self._audit.extend(connection, study, [event for event in events if event.study == study])

    def _purge(self, connection: Connection, study: str, subject: str, subjects: set[str], noted: Known) -> None:
        digests = self._purger.proofs(connection, study, subject)
        self._writer.apply(connection, study, self._purger.living(connection, study, subject), subjects, noted)
        self._purger.clear(connection, study, subject, digests)

    def regrant(self, study: str) -> int:
        """See `ResourceStore.regrant`; `Unavailable` while the study is indexed again: Consents could be left out."""
        self._states.require(study)
        return self.database.write(lambda connection: self._grants.make_all(connection, study))

    def consent_epoch(self, study: str, subject: str) -> int:
        """See `ResourceStore.consent_epoch`."""
        return self._group.once((study, subject), lambda: self._grants.epoch(study, subject))

    def land(self, payload: Payload, receipt: Receipt, leased_until: datetime | None = None) -> None:
        """See `Landing.land`."""
        self._landing.land(payload, receipt, leased_until)

    def payload(self, study: str, receipt_id: str) -> Payload:
        """See `Landing.payload`."""
        return self._landing.payload(study, receipt_id)

    def receipt(self, study: str, id: str) -> Receipt | None:
        """See `Landing.receipt`."""
        return self._landing.receipt(study, id)

    def first_with(self, study: str, source: str, sha256: str) -> Receipt | None:
        """See `Landing.first_with`."""
        return self._landing.first_with(study, source, sha256)

    def save(self, receipt: Receipt) -> None:
        """See `Landing.save`."""
        self._landing.save(receipt)

    def receipts(
        self,
        study: str,
        *,
        source: str | None = None,
        status: ReceiptStatus | None = None,
        rule: str | None = None,
        mapping: str | None = None,
    ) -> list[Receipt]:
        """See `Landing.receipts`."""
        return self._landing.receipts(study, source=source, status=status, rule=rule, mapping=mapping)

    def lease(self, study: str | None, now: datetime, seconds: float) -> Receipt | None:
        """See `Landing.lease`."""
        return self._landing.lease(study, now, seconds)

    def release(self, study: str, id: str) -> None:
        """See `Landing.release`."""
        self._landing.release(study, id)

    def append(self, events: Sequence[Told]) -> tuple[AuditRow, ...]:
        """See `Rows.append`."""
        return self._audit.append(events)

    def patients_of(self, study: str, references: Iterable[str]) -> set[str]:
        """See `Rows.patients_of`."""
        return self._audit.patients_of(study, references)

    def rows(self, study: str, after: int = 0) -> Iterator[AuditRow]:
        """See `Rows.rows`."""
        return self._audit.rows(study, after)

    def rows_before(
        self, study: str, before: int, texts: Sequence[bytes], since: int, until: int
    ) -> Iterator[AuditRow]:
        """See `PastRows.rows_before`."""
        return self._audit.rows_before(study, before, texts, since, until)

    def last(self, study: str) -> AuditRow | None:
        """The newest row, or None."""
        return self._audit.last(study)

    def end(self, study: str) -> tuple[int, bytes]:
        """See `Rows.end`."""
        return self._audit.end(study)


def _told(unit: Unit, committed: tuple[Committed, ...], beside: tuple[Committed, ...]) -> tuple[Told, ...]:
    """The audit events of a unit; raises `BadRequest` when one is another study's."""
    events = (*unit.events, *(unit.report(committed) if unit.report else ()))
    if unit.report_beside and beside:
        events = (*events, *unit.report_beside(beside))
    for event in events:
        if event.study != unit.study:
            raise BadRequest(issue("store.other-study"))
    return events


def _looked_up_for(events: Iterable[Told]) -> set[tuple[str, str, str]]:
    """The resources whose participants the trail looks up when it writes the events."""
    named = [(event.study, target.partition("/")) for event in events if isinstance(event, Event)
             for target in event.targets]  # fmt: skip
    return {(study, kind, identity) for study, (kind, _, identity) in named}
