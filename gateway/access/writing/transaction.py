"""One transaction whose writes depend on what it finds: conditional writes, patches, Bundles."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeAlias

from msgspec import Struct, structs

from gateway.access.journal import Target, digest_of_many
from gateway.access.writing.finding import Finder
from gateway.access.writing.gate import Gate
from gateway.access.writing.writes import Delete, Write
from gateway.core.clock import Clock
from gateway.core.errors import FhirError, PreconditionFailed, Unavailable
from gateway.core.event import MAX_TARGETS, Event, Seen, Told
from gateway.core.instants import micros
from gateway.core.resources import Change, Committed, Lookup, Stored, Unit, Visibility
from gateway.store.port import ResourceStore

Step: TypeAlias = Write | Delete | Stored | None
"""A write; or a resource that stays as it is, as it answers the request; or nothing at all."""

Result: TypeAlias = Committed | Stored | None
"""What became of a step: of a write what was committed, else the step itself."""

Plan: TypeAlias = Callable[[Finder], Sequence[Step]]
"""The steps, made from what the transaction finds. Pure: it is called again when the database asks for it."""

Report: TypeAlias = Callable[[Iterable[Target], int], Event]
"""(what was written or found, how many) -> the audit event."""


_LATE: Final = "store.version-conflict"
"""The rule of a write whose version is not current any more."""

_WRITES: Final = (Write, Delete)

_PLACED: Final = frozenset(("created", "updated"))
"""Outcomes after which a resource stands where its change says."""


class Transaction:
    """The unit of one plan; `results` holds what became of its steps once it is committed."""

    def __init__(
        self,
        gate: Gate,
        plan: Plan,
        visibility: Callable[[str], Visibility],
        clock: Clock,
        report: Report,
        report_beside: Callable[[Sequence[Committed]], tuple[Event, ...]],
    ) -> None:
        self._gate = gate
        self._report_beside = report_beside
        self._plan = plan
        self._visibility = visibility
        self._clock = clock
        self._report = report
        self._is_planned = False
        self._steps: tuple[Step, ...] = ()
        self._planned: tuple[Change, ...] = ()

    def unit(self, locks: Sequence[str]) -> Unit:
        """The unit to commit; `locks` name what no other transaction may work on meanwhile."""
        return Unit(
            self._gate.principal.study,
            (),
            prepare=self._prepare,
            accompany=self._accompany,
            report=self._events,
            report_beside=self._report_beside,
            purge=lambda _committed: self._gate.purged(self._planned),
            confirm=self._confirm,
            locks=tuple(locks),
        )

    def results(self, committed: Sequence[Committed]) -> tuple[Result, ...]:
        """What became of each step, in their order."""
        done = iter(committed)
        return tuple(next(done) if isinstance(step, _WRITES) else step for step in self._steps)

    def was_late(self, error: FhirError) -> bool:
        """Whether another writer was faster, so that it may begin again; what the plan refuses stays refused."""
        return self._is_planned and isinstance(error, PreconditionFailed) and error.issues[0].rule == _LATE

    def _prepare(self, lookup: Lookup) -> Sequence[Change]:
        gate = self._gate
        any_version = gate.role.enrols or gate.role.collects
        finder = Finder(gate.principal, lookup, self._visibility, any_version, gate.store.read)
        self._is_planned = False
        self._steps = tuple(self._plan(finder))
        self._is_planned = True
        self._planned = gate.plan([step for step in self._steps if isinstance(step, _WRITES)])
        return self._planned

    def _accompany(self, committed: Sequence[Committed]) -> tuple[Change, ...]:
        return self._gate.accompany(self._planned, committed, (), micros(self._clock()))

    def _events(self, committed: Sequence[Committed]) -> tuple[Told, ...]:
        targets = [one for one in self.results(committed) if one is not None]
        if len(targets) > len(committed) or not _PLACED.issuperset([one.outcome for one in committed]):
            return (self._report(targets, len(targets)),)
        event = self._report(targets[:MAX_TARGETS], len(targets))
        placements = [change.placement for change in self._planned]
        pairs = {(subject, domain) for one in placements for subject in one.subjects for domain in one.domains}
        event = structs.replace(event, digest=digest_of_many(targets))
        return (Seen(event, tuple(sorted(pairs))),)

    def _confirm(self, committed: Sequence[Committed]) -> None:
        visibility = self._visibility("")
        letters = [
            step.letter if isinstance(step, Write) else "" for step in self._steps if isinstance(step, _WRITES)
        ]
        self._gate.confirm(self._planned, committed, visibility, visibility.now, letters)


class Begun(Struct, frozen=True):
    """A transaction that is ready to be committed to its door's store, with others; `refuse` leaves a refusal on
    record."""

    store: ResourceStore
    transaction: Transaction
    unit: Unit
    refuse: Callable[[FhirError], None]

    def answer(self, done: tuple[Committed, ...] | BaseException) -> "tuple[Result, ...] | BaseException":
        """What became of each step, or what kept them from being written."""
        if isinstance(done, FhirError) and not isinstance(done, Unavailable):
            self.refuse(done)
        return done if isinstance(done, BaseException) else self.transaction.results(done)
