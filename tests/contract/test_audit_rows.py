"""The audit chain has no gaps and no forks, whoever writes it."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from threading import Barrier

import pytest
from sqlalchemy import text

from gateway.audit import AuditTrail, chain
from gateway.core import issue
from gateway.core.event import AuditRow, Told
from gateway.core.instants import micros
from gateway.store.sql import SqlStore
from tests.contract.stores import NOW, PARAMETERS, Hand, event, grants_of_consents, observation, unit

KEY = b"the key of a chain of tests"
LAST = "(SELECT digest FROM audit_event WHERE study = :study AND sequence = {})"
TAMPERING = {
    "cut off": ("DELETE FROM audit_event WHERE study = :study AND sequence > 3", 4),
    "all cut off": ("DELETE FROM audit_event WHERE study = :study", 1),
    "moved back": (f"UPDATE audit_head SET sequence = 4, digest = {LAST.format(4)} WHERE study = :study", 6),
    "moved on": ("UPDATE audit_head SET sequence = 9 WHERE study = :study", 6),
    "begun anew": ("UPDATE audit_head SET sequence = 0, digest = :nothing WHERE study = :study", 6),
    "another digest": (f"UPDATE audit_head SET digest = {LAST.format(4)} WHERE study = :study", 6),
    "removed": ("DELETE FROM audit_head WHERE study = :study", 6),
}


@pytest.fixture
def keyed(database_url: str, store: SqlStore) -> Iterator[SqlStore]:
    """The shared database, with chains that a trail can verify."""
    made = chain(KEY)
    opened = SqlStore.open(
        database_url, parameters=PARAMETERS, compile_grants=grants_of_consents, chain=made, clock=Hand()
    )
    yield opened
    opened.close()


@pytest.mark.parametrize(("statement", "sequence"), TAMPERING.values(), ids=TAMPERING.keys())
def test_an_end_that_is_not_the_last_row_is_found(keyed: SqlStore, study: str, statement: str, sequence: int) -> None:
    keyed.append([event(study, str(number)) for number in range(5)])
    trail = AuditTrail(keyed, KEY)
    assert trail.verify(study) == []
    with keyed.database.engine.begin() as connection:
        connection.execute(text(statement), {"study": study, "nothing": b""})
    assert trail.verify(study) == [issue("audit.end", sequence=sequence)]


def test_an_end_that_moves_on_while_rows_are_read_is_no_fault(keyed: SqlStore, study: str) -> None:
    written = keyed.append([event(study, str(number)) for number in range(3)])
    assert AuditTrail(Growing(keyed, written), KEY).verify(study) == []
    assert keyed.end(study)[0] == 4


class Growing:
    """Rows of a store to which one is added when they have been read."""

    def __init__(self, store: SqlStore, first: Sequence[AuditRow]) -> None:
        self._store, self._first = store, first

    def append(self, events: Sequence[Told]) -> tuple[AuditRow, ...]:
        return self._store.append(events)

    def rows(self, study: str, after: int = 0) -> Iterator[AuditRow]:
        yield from self._first
        self._store.append([event(study, "later")])

    def end(self, study: str) -> tuple[int, bytes]:
        return self._store.end(study)

    def patients_of(self, study: str, references: Iterable[str]) -> set[str]:
        return self._store.patients_of(study, references)


def assert_whole(store: SqlStore, study: str, count: int) -> None:
    previous = b""
    rows = list(store.rows(study))
    assert [row.sequence for row in rows] == list(range(1, count + 1))
    for row in rows:
        assert row.digest == sha256(previous + row.event).digest()
        previous = row.digest
    assert store.last(study) == rows[-1]


def test_a_study_without_events_has_no_rows(store: SqlStore, study: str) -> None:
    assert store.last(study) is None
    assert list(store.rows(study)) == []
    assert store.append([]) == ()


def test_appended_events_come_back_in_order(store: SqlStore, study: str) -> None:
    rows = store.append([event(study, "one"), event(study, "two")])
    assert [row.sequence for row in rows] == [1, 2]
    assert rows[0].at == micros(NOW)
    assert list(store.rows(study)) == list(rows)
    assert list(store.rows(study, after=1)) == [rows[1]]
    assert_whole(store, study, 2)


def test_events_of_several_studies_keep_their_order(store: SqlStore, study: str) -> None:
    other = study + "-2"
    rows = store.append([event(study), event(other), event(study)])
    assert [(row.study, row.sequence) for row in rows] == [(study, 1), (other, 1), (study, 2)]
    assert_whole(store, study, 2)
    assert_whole(store, other, 1)


def test_more_rows_than_one_batch_are_read(store: SqlStore, study: str) -> None:
    store.append([event(study)] * 2100)
    assert_whole(store, study, 2100)


def test_writers_at_once_make_one_chain(store: SqlStore, study: str) -> None:
    start = Barrier(4)

    def write(number: int) -> None:
        start.wait()
        for step in range(5):
            if number % 2:
                store.append([event(study, f"{number}-{step}")])
            else:
                store.commit(unit(study, observation(f"o{number}-{step}"), events=(event(study),)))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(4)))
    assert_whole(store, study, 20)
