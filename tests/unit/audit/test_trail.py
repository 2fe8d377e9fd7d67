"""The audit trail on a real database: durable, in order, and any later change shows."""

import hmac
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from gateway.audit import AuditTrail, chain
from gateway.audit.chain import digest_by
from gateway.audit.reading import decoded
from gateway.audit.trail import WAITING
from gateway.core.errors import Unavailable
from gateway.core.event import AuditRow, Told
from gateway.core.instants import micros
from gateway.store.sql import SqlStore
from tests.unit.audit.events import EVENT, KEY, opened


class Older:
    """Rows of a release whose events had fewer members."""

    def __init__(self, *texts: bytes) -> None:
        self.kept: list[AuditRow] = []
        for sequence, text in enumerate(texts, 1):
            digest = digest_by(KEY)(self.kept[-1].digest if self.kept else b"", text)
            self.kept.append(AuditRow("s1", sequence, micros(EVENT.at), text, digest))

    def append(self, events: Sequence[Told]) -> tuple[AuditRow, ...]:
        return ()

    def rows(self, study: str, after: int = 0) -> Iterator[AuditRow]:
        return iter(self.kept[after:])

    def end(self, study: str) -> tuple[int, bytes]:
        return self.kept[-1].sequence, self.kept[-1].digest

    def patients_of(self, study: str, references: Iterable[str]) -> set[str]:
        return set()


def test_events_of_older_releases_still_verify_and_are_read() -> None:
    whole = msgspec.json.decode(msgspec.json.encode(EVENT))
    older = {name: value for name, value in whole.items() if name not in ("network", "user", "query", "why")}
    rows = Older(msgspec.json.encode(older), msgspec.json.encode(whole))
    assert AuditTrail(rows, KEY).verify("s1") == []
    assert [decoded(row) for row in rows.rows("s1")] == [EVENT, EVENT]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "gateway.db"


@pytest.fixture
def store(file: Path) -> Iterator[SqlStore]:
    found = opened(file)
    yield found
    found.close()


@pytest.fixture
def trail(store: SqlStore) -> Iterator[AuditTrail]:
    found = AuditTrail(store, KEY)
    yield found
    found.close()


@pytest.fixture
def filled(trail: AuditTrail) -> AuditTrail:
    """Five events of one study and two of another."""
    for number in range(5):
        trail.record(structs.replace(EVENT, request=str(number)))
    trail.record(structs.replace(EVENT, study="s2"))
    trail.record(structs.replace(EVENT, study="s2"))
    return trail


def test_an_event_is_durable_when_record_returns(trail: AuditTrail, file: Path) -> None:
    trail.record(EVENT)
    with sqlite3.connect(file) as other:
        assert other.execute("SELECT count(*) FROM audit_event").fetchone() == (1,)


def test_a_chain_that_nobody_touched_is_whole(filled: AuditTrail) -> None:
    assert filled.verify("s1") == filled.verify("s2") == filled.verify("unknown") == []


def moved(*pairs: tuple[int, int]) -> str:
    """Statements that give rows another sequence, one after the other."""
    return ";".join(f"UPDATE audit_event SET sequence = {new} WHERE sequence = {old}" for old, new in pairs)


CHANGED = "CAST(replace(event, 'ehr-app', 'auditor') AS BLOB)"
TAMPERING = {
    "edited": (f"UPDATE audit_event SET event = {CHANGED} WHERE sequence = 3", "audit.changed", 3),
    "made text": ("UPDATE audit_event SET event = 'x' WHERE sequence = 3", "audit.changed", 3),
    "emptied": ("UPDATE audit_event SET event = CAST('{}' AS BLOB) WHERE sequence = 3", "audit.changed", 3),
    "moved in time": ("UPDATE audit_event SET at = at + 1 WHERE sequence = 2", "audit.changed", 2),
    "other digest": ("UPDATE audit_event SET digest = zeroblob(32) WHERE sequence = 4", "audit.changed", 4),
    "removed": ("DELETE FROM audit_event WHERE sequence = 3", "audit.gap", 3),
    "first removed": ("DELETE FROM audit_event WHERE sequence = 1", "audit.gap", 1),
    "closed up": ("DELETE FROM audit_event WHERE sequence = 2;" + moved((3, 2), (4, 3), (5, 4)), "audit.changed", 2),
    "reordered": (moved((2, 99), (3, 2), (99, 3)), "audit.changed", 2),
}


