"""Commits of several writers in one SQLite transaction, so that one flush of the disk makes all of them durable.

Whoever comes first takes those that wait with it; each works within a savepoint of its own, and a failure undoes its
own part only. What a writer reads outside the transaction does not show what the group wrote before it: so a writer
that touches what the group has written, or that fails after others have written, is tried again, first in a group of
its own turn; and whoever changes Consents ends the group.
"""

import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from gateway.core.resources import Committed
from gateway.store.sql.database import Database, DriverConnection

GROUP: Final = 32
"""How many commits one transaction takes at most."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a unit became, the keys that it touched, and whether it changed Consents."""

    committed: tuple[Committed, ...]
    touched: frozenset[tuple[str, str, str]]
    ends_group: bool


@dataclass(slots=True)
class _Ticket:
    """A unit that waits for its commit; `woken` when it is over, or when it is its writer's turn to lead."""

    work: Callable[[Connection], Done]
    result: Done | None = None
    error: BaseException | None = None
    woken: threading.Event = field(default_factory=threading.Event)

    @property
    def is_over(self) -> bool:
        return self.result is not None or self.error is not None


@dataclass(slots=True)
class _Group:
    """What one transaction did, told to the writers once it is durable."""

    results: list[tuple[_Ticket, Done]] = field(default_factory=list)
    errors: list[tuple[_Ticket, BaseException]] = field(default_factory=list)
    again: list[_Ticket] = field(default_factory=list)


class GroupCommit:
    """Runs units; safe between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: deque[_Ticket] = deque()
        self._turn = threading.Lock()
        self._is_led = False

    def run(self, work: Callable[[Connection], Done]) -> Done:
        """The result of `work`, durable; raises what it raises, with nothing of it written."""
        if not self._database.is_sqlite:
            return self._database.write(work)
        ticket = _Ticket(work)
        with self._turn:
            self._waiting.append(ticket)
            leads, self._is_led = not self._is_led, True
        if not leads:
            ticket.woken.wait()
        while not ticket.is_over:
            self._lead()
            self._hand_over(ticket)
        if ticket.error is not None:
            raise ticket.error
        assert ticket.result is not None
        return ticket.result

    def _hand_over(self, ticket: _Ticket) -> None:
        """Who is served lets the next one lead; without any, whoever comes leads."""
        if ticket.is_over:
            with self._turn:
                self._is_led = bool(self._waiting)
                if self._waiting:
                    self._waiting[0].woken.set()

    def _lead(self) -> None:
        with self._turn:
            tickets = [self._waiting.popleft() for _ in range(min(GROUP, len(self._waiting)))]
        try:
            group = self._database.write_driver(lambda connection: _run(connection, tickets))
        except BaseException as failure:
            group = _Group(errors=[(ticket, failure) for ticket in tickets])
        with self._turn:
            self._waiting.extendleft(reversed(group.again))
        for ticket, done in group.results:
            ticket.result = done
            ticket.woken.set()
        for ticket, error in group.errors:
            ticket.error = error
            ticket.woken.set()


def _run(connection: Any, tickets: list[_Ticket]) -> _Group:
    group = _Group()
    written: set[tuple[str, str, str]] = set()
    for number, ticket in enumerate(tickets):
        connection.exec_driver_sql("SAVEPOINT unit", ())
        try:
            done = ticket.work(connection)
        except (DBAPIError, sqlite3.Error):
            raise  # the database's own trouble is everybody's
        except BaseException as error:
            _undo(connection)
            if group.results:
                group.again.append(ticket)
            else:
                group.errors.append((ticket, error))
            continue
        if done.touched & written:
            _undo(connection)
            group.again.append(ticket)
            continue
        connection.exec_driver_sql("RELEASE unit", ())
        written |= done.touched
        group.results.append((ticket, done))
        if done.ends_group:
            group.again += tickets[number + 1 :]
            break
    return group


def _undo(connection: DriverConnection) -> None:
    connection.exec_driver_sql("ROLLBACK TO unit", ())
    connection.exec_driver_sql("RELEASE unit", ())
