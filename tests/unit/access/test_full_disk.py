"""A disk that fills up in the middle of an answer: nobody's data leave whose event is not on it."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, Final

import pytest

from gateway.access import Door, Page, Write
from gateway.core.errors import NotFound, Unavailable
from gateway.search import Query
from gateway.store.batches import BATCH
from gateway.study.parts import Role
from tests.unit.access.conftest import World
from tests.unit.access.observations import observation

PEOPLE: Final = ("101-001", "201-001")
READER: Final = Role("reader", ("system/*.cruds",), enrols=True, operates=True)
OBSERVATIONS: Final = Query("Observation")
ROOMY: Final = 1_000_000

Leaves = Callable[[Door, World], Iterator[bytes]]


def bodies(rows: Any) -> Iterator[bytes]:
    return (row.body for row in rows)


def by_ticket(begun: Any, world: World) -> Iterator[bytes]:
    """What an event loop serves: nothing before the event is durable."""
    found, ticket = begun
    world.trail.wake()
    ticket.result()
    yield from [found.body] if hasattr(found, "body") else found.bodies


def stream(door: Door, _: World) -> Iterator[bytes]:
    yield from bodies(door.stream("Observation"))


def batches(door: Door, _: World) -> Iterator[bytes]:
    for batch in door.batches(OBSERVATIONS):
        yield batch.lines


def pages(door: Door, _: World) -> Iterator[bytes]:
    after = None
    while True:
        found = door.search(OBSERVATIONS, Page(BATCH, after))
        yield from bodies(found.rows)
        after = found.next
        if after is None:
            return


WAYS: Final[dict[str, tuple[Leaves, int]]] = {
    "read": (lambda door, _: bodies([door.read("Observation", "o0-0")]), 1),
    "read for an event loop": (lambda door, world: by_ticket(door.begin_read("Observation", "o0-0"), world), 1),
    "search for an event loop": (lambda door, world: by_ticket(door.begin_search(OBSERVATIONS, Page(5)), world), 1),
    "history": (lambda door, _: bodies(door.history("Observation").rows), 1),
    "pages": (pages, 2),
    "several searches": (lambda door, _: bodies(door.search_each([OBSERVATIONS], Page(5)).rows), 1),
    "the newest": (lambda door, _: bodies(door.newest(OBSERVATIONS, 3)), 1),
    "stream": (stream, 4),
    "batches": (batches, 4),
}
"""How data leave, and how many events that takes."""


@pytest.fixture
def disk(world: World) -> World:
    """Each event takes `room`, of which there is enough."""
    with world.store.database.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE room (events INTEGER)")
        connection.exec_driver_sql(f"INSERT INTO room VALUES ({ROOMY})")
        connection.exec_driver_sql(
            """CREATE TRIGGER room BEFORE INSERT ON audit_event BEGIN
               SELECT RAISE(ABORT, 'database or disk is full') FROM room WHERE events = 0;
               UPDATE room SET events = events - 1; END"""
        )
    return world


@pytest.fixture
def full(disk: World) -> World:
    """More data of the first participant than leave at once, then some of the second."""
    first, second = (disk.person(id) for id in PEOPLE)
    disk.door("registrar").commit([observation(first, f"o0-{n}") for n in range(BATCH)])
    disk.door("registrar").commit([observation(second, f"o1-{n}") for n in range(5)])
    return disk


def leave_room(world: World, events: int) -> None:
    if events < ROOMY:
        world.trail.record(world.marker())  # what waits takes none of it
    with world.store.database.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE room SET events = {events}")


def left_until_full(world: World, way: Leaves, room: int) -> tuple[list[bytes], bool]:
    """What left before the disk was full, and whether it was."""
    access, principal = world.acting(READER)
    left: list[bytes] = []
    leave_room(world, room)
    try:
        with closing(way(access.door(principal, request="here"), world)) as found:  # type: ignore[type-var]
            left.extend(found)
    except Unavailable:
        return left, True
    finally:
        leave_room(world, ROOMY)
    return left, False


def test_nobodys_data_leave_without_an_event(full: World) -> None:
    for way, (leaves, events) in WAYS.items():
        for room in range(events + 1):
            before = len(full.events())
            left, was_full = left_until_full(full, leaves, room)
            durable = [event for event in full.events()[before:] if event.request == "here"]
            assert (was_full, len(durable)) == (room < events, room), way
            people = {id for id in (full.person(one).patient for one in PEOPLE) if id.encode() in b"".join(left)}
            assert people <= {patient for event in durable for patient in event.patients}, way
            assert bool(left) is (room >= (2 if events == 4 else 1)), way


def test_a_unit_whose_events_find_no_room_is_not_written(disk: World) -> None:
    door, written = disk.door("registrar"), observation(disk.person("101-001"), "late")
    more = [disk.marker()] * 2
    for room in range(3):
        leave_room(disk, room)
        with pytest.raises(Unavailable):
            door.commit([written], events=more)
        leave_room(disk, ROOMY)
        with pytest.raises(NotFound):
            door.read("Observation", "late")
    leave_room(disk, 3)
    assert door.commit([written], events=more)[0].outcome == "created"


def test_a_transaction_whose_event_finds_no_room_is_not_written(disk: World) -> None:
    access, principal = disk.acting(READER)
    door, written = access.door(principal), observation(disk.person("101-001"), "late")
    leave_room(disk, 0)
    with pytest.raises(Unavailable):
        door.transact(lambda _: [Write(written)], "update")
    leave_room(disk, ROOMY)
    with pytest.raises(NotFound):
        door.read("Observation", "late")
    assert door.transact(lambda _: [Write(written)], "update")
