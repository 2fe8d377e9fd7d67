"""The door: reading and writing as one principal."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import TypeAlias

from gateway.access.gate import Gate, require_scope
from gateway.access.journal import Action, Journal, refused
from gateway.access.writes import Asked, Delete, Write
from gateway.auth import scope_allows
from gateway.core.clock import Clock
from gateway.core.errors import FhirError, Forbidden, Gone, NotFound, Unavailable
from gateway.core.event import Event
from gateway.core.instants import micros
from gateway.core.issues import issue
from gateway.core.principal import Principal
from gateway.core.receipt import Receipt
from gateway.core.resources import Change, Committed, Key, Stored, Unit, Visibility
from gateway.core.types import Resource
from gateway.search import Query
from gateway.store.port import Found, Page, ResourceStore

Accompany: TypeAlias = Callable[[tuple[Committed, ...]], Iterable[Resource]]
Settle: TypeAlias = Callable[[tuple[Committed, ...]], Receipt]


class Door:
    """What one principal can do with one study's resources.

    Every method raises `Forbidden` when scopes or role do not allow the interaction on the type, and `Unavailable`
    when the call cannot be audited; then nothing is served. For one thread at a time.
    """

    def __init__(self, store: ResourceStore, gate: Gate, journal: Journal, clock: Clock) -> None:
        self._store = store
        self._gate = gate
        self._journal = journal
        self._clock = clock
        self._lookups: list[Future[None]] = []

    @property
    def principal(self) -> Principal:
        """Who goes through this door."""
        return self._gate.principal

    def permit(self, operation: str, type: str, letters: str = "r") -> None:
        """Returns when it is on record that the operation (`expand`) is asked for on a type, and may be."""
        event = self._event("E", operation, (type,))
        try:
            require_scope(self.principal, type, *letters)
        except Forbidden as error:
            self._refuse(event, error)
            raise
        self._journal.record(event)

    def require_write(self, type: str) -> None:
        """Raises `Forbidden`, on record, for who may neither create nor update a type: before a body is looked at.

        A source delivers payloads, whose resources the gateway makes; it writes none itself.
        """
        try:
            if self.principal.source:
                raise Forbidden(issue("rest.source-writes"))
            if not scope_allows(self.principal.scopes, type, "c"):
                require_scope(self.principal, type, "u")
        except Forbidden as error:
            self._refuse(self._event("U", "write", (type,)), error)
            raise

    def read(self, type: str, id: str, version: int | None = None) -> Stored:
        """The current version, or that `version`; raises `NotFound` when it is absent or hidden, `Gone` when it is
        a deletion that this reader may know of."""
        stored, recorded = self.begin_read(type, id, version)
        self._journal.trail.wake()
        recorded.result()
        return stored

    def begin_read(self, type: str, id: str, version: int | None = None) -> tuple[Stored, Future[None]]:
        """Like `read`, for an event loop: nothing may be served before the future is done; its error is the
        answer then. The event waits for `Access.flush`, so that one disk flush serves many readers."""
        key = Key(self.principal.study, type, id)
        event = self._event("R", "read" if version is None else "vread", (key.reference,), 1)
        try:
            require_scope(self.principal, type, "r")
            stored = self._store.read(key, self._visibility("access"), version)
            if stored is None:
                raise NotFound(issue("auth.not-found"))
            if stored.deleted:
                raise Gone(issue("auth.deleted"))
        except FhirError as error:
            self._refuse_read(event, key, error)
            raise
        return stored, self._journal.submit_held(event)

    def history(self, type: str, id: str) -> list[Stored]:
        """The visible versions, newest first, deletions included; raises `NotFound` when there is none."""
        key = Key(self.principal.study, type, id)
        event = self._event("R", "history", (key.reference,))
        try:
            require_scope(self.principal, type, "r")
            found = self._store.history(key, self._visibility("access"))
            if not found:
                raise NotFound(issue("auth.not-found"))
        except FhirError as error:
            self._refuse_read(event, key, error)
            raise
        self._journal.record(self._event("R", "history", (key.reference,), len(found)))
        return found

    def search(self, query: Query, page: Page) -> Found:
        """One page of the visible resources that match; totals and positions know visible rows only."""
        try:
            require_scope(self.principal, query.type, "s")
            found = self._store.search(query, self.principal.study, self._visibility("access"), page)
        except FhirError as error:
            self._refuse(self._event("E", "search", (query.type,)), error)
            raise
        targets = (row.key.reference for row in found.rows)
        self._journal.record(self._event("E", "search", targets, len(found.rows)))
        return found

    def stream(self, query: Query | str) -> Iterator[Stored]:
        """Every visible resource of a type, or that matches, that may be disclosed, oldest first.

        One event is durable before the first row, another tells at the end how many rows left.
        """
        kind = query if isinstance(query, str) else query.type
        started = self._event("E", "export", (kind,))
        try:
            require_scope(self.principal, kind, "r", "s")
        except Forbidden as error:
            self._refuse(started, error)
            raise
        self._journal.record(started)
        return self._stream(query, kind)

    def _stream(self, query: Query | str, kind: str) -> Iterator[Stored]:
        count = 0
        try:
            for stored in self._store.stream(query, self.principal.study, self._visibility("disclose")):
                count += 1
                yield stored
        finally:
            self._journal.record(self._event("E", "exported", (kind,), count))

    def commit(
        self,
        changes: Sequence[Asked],
        *,
        accompany: Accompany | None = None,
        settle: Settle | None = None,
        events: Sequence[Event] = (),
    ) -> tuple[Committed, ...]:
        """Writes `changes` as one unit, all of it or nothing, and answers what became of each.

        A plain resource is a `Write` of it. `accompany` gives resources to write beside, in the same transaction,
        once it is known what the changes became; `settle` the receipt's new state; both may be called again when
        the database asks for it. Beside the store's refusals raises `Forbidden` when a Consent does not permit to
        collect, `Conflict` when a resource would pass to another participant, `Unprocessable` for a Consent that
        breaks a rule.
        """
        self._await_lookups()
        writes = [change if isinstance(change, Write | Delete) else Write(change) for change in changes]
        event = self._event(*self._operation(writes), (), len(writes))
        try:
            planned = self._gate.plan(writes)
            done = self._event(*self._operation(writes), (change.key.reference for change in planned), len(writes))
            companion = self._companion(planned, accompany)
            unit = Unit(
                self.principal.study, planned, (*events, done), companion, settle, self._confirmation(planned)
            )
            return self._store.commit(unit)
        except Unavailable:
            raise
        except FhirError as error:
            self._refuse(event, error)
            raise

    def resolve(self, system: str, value: str) -> Key | None:
        """The Patient of this study with exactly this identifier, for sources; None when there is not exactly one."""
        event = self._event("E", "resolve")
        if not self.principal.source:
            error = Forbidden(issue("auth.not-a-source"))
            self._refuse(event, error)
            raise error
        found = self._store.find(self.principal.study, "Patient", "identifier", system, value)
        key = found[0] if len(found) == 1 else None
        self._lookups.append(self._journal.submit(self._event("E", "resolve", (), int(key is not None))))
        return key

    def _companion(
        self, planned: tuple[Change, ...], accompany: Accompany | None
    ) -> Callable[[tuple[Committed, ...]], tuple[Change, ...]]:
        def inside(committed: tuple[Committed, ...]) -> tuple[Change, ...]:
            resources = tuple(accompany(committed)) if accompany else ()
            return self._gate.accompany(planned, resources)

        return inside

    def _confirmation(self, planned: tuple[Change, ...]) -> Callable[[tuple[Committed, ...]], None]:
        def inside(committed: tuple[Committed, ...]) -> None:
            visibility = self._visibility("access")
            self._gate.confirm(planned, committed, visibility, visibility.now)

        return inside

    def _operation(self, writes: Sequence[Write | Delete]) -> tuple[Action, str]:
        if self.principal.source:
            return "C", "ingest"
        if any(isinstance(write, Delete) for write in writes):
            return "D", "delete"
        return "U", "write"

    def _await_lookups(self) -> None:
        while self._lookups:
            self._lookups.pop().result()

    def _visibility(self, action: str) -> Visibility:
        who = self.principal
        return Visibility(who.study, who.organisation, action, who.purpose, micros(self._clock()))

    def _event(self, action: Action, operation: str, targets: Iterable[str] = (), count: int = 0) -> Event:
        return self._journal.event(self._clock(), action, operation, targets, count)

    def _refuse_read(self, event: Event, key: Key, error: FhirError) -> None:
        """Names a resource that is there and hidden; an id that only the client knows may be anything, and is not
        written down."""
        exists = self._store.read(key, None) is not None
        self._refuse(replace(event, targets=(key.reference if exists else key.type,)), error)

    def _refuse(self, event: Event, error: FhirError) -> None:
        """Leaves the event of a refusal; nothing is served, so that nobody waits for the disk."""
        self._journal.submit(refused(event, error))
