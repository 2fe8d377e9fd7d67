"""Writing events durably, many callers to one transaction, and verifying what was written."""

import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, Protocol

import msgspec

from gateway.audit.chain import digest_by
from gateway.audit.ticket import Ticket
from gateway.core.errors import Unavailable
from gateway.core.event import AuditRow, Told
from gateway.core.instants import micros
from gateway.core.issues import Issue, issue

BATCH: Final = 50
"""How many events share one durable write at most."""

WAITING: Final = 10_000
"""How many events may wait for the disk; beyond that the gateway refuses work instead of forgetting events."""


class Rows(Protocol):
    """Where the chains are kept, one a study: rows are appended and read, never changed."""

    def append(self, events: Sequence[Told]) -> tuple[AuditRow, ...]:
        """Chains the events and makes them durable, one transaction a study; the rows in the order of the events."""

    def rows(self, study: str, after: int = 0) -> Iterator[AuditRow]:
        """The rows of a study with a sequence above `after`, in order."""

    def end(self, study: str) -> tuple[int, bytes]:
        """Sequence and digest that the next row goes on from, kept beside the rows; 0 and b"" before the first."""

    def patients_of(self, study: str, references: Iterable[str]) -> set[str]:
        """The ids of the participants whose data resources hold, by references such as `Observation/1`."""


class AuditTrail:
    """The one writer of audit events. `key` is the one that the store's `chain` was made with.

    Events wait in a bounded queue; one thread writes all that wait in one transaction, so that a busy gateway pays
    one disk flush for many events. Events that a unit of work carries are written by the store in that unit.
    """

    def __init__(self, rows: Rows, key: bytes) -> None:
        self._rows = rows
        self._digest = digest_by(key)
        self._waiting: deque[tuple[Told, Ticket]] = deque()
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._writer: threading.Thread | None = None
        self._closed = False
        self._wanted = False
        self._last = 0

    def record(self, event: Told) -> None:
        """Returns when the event is durable; raises `Unavailable` when it cannot be made so."""
        self.submit(event).result()

    def submit(self, event: Told, *, wake: bool = True) -> Ticket:
        """A ticket that is done when the event is durable, and fails with `Unavailable`.

        Without `wake` the event may wait until somebody calls `wake`, so that one caller can bring many events to
        one disk flush. Raises `Unavailable` at once when too many events wait or the trail is closed.
        """
        ticket = Ticket()
        with self._lock:
            if self._closed or len(self._waiting) >= WAITING:
                raise Unavailable(issue("audit.unavailable"))
            self._waiting.append((event, ticket))
            if self._writer is None:
                self._writer = threading.Thread(target=self._write, name="audit", daemon=True)
                self._writer.start()
            if wake:
                self._wanted = True
                self._changed.notify()
        return ticket

    def wake(self) -> None:
        """Has what waits written."""
        with self._changed:
            self._wanted = True
            self._changed.notify()

    def close(self) -> None:
        """Writes what waits and ends the thread; later events are refused."""
        with self._changed:
            self._closed = True
            self._changed.notify()
            writer = self._writer
        if writer is not None:
            writer.join()

    def patients_of(self, study: str, references: Iterable[str]) -> frozenset[str]:
        """The participants whose data resources hold, for events of what leaves in many parts."""
        return frozenset(self._rows.patients_of(study, references))

    def verify(self, study: str, anchored: Mapping[int, str] | None = None) -> list[Issue]:
        """Empty when the study's chain is whole; else one issue that names the first broken sequence.

        `anchored` tells what the chain must hold (sequence -> digest in hex, as `Anchors.read`): without it rows cut
        off at the end leave a shorter chain that is whole, where the end that is kept beside them was set back too.
        That end is looked at before the rows, all of which up to it must be there, and after them, when none may lie
        beyond it: others may write meanwhile.
        """
        anchored = anchored or {}
        previous, expected, broken = b"", 1, ""
        try:
            end, digest = self._rows.end(study)
            is_there = (end, digest) == (0, b"")
            for row in self._rows.rows(study):
                broken = self._fault(row, study, expected, previous)
                if not broken and anchored.get(expected, row.digest.hex()) != row.digest.hex():
                    broken = "audit.other-chain"
                if broken:
                    break
                previous, expected = row.digest, expected + 1
                is_there = is_there or (row.sequence, row.digest) == (end, digest)
            is_there = is_there and self._is_end(study, expected - 1, previous)
        except (TypeError, ValueError):  # a row whose columns are not even of their type
            broken = "audit.changed"
        if not broken and max(anchored, default=0) >= expected:
            broken = "audit.truncated"
        elif not broken and not is_there:
            broken = "audit.end"
        return [issue(broken, sequence=expected)] if broken else []

    def _is_end(self, study: str, sequence: int, digest: bytes) -> bool:
        """Whether the end kept beside the rows is this row, or one that was written since."""
        end, kept = self._rows.end(study)
        return end > sequence or (end, kept) == (sequence, digest)

    def _fault(self, row: AuditRow, study: str, expected: int, previous: bytes) -> str:
        """The rule that a row breaks as the next one of its chain, or ""."""
        if row.sequence != expected:
            return "audit.gap"
        whole = row.digest == self._digest(previous, row.event) and _is_of(row, study)
        return "" if whole else "audit.changed"

    def _write(self) -> None:
        while batch := self._next_batch():
            try:
                self._rows.append([event for event, _ in batch])
            except Exception:
                for _, ticket in batch:
                    ticket.settle(Unavailable(issue("audit.unavailable")))
            else:
                for _, ticket in batch:
                    ticket.settle()

    def _next_batch(self) -> list[tuple[Told, Ticket]]:
        """What waits, at most `BATCH`, once it is wanted; nothing when the trail is closed and empty.

        Held events are wanted too once half as many wait as went before: while a disk is slow, readers come in two
        groups in turn, one of which waits for it while the other is answered.
        """
        with self._changed:
            if 0 < self._last <= len(self._waiting) * 2:
                self._wanted = True
            while not (self._waiting and self._wanted) and not self._closed:
                self._changed.wait()
            self._wanted = len(self._waiting) > BATCH
            self._last = min(BATCH, len(self._waiting))
            return [self._waiting.popleft() for _ in range(self._last)]


def _is_of(row: AuditRow, study: str) -> bool:
    """Whether a row's columns say what its event says."""
    try:
        event = msgspec.json.decode(row.event, type=_Columns)
    except msgspec.DecodeError:
        return False
    return row.study == event.study == study and row.at == micros(event.at)


class _Columns(msgspec.Struct):
    study: str
    at: datetime
