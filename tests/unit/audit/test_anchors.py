"""Anchors outside the database show what a chain alone cannot: rows cut off at its end, and chains written anew."""

import json
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec import structs

from gateway.audit import Anchoring, AnchorKeys, Anchors, AuditTrail
from gateway.core.errors import Unavailable
from tests.unit.audit.events import EVENT, KEY, opened

NOW = EVENT.at


class World:
    """A store, its trail and its anchors, with a clock that the test moves."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "gateway.db"
        self.now = NOW
        self.told: list[bytes] = []
        self.store = opened(self.file, lambda: self.now)
        self.trail = AuditTrail(self.store, KEY)
        self.anchors = Anchors(folder / "anchors", AnchorKeys(folder / "keys"), self.told.append)
        self.anchoring = Anchoring(self.anchors, self.store.last, lambda: self.now, timedelta(minutes=5))

    def record(self, count: int) -> None:
        for number in range(count):
            self.trail.record(structs.replace(EVENT, request=str(number)))

    def rules(self) -> list[str]:
        anchored, issues = self.anchors.read("s1")
        return [found.rule for found in (*issues, *self.trail.verify("s1", anchored))]

    def tamper(self, statements: str) -> None:
        with sqlite3.connect(self.file) as other:
            other.executescript(statements)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.trail.close()
    made.store.close()


CUT = "DELETE FROM audit_event WHERE sequence > 3; UPDATE audit_head SET sequence = 3, digest = "
CUT += "(SELECT digest FROM audit_event WHERE sequence = 3)"


def test_rows_cut_off_at_the_end_are_found_by_the_anchor_alone(world: World) -> None:
    world.record(5)
    world.anchoring.tend(["s1"])
    assert world.rules() == []
    world.tamper(CUT)
    assert world.trail.verify("s1") == []
    assert world.rules() == ["audit.truncated"]


def test_a_cut_chain_that_grew_again_is_found(world: World) -> None:
    world.record(5)
    world.anchoring.tend(["s1"])
    world.tamper(CUT)
    world.record(4)
    assert world.trail.verify("s1") == []
    assert world.rules() == ["audit.other-chain"]


def test_an_emptied_trail_is_found(world: World) -> None:
    world.record(2)
    world.anchoring.tend(["s1"])
    world.tamper("DELETE FROM audit_event; DELETE FROM audit_head")
    assert world.rules() == ["audit.truncated"]


def test_a_chain_made_anew_with_the_chains_key_is_found(world: World) -> None:
    """Even who holds the key of the chain cannot make another past."""
    world.record(3)
    world.anchoring.tend(["s1"])
    world.tamper("DELETE FROM audit_event; DELETE FROM audit_head")
    world.trail.record(structs.replace(EVENT, client="another"))
    world.record(9)
    assert world.rules() == ["audit.other-chain"]


def test_a_chain_is_anchored_as_it_grows_and_not_too_often(world: World) -> None:
    assert world.anchoring.tend(["s1", "s2"]) == ()
    world.record(1)
    assert [one.sequence for one in world.anchoring.tend(["s1", "s2"])] == [1]
    world.record(1)
    assert world.anchoring.tend(["s1"]) == ()
    assert [one.sequence for one in world.anchoring.tend(["s1"], now=True)] == [2]
    world.now += timedelta(hours=1)
    assert world.anchoring.tend(["s1"]) == ()
    world.record(1)
    assert [one.sequence for one in world.anchoring.tend(["s1"])] == [3]
    assert [json.loads(json.dumps(sequence)) for sequence in world.anchors.read("s1")[0]] == [1, 2, 3]


def test_each_anchor_is_told_elsewhere(world: World) -> None:
    world.record(1)
    world.anchoring.tend(["s1"])
    assert world.told == (world.anchors.folder / "s1.jws").read_bytes().splitlines()


@pytest.fixture
def lines(world: World) -> list[bytes]:
    for _ in range(3):
        world.record(1)
        world.anchoring.tend(["s1"], now=True)
    return (world.anchors.folder / "s1.jws").read_bytes().splitlines()


def test_changed_removed_moved_and_foreign_anchors_are_found(world: World, lines: list[bytes]) -> None:
    first, second, third = lines
    other = Anchors(world.anchors.folder, AnchorKeys(world.file.parent / "other-keys"))
    row = world.store.last("s1")
    assert row
    foreign = other.keys.sign(b'{"study":"s1"}', NOW)
    for changed in (
        [first, third],
        [second, third],
        [second, first, third],
        [first, second, third[:-4] + b"AAAA"],
        [first, b"", second, third],
        [first, second, b"\xff.\xff.\xff"],
        [foreign],
        [b"x" * 9000],
        [world.anchors.keys.sign(b'{"study":"s1"}', NOW)],
    ):
        (world.anchors.folder / "s1.jws").write_bytes(b"\n".join(changed) + b"\n")
        assert world.rules()[:1] == ["audit.anchor-changed"], changed
    (world.anchors.folder / "s1.jws").write_bytes(b"\n".join(lines) + b"\n")
    assert world.rules() == []


def test_anchors_of_another_study_do_not_count(world: World, lines: list[bytes]) -> None:
    (world.anchors.folder / "s2.jws").write_bytes(b"\n".join(lines) + b"\n")
    assert [found.rule for found in world.anchors.read("s2")[1]] == ["audit.anchor-changed"]


def test_older_keys_verify_after_a_new_one(world: World, lines: list[bytes]) -> None:
    [old] = (world.file.parent / "keys").glob("anchor-*.json")
    aside = old.rename(old.with_name("aside"))
    world.anchors.keys.sign(b"{}", NOW + timedelta(days=1))
    assert world.rules()[:1] == ["audit.anchor-changed"]
    aside.rename(old)
    assert world.rules() == []
    assert len(world.anchors.keys.public_keys()) == 2
    assert all("d" not in key for key in world.anchors.keys.public_keys())


def test_a_key_that_others_can_read_signs_nothing(world: World, lines: list[bytes]) -> None:
    [key] = (world.file.parent / "keys").glob("anchor-*.json")
    key.chmod(0o644)
    with pytest.raises(Unavailable, match="keys-readable"):
        world.anchors.keys.sign(b"{}", NOW)
    key.chmod(0o600)
    key.write_bytes(b"{}")
    with pytest.raises(Unavailable, match="keys-damaged"):
        world.anchors.keys.sign(b"{}", NOW)
