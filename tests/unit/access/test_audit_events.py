"""What an audit event tells beside who did what: versions, digests, participants, Consents, and why."""

import hashlib

import msgspec
import pytest

from gateway.access import Delete, Page, Write
from gateway.core.event import MAX_TARGETS, Event, digest_of
from gateway.search import Query
from gateway.store.port import Page as StorePage
from tests.unit.access.conftest import World
from tests.unit.access.observations import observation

PERSON, OTHER = "101-001", "201-001"


def told(world: World, after: int) -> list[Event]:
    world.trail.record(world.marker())
    rows = [msgspec.json.decode(row.event, type=Event) for row in world.store.rows(world.study.id, after)]
    return [event for event in rows if event.operation != "marker"]


def last(world: World) -> int:
    world.trail.record(world.marker())
    row = world.store.last(world.study.id)
    assert row
    return row.sequence


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def test_a_write_tells_versions_digests_and_why(either_world: World) -> None:
    world = either_world
    person = world.person(PERSON)
    start = last(world)
    principal = world.study.principal(world.study.clients["registrar"])
    door = world.access.door(principal, why="typing error in the source")
    first = door.commit([observation(person, "o1")])[0].stored
    second = door.commit([observation(person, "o1", status="amended")])[0].stored
    door.commit([observation(person, "o1", status="amended")])
    door.commit([Delete("Observation", "o1")])
    created, updated, unchanged, deleted = told(world, start)
    assert [event.versions for event in (created, updated, unchanged, deleted)] == [(1,), (2,), (2,), (3,)]
    assert (created.before, created.after) == (("",), (sha256(first.body),))
    assert (updated.before, updated.after) == ((sha256(first.body),), (sha256(second.body),))
    assert (unchanged.before, unchanged.after) == ((), ())
    assert (deleted.before, deleted.after) == ((sha256(second.body),), ("",))
    for event in (created, updated, unchanged, deleted):
        assert event.why == "typing error in the source"
        assert event.patients == (person.patient,)


def test_a_reading_tells_whose_data_and_by_which_consents(either_world: World) -> None:
    world = either_world
    people = [world.person(name) for name in (PERSON, OTHER)]
    for number, person in enumerate(people):
        world.door("registrar").commit([observation(person, f"o{number}")])
    consents = [f"Consent/{world.consent_of(person)['id']}/_history/1" for person in people]
    start = last(world)
    door = world.door("ehr-app")
    door.read("Observation", "o0")
    door.search(Query("Observation"), Page(10))
    door.history("Observation", "o1")
    list(door.stream("Observation"))
    read, search, history, *streamed = told(world, start)
    assert (read.versions, read.patients, read.consents) == ((1,), (people[0].patient,), (consents[0],))
    assert set(search.patients) == {person.patient for person in people}
    assert set(search.consents) == set(consents)
    assert (history.patients, history.consents) == ((people[1].patient,), (consents[1],))
    assert [event.operation for event in streamed] == ["export", "disclose", "exported"]
    assert set(streamed[1].patients) == {person.patient for person in people}
    assert set(streamed[1].consents) == set(consents)
    assert all(event.why == "" for event in (read, search, history))


def test_a_consent_that_changed_is_told_by_its_new_version(world: World) -> None:
    person = world.person(PERSON)
    world.door("registrar").commit([observation(person, "o1")])
    world.give(world.consent_of(person, "wearables-only"))
    start = last(world)
    world.door("ehr-app").read("Observation", "o1")
    [read] = told(world, start)
    assert [consent.rpartition("/")[2] for consent in read.consents] == ["2"]


def test_whose_data_leave_is_durable_before_they_do(world: World) -> None:
    world.door("registrar").commit([observation(world.person(PERSON), "o1")])
    start = last(world)
    rows = world.door("ehr-app").stream("Observation")
    next(rows)
    disclosed = [event for event in told(world, start) if event.operation == "disclose"]
    assert [event.patients for event in disclosed] == [(world.person(PERSON).patient,)]
    rows.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("count", [100, 101, 250])
def test_a_long_answer_names_some_references_and_every_participant(world: World, count: int) -> None:
    people = [world.person(name) for name in (PERSON, OTHER)]
    made = [observation(people[number == 0], f"o{number}") for number in range(count)]
    world.door("registrar").commit(made)
    start = last(world)
    world.door("ehr-app").search(Query("Observation"), StorePage(1000))
    [search] = told(world, start)
    assert (len(search.targets), len(search.versions), search.count) == (100, 100, count)
    assert set(search.patients) == {person.patient for person in people}


@pytest.mark.parametrize("is_transaction", [False, True])
def test_what_is_more_than_an_event_names_is_told_by_a_digest_of_all(world: World, is_transaction: bool) -> None:
    door, person = world.door("registrar"), world.person(PERSON)
    start = last(world)
    for many in (MAX_TARGETS, MAX_TARGETS + 2):
        rows = [observation(person, f"{many}-{number}") for number in range(many)]
        if is_transaction:
            door.transact(lambda _, rows=rows: [Write(row) for row in rows], "transaction")  # type: ignore[misc]
        else:
            door.commit(rows)
    whole, cut = told(world, start)
    assert (len(whole.targets), whole.digest) == (MAX_TARGETS, "")
    assert (len(cut.targets), cut.count) == (MAX_TARGETS, MAX_TARGETS + 2)
    assert cut.digest == digest_of(f"Observation/{row['id']}/_history/1" for row in rows)
