"""The life of a Consent: what is granted, withdrawn and granted anew holds for each from its own write on."""

import pytest

from gateway.access import Write
from gateway.core.errors import Forbidden, NotFound, PreconditionFailed
from gateway.core.resources import Key
from gateway.study import withdraw
from tests.unit.access.conftest import World
from tests.unit.access.observations import observation

AT = "2026-05-01T00:00:00Z"


def test_a_consent_after_a_withdrawal_opens_its_own_window_alone(world: World) -> None:
    person, reader = world.person("101-001"), world.door("ehr-app")
    early = observation(person, "early", effectiveDateTime="2026-03-01T10:00:00Z")
    late = observation(person, "late", effectiveDateTime="2026-05-20T10:00:00Z")
    world.door("google-health").commit([early, late])
    given = world.consent_of(person)
    world.door("registrar").commit([withdraw(given, "no-further-use", AT)])
    for id in ("early", "late"):
        with pytest.raises(NotFound):
            reader.read("Observation", id)
    renewed = given | {"provision": given["provision"] | {"dataPeriod": {"start": "2026-05-10"}}}
    world.give(renewed)
    assert reader.read("Observation", "late").version == 1
    with pytest.raises(NotFound):
        reader.read("Observation", "early")


def test_after_a_stop_what_arrives_late_is_refused_even_from_before(world: World) -> None:
    person = world.person("101-001")
    before = observation(person, "before", effectiveDateTime="2026-03-01T10:00:00Z")
    world.door("google-health").commit([before])
    world.door("registrar").commit([withdraw(world.consent_of(person), "stop-collection", AT)])
    with pytest.raises(Forbidden):
        world.door("google-health").commit([observation(person, "late", effectiveDateTime="2026-03-02T10:00:00Z")])
    assert world.door("ehr-app").read("Observation", "before").version == 1


@pytest.mark.parametrize("version", [None, 0, 1], ids=["unseen", "as new", "as it was seen"])
def test_an_older_version_does_not_come_back(world: World, version: int | None) -> None:
    person, registrar = world.person("101-001"), world.door("registrar")
    given = world.consent_of(person)
    world.door("google-health").commit([observation(person)])
    registrar.commit([withdraw(given, "no-further-use", AT)])
    for write in (registrar.commit, lambda changes: registrar.transact(lambda _finder: changes, "update")):
        with pytest.raises(PreconditionFailed):
            write([Write(given, if_match=version)])
    current = world.store.read(Key(world.study.id, "Consent", given["id"]), None)
    assert current
    assert b'"inactive"' in current.body
    with pytest.raises(NotFound):
        world.door("ehr-app").read("Observation", "o1")


def test_what_changes_nothing_or_withdraws_needs_no_version(world: World) -> None:
    given, registrar = world.consent_of(world.person("101-001")), world.door("registrar")
    assert registrar.commit([given])[0].outcome == "unchanged"
    wider = given | {"dateTime": "2025-01-02T00:00:00Z"}
    for changed in (wider, withdraw(wider, "no-further-use", AT), given | {"status": "inactive"}):
        with pytest.raises(PreconditionFailed):
            registrar.commit([changed])
    assert registrar.commit([withdraw(given, "delete", AT)])[0].outcome == "updated"


def test_a_door_that_was_open_before_a_withdrawal_is_shut_by_it(world: World) -> None:
    person, reader = world.person("101-001"), world.door("ehr-app")
    world.door("google-health").commit([observation(person)])
    assert reader.read("Observation", "o1").version == 1
    world.door("registrar").commit([withdraw(world.consent_of(person), "no-further-use", AT)])
    with pytest.raises(NotFound):
        reader.read("Observation", "o1")