@pytest.mark.parametrize(("tampering", "rule", "sequence"), TAMPERING.values(), ids=TAMPERING.keys())
def test_the_first_broken_sequence_is_named(
    filled: AuditTrail, file: Path, tampering: str, rule: str, sequence: int
) -> None:
    with sqlite3.connect(file) as other:
        other.executescript(tampering.replace(" WHERE ", " WHERE study = 's1' AND "))
    [found] = filled.verify("s1")
    assert found.rule == rule
    assert f"sequence {sequence}:" in found.message
    assert filled.verify("s2") == []


def test_rows_of_another_study_do_not_fit_into_a_chain(filled: AuditTrail, file: Path) -> None:
    with sqlite3.connect(file) as other:
        other.executescript("DELETE FROM audit_event WHERE study = 's1'; UPDATE audit_event SET study = 's1'")
    assert [found.rule for found in filled.verify("s1")] == ["audit.changed"]


def test_another_key_does_not_verify(filled: AuditTrail, store: SqlStore) -> None:
    assert [found.rule for found in AuditTrail(store, b"another key entirely").verify("s1")] == ["audit.changed"]


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        chain(b"short")


def test_many_callers_make_one_chain(trail: AuditTrail, store: SqlStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: trail.record(structs.replace(EVENT, request=str(number))), range(400)))
    last = store.last("s1")
    assert last
    assert last.sequence == 400
    assert trail.verify("s1") == []


def test_a_trail_that_cannot_write_refuses(trail: AuditTrail, file: Path) -> None:
    with sqlite3.connect(file) as other:
        other.execute("ALTER TABLE audit_event RENAME TO lost")
    with pytest.raises(Unavailable, match=r"audit\.unavailable"):
        trail.record(EVENT)
    with sqlite3.connect(file) as other:
        other.execute("ALTER TABLE lost RENAME TO audit_event")
    trail.record(EVENT)
    assert trail.verify("s1") == []


def test_too_many_waiting_events_are_refused_and_none_is_lost(trail: AuditTrail, store: SqlStore, file: Path) -> None:
    accepted = []
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    refused = 0
    for _ in range(WAITING + 1000):
        try:
            accepted.append(trail.submit(EVENT))
        except Unavailable as error:
            assert error.issues[0].rule == "audit.unavailable"
            refused += 1
    assert refused > 0
    assert not accepted[0].done()
    other.execute("ROLLBACK")
    other.close()
    for future in accepted:
        future.result(20)
    last = store.last("s1")
    assert last
    assert last.sequence == len(accepted)


def test_closing_writes_what_waits_and_refuses_the_rest(trail: AuditTrail, store: SqlStore) -> None:
    futures = [trail.submit(EVENT) for _ in range(50)]
    trail.close()
    trail.close()
    assert all(future.done() for future in futures)
    last = store.last("s1")
    assert last
    assert last.sequence == 50
    with pytest.raises(Unavailable):
        trail.submit(EVENT)


def test_a_held_event_waits_for_company_and_goes_with_it(trail: AuditTrail, store: SqlStore) -> None:
    held = [trail.submit(EVENT, wake=False) for _ in range(3)]
    trail.record(EVENT)
    assert all(future.done() for future in held)
    alone = trail.submit(EVENT, wake=False)
    assert not alone.done()
    trail.wake()
    alone.result(20)
    last = store.last("s1")
    assert last
    assert last.sequence == 5


@given(st.binary(min_size=16, max_size=200), st.binary(max_size=64), st.binary(max_size=300))
def test_the_digest_is_hmac(key: bytes, previous: bytes, event: bytes) -> None:
    whole = len(previous).to_bytes(1, "big") + previous + event
    assert digest_by(key)(previous, event) == hmac.digest(key, whole, "sha256")
