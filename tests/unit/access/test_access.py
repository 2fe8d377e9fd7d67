"""What a door, a departure and a count of what is kept back say of a call that says nothing of itself."""

import pytest

from gateway.access import CataloguedStore, ScopeLimits
from gateway.core.errors import Forbidden
from gateway.core.event import BREAK_GLASS, Event
from gateway.core.instants import micros
from gateway.definitions import Catalogue, Definitions
from gateway.search import Parameters
from gateway.study import withdraw
from gateway.study.parts import Role
from tests.unit.access.conftest import NOON, World
from tests.unit.access.observations import observation

READS = ("system/*.rs",)
DOCTOR = Role("doctor", READS, break_glass=True)


def last(world: World) -> Event:
    return world.events()[-1]


def unsaid(event: Event) -> bool:
    return (event.request, event.why, event.network) == ("", "", "")


def test_a_door_says_nothing_that_it_was_not_told(world: World) -> None:
    person = world.person("101-001")
    principal = world.study.principal(world.study.clients["registrar"])
    world.access.door(principal).commit([observation(person)])
    assert unsaid(last(world))
    broken = {"purpose": BREAK_GLASS, "broken": person.patient}
    access, doctor = world.acting(DOCTOR, **broken)
    access.door(doctor).read("Observation", "o1")
    assert unsaid(last(world))
    access.withholding(doctor).of(["Observation"])
    assert unsaid(last(world))


def test_a_departure_is_asked_without_a_request_too(world: World) -> None:
    access, principal = world.acting(DOCTOR)
    assert list(access.departing(principal, micros(NOON), micros(NOON)).of("Observation", iter(()), _all)) == []
    assert unsaid(last(world))


def _all(*_: object) -> bool:
    return True


def test_who_broke_the_glass_takes_nothing_along(world: World) -> None:
    access, principal = world.acting(DOCTOR, purpose=BREAK_GLASS, broken=world.person("101-001").patient)
    with pytest.raises(Forbidden, match=r"consent\.break-glass"):
        access.departing(principal, micros(NOON), micros(NOON))


def test_a_store_with_definitions_tells_when_consents_changed(world: World, parameters: Parameters) -> None:
    person, catalogue = world.person("101-001"), Catalogue(Definitions(), {world.study.id: ()}, NOON)
    store = CataloguedStore(world.store, catalogue, parameters, ScopeLimits(parameters))
    before = store.consent_epoch(world.study.id, person.patient)
    world.give(withdraw(world.consent_of(person), "no-further-use", "2026-05-01T00:00:00Z"))
    after = store.consent_epoch(world.study.id, person.patient)
    assert (before, after) == (before, world.store.consent_epoch(world.study.id, person.patient))
    assert before != after
