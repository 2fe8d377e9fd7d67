"""Commits of several writers in one SQLite transaction, so that one flush of the disk makes all of them durable.

Whoever comes first takes those that wait with it; each works within a savepoint of its own, and a failure undoes its
own part only. What a writer reads outside the transaction does not show what the group wrote before it: so a writer
that touches what the group has written, or that fails after others have written, is tried again, first in a group of
its own turn. The audit events of all are written together at the end, by the Consents that hold then: so whoever
changes Consents is alone in its group.
"""

import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Hashable, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, TypeVar

from msgspec import Struct
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from gateway.core.errors import FhirError
from gateway.core.event import Told
from gateway.core.resources import Committed
from gateway.store.sql.database import Database
from gateway.store.sql.driver import DriverConnection

GROUP: Final = 32
"""How many commits one transaction takes at most."""


class Done(Struct, frozen=True):
    """What a unit became, the keys that it touched or tells of, whether it changed Consents or removed what they
    no longer permit to keep (`is_purged`), and the audit events that are still to be written."""

    committed: tuple[Committed, ...]
    touched: Set[tuple[str, str, str]]
    goes_alone: bool
    events: Sequence[Told] = ()
    is_purged: bool = False


_T = TypeVar("_T")

Record: TypeAlias = Callable[[Connection, Sequence[Told]], object]
"""Writes audit events inside a transaction."""


@dataclass(slots=True)
class _Ticket:
    """A unit that waits for its commit; `woken` when it is over, or when its writer is to lead (`leads`)."""

    work: Callable[[Connection], Done]
    woken: threading.Event
    leads: bool = False
    result: Done | None = None
    error: BaseException | None = None

    @property
    def is_over(self) -> bool:
        return self.result is not None or self.error is not None


class _Leading(threading.local):
    """What this thread was told in the transaction that it leads; None outside of one."""

    answers: dict[Hashable, Any] | None = None


@dataclass(slots=True)
class _Group:
    """What one transaction did, told to the writers once it is durable."""

    results: list[tuple[_Ticket, Done]] = field(default_factory=list)
    errors: list[tuple[_Ticket, BaseException]] = field(default_factory=list)
    again: list[_Ticket] = field(default_factory=list)


class GroupCommit:
    """Runs units; safe between threads."""

    def __init__(self, database: Database, record: Record) -> None:
        self._database = database
        self._record = record
        self._waiting: deque[_Ticket] = deque()
        self._turn = threading.Lock()
        self._is_led = False
        self._leading = _Leading()

    def once(self, name: Hashable, ask: Callable[[], _T]) -> _T:
        """What `ask` reads of what is committed. In a transaction of SQLite, beside which nobody commits, it is read
        once by a name for all units of the group."""
        answers = self._leading.answers
        if answers is None:
            return ask()
        if name not in answers:
            answers[name] = ask()
        found: _T = answers[name]
        return found

    def run(self, work: Callable[[Connection], Done]) -> Done:
        """The result of `work`, durable; raises what it raises, with nothing of it written."""
        [done] = self.run_all([work])
        if isinstance(done, Done):
            return done
        raise done

    def run_all(self, works: Sequence[Callable[[Connection], Done]]) -> list[Done | BaseException]:
        """The same for several units of one caller, each with its own result, or what it raised."""
        if not self._database.is_sqlite:
            return [self._written(work) for work in works]
        woken = threading.Event()
        tickets = [_Ticket(work, woken) for work in works]
        with self._turn:
            self._waiting.extend(tickets)
            leads, self._is_led = not self._is_led, True
        while not all(ticket.is_over for ticket in tickets):
            if leads:
                self._lead()
            else:
                woken.wait()
                woken.clear()
                leads = any(ticket.leads for ticket in tickets)
        if leads or any(ticket.leads for ticket in tickets):
            self._hand_over()
        return [_outcome(ticket) for ticket in tickets]

    def _written(self, work: Callable[[Connection], Done]) -> Done | BaseException:
        try:
            return self._database.write(work)
        except Exception as error:
            return error

    def _hand_over(self) -> None:
        """Who is served lets the next one lead; without any, whoever comes leads."""
        with self._turn:
            self._is_led = bool(self._waiting)
            if self._waiting:
                self._waiting[0].leads = True
                self._waiting[0].woken.set()

    def _lead(self) -> None:
        with self._turn:
            tickets = [self._waiting.popleft() for _ in range(min(GROUP, len(self._waiting)))]
        group = self._together(tickets)
        with self._turn:
            self._waiting.extendleft(reversed(group.again))
        for ticket, done in group.results:
            ticket.result = done
            ticket.woken.set()
        for ticket, error in group.errors:
            ticket.error = error
            ticket.woken.set()

    def _together(self, tickets: Sequence[_Ticket]) -> _Group:
        """The tickets in one transaction; each in one of its own where their events cannot be written."""
        try:
            return self._database.write_driver(lambda connection: self._led(connection, tickets))
        except BaseException as failure:
            is_of_all = isinstance(failure, FhirError) or not isinstance(failure, Exception)  # the database's trouble
            if is_of_all or len(tickets) == 1:
                return _Group(errors=[(ticket, failure) for ticket in tickets])
            alone = [self._together([ticket]) for ticket in tickets]
            return _Group(
                [one for group in alone for one in group.results], [one for group in alone for one in group.errors]
            )

    def _led(self, connection: DriverConnection, tickets: Sequence[_Ticket]) -> _Group:
        self._leading.answers = {}
        try:
            return _run(connection, tickets, self._record)
        finally:
            self._leading.answers = None


def _outcome(ticket: _Ticket) -> Done | BaseException:
    found = ticket.error or ticket.result
    assert found is not None
    return found


def _run(connection: Any, tickets: Sequence[_Ticket], record: Record) -> _Group:
    group = _Group()
    written: set[tuple[str, str, str]] = set()
    for number, ticket in enumerate(tickets):
        connection.begin_unit()
        try:
            done = ticket.work(connection)
        except (DBAPIError, sqlite3.Error):
            raise  # the database's own trouble is everybody's
        except BaseException as error:
            connection.undo_unit()
            if group.results:
                group.again.append(ticket)
            else:
                group.errors.append((ticket, error))
            continue
        if done.goes_alone and group.results:
            connection.undo_unit()
            group.again += tickets[number:]
            break
        if done.touched & written:
            connection.undo_unit()
            group.again.append(ticket)
            continue
        connection.end_unit()
        written |= done.touched
        group.results.append((ticket, done))
        if done.goes_alone:
            group.again += tickets[number + 1 :]
            break
    record(connection, [event for _, done in group.results for event in done.events])
    return group
