"""The door: reading and writing as one principal."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Final, TypeAlias

from msgspec import structs

from gateway.access.journal import Action, Journal, Target, beside, digest_of_many, refused
from gateway.access.reading.leaving import Leaving
from gateway.access.reading.newest import newest_of_each
from gateway.access.reading.reach import narrowed
from gateway.access.reading.several import one_after_another
from gateway.access.scopes import may, require_scope, require_whole, types_within
from gateway.access.writing.gate import Gate
from gateway.access.writing.own import CONSENT, own_consent, own_consents
from gateway.access.writing.transaction import Begun, Plan, Result, Transaction
from gateway.access.writing.writes import Asked, Delete, Write, operation_of
from gateway.audit import Ticket, told
from gateway.consent import ConsentRequest, Decision
from gateway.core.clock import Clock
from gateway.core.errors import FhirError, Forbidden, Gone, NotFound, Unavailable
from gateway.core.event import MAX_TARGETS, Event
from gateway.core.instants import micros
from gateway.core.issues import issue
from gateway.core.principal import Principal
from gateway.core.receipt import Receipt
from gateway.core.resources import Change, Committed, Key, Stored, Unit, Visibility
from gateway.core.types import Resource
from gateway.search import Query
from gateway.store.port import Batch, Bodies, Found, Page, ResourceStore, Statement

DEFINITIONS: Final = frozenset({"CodeSystem", "ConceptMap", "StructureDefinition", "ValueSet"})
"""Types whose operations answer from the assets, where no row is asked whether a scope reaches it."""

HISTORY_PAGE: Final = Page(100)

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
        self._lookups: list[Ticket] = []

    @property
    def principal(self) -> Principal:
        """Who goes through this door."""
        return self._gate.principal

    def permit(self, operation: str, type: str, letters: str = "r", *, whole: bool = False) -> None:
        """Returns when it is on record that the operation (`expand`) is asked for on a type, or the `whole` type, and
        may be."""
        event = self._event("E", operation, (type,))
        try:
            self._gate.require_operation(operation)
            (require_whole if whole or type in DEFINITIONS else require_scope)(self.principal, type, *letters)
        except Forbidden as error:
            self._refuse(event, error)
            raise
        self._journal.record(event)

    def require_write(self, type: str, letters: str = "cu") -> None:
        """Raises `Forbidden`, on record, for who has none of the interaction letters on a type: before a body is
        looked at.

        A source delivers payloads, whose resources the gateway makes; it writes none itself.
        """
        try:
            self._refuse_source()
            if not may(self.principal, type, letters[0]) and not any(
                may(self.principal, type, one) for one in letters
            ):
                require_scope(self.principal, type, letters[0])
        except Forbidden as error:
            self._refuse(self._event("U", "write", (type,)), error)
            raise

    def may(self, type: str, *letters: str) -> bool:
        """Whether the scopes allow every interaction letter on the type."""
        return may(self.principal, type, *letters)

    def read(self, type: str, id: str, version: int | None = None) -> Stored:
        """The current version, or that `version`; raises `NotFound` when it is absent or hidden, `Gone` when it is
        a deletion that this reader may know of."""
        stored, recorded = self.begin_read(type, id, version)
        self._journal.trail.wake()
        recorded.result()
        return stored

    def begin_read(self, type: str, id: str, version: int | None = None) -> tuple[Stored, Ticket]:
        """Like `read`, for an event loop: nothing may be served before the ticket is done, whose error is the answer
        then. The event waits for `Access.flush`: one disk flush serves many readers."""
        who, now = self._gate.principal, self._clock()
        key, operation = Key(who.study, type, id), "read" if version is None else "vread"
        try:
            require_scope(who, type, "r")
            own = own_consent(self._store, who, key, version) if type == CONSENT else None
            stored = own or self._store.read(key, self._visibility("access", "r", now), version)
            if stored is None:
                raise NotFound(issue("auth.not-found"))
            if stored.deleted:
                raise Gone(issue("auth.deleted"))
        except FhirError as error:
            self._refuse_read(self._event("R", operation, (key.reference,), 1), key, error)
            raise
        return stored, self._journal.hold(now, operation, (key.reference,), (stored.version,), stored.pairs)

    def history(
        self,
        type: str = "",
        id: str = "",
        page: Page = HISTORY_PAGE,
        *,
        since: int | None = None,
        at: tuple[int, int] | None = None,
    ) -> Found:
        """One page of the visible versions, newest first: of a resource, of a type, or of everything when `type` is
        "". Instants are microseconds; see `ResourceStore.changes`.

        Raises `NotFound` for a resource of which nothing is visible.
        """
        event = self._event("R", "history", (type,) if type else ())
        key = Key(self.principal.study, type, id) if id else None
        letter = "r" if key else "s"  # what is listed is searched, as SMART has it
        try:
            if type:
                require_scope(self.principal, type, letter)
            elif types_within(self.principal, letter) is not None:
                require_scope(self.principal, "*", letter)
            visibility = self._visibility("access", letter)
            if key and self._store.read(key, visibility) is None:
                raise NotFound(issue("auth.not-found"))
            found = self._store.changes(
                self.principal.study, visibility, type=type or None, id=id or None, since=since, at=at, page=page
            )
        except FhirError as error:
            if key:
                self._refuse_read(event, key, error)
            else:
                self._refuse(event, error)
            raise
        self._served("R", "history", found)
        return found

    def search(self, query: Query, page: Page, *, operation: str = "search", action: str = "access") -> Found:
        """One page of the visible resources that match; totals and positions know visible rows only.

        `action` is what consent is asked for: `access`, or `disclose` where a whole record leaves.
        """
        try:
            asked = narrowed(query, self.principal)
            own = own_consents(asked, self.principal)
            visibility = None if own else self._visibility(action, "s")
            found = self._store.search(own or asked, self.principal.study, visibility, page)
        except FhirError as error:
            self._refuse(self._event("E", operation, (query.type,) if query.type else ()), error)
            raise
        self._served("E", operation, found, told((query,)))
        return found

    def explain_search(self, query: Query, page: Page) -> tuple[Statement, ...]:
        """How the database answers the search; for roles that operate alone."""
        event = self._event("E", "explain-search", (query.type,) if query.type else ())
        try:
            self._gate.require_operator()
            asked = narrowed(query, self.principal)
            found = self._store.explain(asked, self.principal.study, self._visibility("access", "s"), page)
        except FhirError as error:
            self._refuse(event, error)
            raise
        self._journal.record(event)
        return found

    def begin_search(self, query: Query, page: Page) -> tuple[Bodies, Ticket] | None:
        """Like `search`, for an event loop, as `begin_read` is; None for a search that is not to be had at once."""
        if query.type == CONSENT:
            return None
        try:
            asked = narrowed(query, self.principal)
            found = self._store.search_briefly(asked, self.principal.study, self._visibility("access", "s"), page)
        except FhirError as error:
            self._refuse(self._event("E", "search", (query.type,) if query.type else ()), error)
            raise
        if found is None:
            return None
        return found, self._journal.hold(self._clock(), "search", *found.served, found.pairs, told((query,)))

    def search_each(
        self, queries: Sequence[Query], page: Page, *, operation: str = "search", action: str = "access"
    ) -> Found:
        """One page over the results of several searches, one search after the other; see `search`.

        Searches of types that the scopes do not allow are left out, as are totals that not every search asks for.
        """
        try:
            asked = [narrowed(query, self.principal) for query in queries if may(self.principal, query.type, "s")]
            found = one_after_another(self._store, asked, self.principal.study, self._visibility(action, "s"), page)
        except FhirError as error:
            self._refuse(self._event("E", operation), error)
            raise
        self._served("E", operation, found, told(queries))
        return found

    def newest(self, query: Query, most: int) -> tuple[Stored, ...]:
        """At most `most` visible matches of each code, newest first; see `newest_of_each`."""
        try:
            asked = narrowed(query, self.principal)
            study, eyes = self.principal.study, self._visibility("access", "s")
            rows = tuple(newest_of_each(self._store, asked, study, eyes, most))
        except FhirError as error:
            self._refuse(self._event("E", "lastn", (query.type,)), error)
            raise
        self._served("E", "lastn", Found(rows, None, None))
        return rows

    def _served(self, action: Action, operation: str, found: Found, query: str = "") -> None:
        rows = (*found.rows, *found.included)
        self._journal.record(self._journal.event(self._clock(), action, operation, rows, len(rows), query=query))

    def batches(self, query: Query | str) -> Iterator[Batch]:
        """What `stream` gives, a batch of bodies at a time; the same events."""
        leaving, asked = self._leaving(query)
        return leaving.batches(asked)

    def stream(self, query: Query | str) -> Iterator[Stored]:
        """Every visible resource of a type, or that matches, that may be disclosed: oldest first, people as written.

        One event is durable before the first row, another tells at the end how many rows left.
        """
        leaving, asked = self._leaving(query)
        return leaving.stream(asked)

    def _leaving(self, query: Query | str) -> tuple[Leaving, Query | str]:
        kind = query if isinstance(query, str) else query.type
        started = self._event("E", "export", (kind,))
        try:
            require_scope(self.principal, kind, "r", "s")
            asked = query if isinstance(query, str) else narrowed(query, self.principal)
        except Forbidden as error:
            self._refuse(started, error)
            raise
        self._journal.record(started)
        visibility = self._visibility("disclose", "rs")
        return Leaving(self._store, self._journal, visibility, lambda told: self._event("E", told, (kind,))), asked

    def explain(self, type: str, id: str, asked: ConsentRequest) -> Decision:
        """Which provision of which Consent permits or denies somebody a resource; for who manages Consents alone."""
        event = self._event("E", "explain-access", (type,))
        try:
            decision = self._gate.explain(Key(self.principal.study, type, id), asked)
        except FhirError as error:
            self._refuse(event, error)
            raise
        self._journal.record(structs.replace(event, targets=(f"{type}/{id}",), count=1))
        return decision

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
        operation = operation_of(writes, delivered=bool(self.principal.source))
        event = self._event(*operation, (), len(writes))
        try:
            planned = self._gate.plan(writes)
            companion, confirmation = self._companion(planned, accompany), partial(self._confirm, planned)
            report = partial(self._report, operation, planned)
            unit = Unit(self.principal.study, planned, tuple(events), companion, settle, confirmation, report=report)
            unit = structs.replace(unit, report_beside=partial(beside, self._event))
            if purged := self._gate.purged(planned):
                unit = structs.replace(unit, purge=lambda _committed: purged)
            return self._store.commit(unit)
        except Unavailable:
            raise
        except FhirError as error:
            self._refuse(event, error)
            raise

    def transact(
        self, plan: Plan, operation: str, *, action: Action = "U", locks: Sequence[str] = (), attempts: int = 1
    ) -> tuple[Result, ...]:
        """Runs `plan` and writes its steps in one transaction, all of it or nothing; what became of each step.

        `operation` and `action` name it in the audit trail. Transactions with a lock in common come one after the
        other. With several `attempts` it begins again when another writer was faster. Raises as `commit` does, and
        what `plan` raises.
        """
        transaction = self._transaction(plan, operation, action)
        for left in reversed(range(attempts)):
            try:
                self._refuse_source()
                return transaction.results(self._store.commit(transaction.unit(locks)))
            except Unavailable:
                raise
            except FhirError as error:
                if left and transaction.was_late(error):
                    continue
                self._refuse(self._event(action, operation), error)
                raise
        raise AssertionError("the last attempt returns or raises")

    def begin_transact(self, plan: Plan, operation: str, *, action: Action = "U") -> Begun:
        """Like `transact`, for `Access.commit_together`: nothing happens before that."""
        self._refuse_source()
        transaction = self._transaction(plan, operation, action)
        event, unit = partial(self._event, action, operation), transaction.unit(())
        return Begun(self._store, transaction, unit, lambda error: self._refuse(event(), error))

    def _transaction(self, plan: Plan, operation: str, action: Action) -> Transaction:
        visibility, report = partial(self._visibility, "access"), partial(self._event, action, operation)
        return Transaction(self._gate, plan, visibility, self._clock, report, partial(beside, self._event))

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
            return self._gate.accompany(planned, committed, resources, micros(self._clock()))

        return inside

    def _report(
        self, operation: tuple[Action, str], planned: tuple[Change, ...], committed: tuple[Committed, ...]
    ) -> tuple[Event, ...]:
        patients = sorted({one for change in planned for one in change.placement.subjects})
        event = self._event(*operation, committed[:MAX_TARGETS], len(planned))
        return (structs.replace(event, patients=tuple(patients), digest=digest_of_many(committed)),)

    def _confirm(self, planned: tuple[Change, ...], committed: tuple[Committed, ...]) -> None:
        visibility = self._visibility("access", "")
        self._gate.confirm(planned, committed, visibility, visibility.now)

    def _await_lookups(self) -> None:
        while self._lookups:
            self._lookups.pop().result()

    def _visibility(self, action: str, letters: str, at: datetime | None = None) -> Visibility:
        """The reader's eyes, for an action of consent and by the scopes that allow all `letters`, `at` an instant or
        now."""
        gate = self._gate
        who = gate.principal
        limits = gate.limits.of(who, letters)
        return Visibility(who.study, who.organisation, action, who.purpose, micros(at or self._clock()), limits)

    def _event(self, action: Action, operation: str, targets: Iterable[Target] = (), count: int = 0) -> Event:
        return self._journal.event(self._clock(), action, operation, targets, count)

    def _refuse_source(self) -> None:
        if self.principal.source:
            raise Forbidden(issue("rest.source-writes"))

    def _refuse_read(self, event: Event, key: Key, error: FhirError) -> None:
        """Names a resource that is there and hidden; an id that only the client knows may be anything, and is not
        written down."""
        target = key.type if self._store.read(key, None) is None else key.reference
        self._refuse(structs.replace(event, targets=(target,)), error)

    def _refuse(self, event: Event, error: FhirError) -> None:
        """Leaves the event of a refusal; nothing is served, so that nobody waits for the disk."""
        self._journal.submit(refused(event, error))
