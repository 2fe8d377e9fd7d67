"""Many readers share a durable write, each is answered after its own, and no write has more than 50 events."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from msgspec import structs

from gateway.audit import AuditTrail, chain
from gateway.audit.trail import BATCH
from gateway.core.event import AuditRow, Event
from tests.unit.audit.events import EVENT, KEY

READERS = 16
READS = 25


class Counted:
    """Rows in memory that count what each durable write brought; a write goes on when the test lets it."""

    def __init__(self) -> None:
        self.writes: list[int] = []
        self.durable: set[str] = set()
        self.open = threading.Event()
        self._link = chain(KEY)

    def append(self, events: Sequence[Event]) -> tuple[AuditRow, ...]:
        self.open.wait(30)
        self.writes.append(len(events))
        self.durable.update(event.request for event in events)
        return tuple(self._link(b"", event, 1) for event in events)

    def rows(self, study: str, after: int = 0) -> Iterator[AuditRow]:
        return iter(())

    def end(self, study: str) -> tuple[int, bytes]:
        return 0, b""

    def patients_of(self, study: str, references: object) -> set[str]:
        return set()


def test_the_limit_of_a_write() -> None:
    assert BATCH == 50


def test_readers_share_writes_and_each_is_durable_before_it_is_answered() -> None:
    rows = Counted()
    rows.open.set()
    trail = AuditTrail(rows, KEY)

    def read(number: int) -> bool:
        answers = []
        for turn in range(READS):
            name = f"{number}-{turn}"
            trail.record(structs.replace(EVENT, request=name))
            answers.append(name in rows.durable)
        return all(answers)

    with ThreadPoolExecutor(READERS) as readers:
        assert all(readers.map(read, range(READERS)))
    trail.close()
    assert sum(rows.writes) == READERS * READS
    assert max(rows.writes) <= BATCH


def test_what_waits_behind_a_write_goes_together_at_most_fifty() -> None:
    rows = Counted()
    trail = AuditTrail(rows, KEY)
    first = trail.submit(structs.replace(EVENT, request="first"))
    waiting = [trail.submit(structs.replace(EVENT, request=str(number))) for number in range(120)]
    assert not first.done()
    rows.open.set()
    for future in (first, *waiting):
        future.result(30)
    trail.close()
    assert sum(rows.writes) == 121
    assert max(rows.writes) == BATCH
    assert len(rows.writes) <= 4
