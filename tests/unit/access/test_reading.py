"""Reading through the door: what is hidden is like what does not exist, and every call is audited."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.access import Delete, Page
from gateway.core.codec import loads
from gateway.core.errors import FhirError, Forbidden, Gone, NotFound, Unavailable
from gateway.search import Query
from gateway.study import withdraw
from tests.unit.access.conftest import World
from tests.unit.access.observations import observation, provenance

EVERYTHING = Query("Observation", (), None, True)


@pytest.fixture
def filled(world: World) -> World:
    """Two participants with an Observation each, delivered by a source, with Provenance."""
    for number, id in enumerate(("101-001", "201-001"), 1):
        resource = observation(world.person(id), f"o{number}")
        world.door("google-health").commit(
            [resource],
            accompany=lambda done, n=number: [provenance(done[0].stored.key.reference + "/_history/1", id=f"p{n}")],
        )
    return world


def withdraw_second(world: World, mode: str = "no-further-use") -> None:
    consent = world.consent_of(world.person("201-001"))
    world.door("registrar").commit([withdraw(consent, mode, "2026-05-01T00:00:00Z")])


def refusal(error: type[FhirError], call: Any) -> tuple[str, ...]:
    with pytest.raises(error) as refused:
        call()
    return tuple(f"{found.rule} {found.message} {found.expression}" for found in refused.value.issues)


def test_a_reader_sees_what_consent_permits(filled: World) -> None:
    door = filled.door("ehr-app")
    assert loads(door.read("Observation", "o1").body)["id"] == "o1"
    assert door.read("Observation", "o1", 1).version == 1
    assert [entry.version for entry in door.history("Observation", "o1").rows] == [1]
    assert door.search(EVERYTHING, Page(10)).total == 2
    assert len(list(door.stream("Observation"))) == 2
    assert door.read("Provenance", "p1").version == 1


def test_a_withdrawal_hides_everything_of_the_participant_at_once(filled: World) -> None:
    withdraw_second(filled)
    door = filled.door("ehr-app")
    patient = filled.person("201-001").patient
    for kind, id in (("Observation", "o2"), ("Patient", patient), ("Provenance", "p2")):
        refusal(NotFound, lambda k=kind, i=id: door.read(k, i))
        refusal(NotFound, lambda k=kind, i=id: door.read(k, i, 1))
        refusal(NotFound, lambda k=kind, i=id: door.history(k, i))
    found = door.search(EVERYTHING, Page(10))
    assert (found.total, [row.key.id for row in found.rows]) == (1, ["o1"])
    assert [row.key.id for row in door.stream("Observation")] == ["o1"]
    assert [row.key.id for row in door.stream("Provenance")] == ["p1"]


def test_stop_collection_keeps_what_was_there(filled: World) -> None:
    withdraw_second(filled, "stop-collection")
    assert filled.door("ehr-app").read("Observation", "o2").version == 1
    late = observation(filled.person("201-001"), "o3")
    refusal(Forbidden, lambda: filled.door("google-health").commit([late]))


def test_hidden_and_absent_are_answered_alike(filled: World) -> None:
    withdraw_second(filled)
    door = filled.door("ehr-app")
    assert refusal(NotFound, lambda: door.read("Observation", "o2")) == refusal(
        NotFound, lambda: door.read("Observation", "nothing")
    )


def test_another_study_has_nothing_of_this_one(filled: World) -> None:
    door = filled.door("ehr-app", study="other-02")
    refusal(NotFound, lambda: door.read("Observation", "o1"))
    assert door.search(EVERYTHING, Page(10)).total == 0
    assert list(door.stream("Observation")) == []


def test_a_consent_for_one_organisation_hides_from_others(filled: World) -> None:
    person = filled.person("201-001")
    filled.give(filled.consent_of(person, "norte-research-only"))
    assert filled.door("norte-research").search(EVERYTHING, Page(10)).total == 2
    assert filled.door("research").search(EVERYTHING, Page(10)).total == 1
    assert filled.door("ehr-app").search(EVERYTHING, Page(10)).total == 1


def test_scopes_are_asked_before_anything_else(filled: World) -> None:
    research, source = filled.door("research"), filled.door("google-health")
    patient = filled.person("101-001").patient
    rule = "auth.scope The scopes of this client do not allow the interaction {} on {} "
    assert refusal(Forbidden, lambda: research.read("Patient", patient)) == (rule.format("read", "Patient"),)
    refusal(Forbidden, lambda: research.search(Query("Patient"), Page(1)))
    refusal(Forbidden, lambda: research.stream("Patient"))
    refusal(Forbidden, lambda: source.read("Observation", "o1"))
    refusal(Forbidden, lambda: source.search(EVERYTHING, Page(1)))
    refusal(Forbidden, lambda: source.history("Observation", "o1"))
    refusal(Forbidden, lambda: source.stream("Observation"))


def test_a_role_that_is_not_installed_has_no_door(world: World) -> None:
    principal = world.study.principal(world.study.clients["ehr-app"])
    for changed in (replace(principal, role="unknown"), replace(principal, study="unknown")):
        refusal(Forbidden, lambda p=changed: world.access.door(p))


def test_a_deletion_is_gone_for_who_could_see_it_and_absent_for_others(filled: World) -> None:
    filled.door("registrar").commit([Delete("Observation", "o1"), Delete("Observation", "o2")])
    withdraw_second(filled)
    door = filled.door("ehr-app")
    refusal(Gone, lambda: door.read("Observation", "o1"))
    refusal(NotFound, lambda: door.read("Observation", "o2"))


def test_every_call_leaves_its_event(filled: World) -> None:
    before = filled.store.last(filled.study.id)
    door = filled.door("ehr-app")
    door.read("Observation", "o1")
    door.read("Observation", "o1", 1)
    door.history("Observation", "o1")
    door.search(EVERYTHING, Page(10))
    list(door.stream("Observation"))
    refusal(NotFound, lambda: door.read("Observation", "nothing"))
    refusal(NotFound, lambda: filled.door("norte-research").read("Observation", "o1", 7))
    refusal(Forbidden, lambda: filled.door("research").read("Patient", "x"))
    filled.door("google-health").resolve("urn:x", "y")
    assert before
    found = filled.events(before.sequence)
    assert [(event.action, event.operation, event.outcome, event.reason, event.count) for event in found] == [
        ("R", "read", "success", "", 1),
        ("R", "vread", "success", "", 1),
        ("R", "history", "success", "", 1),
        ("E", "search", "success", "", 2),
        ("E", "export", "success", "", 0),
        ("E", "disclose", "success", "", 0),
        ("E", "exported", "success", "", 2),
        ("R", "read", "denied", "auth.not-found", 0),
        ("R", "vread", "denied", "auth.not-found", 0),
        ("R", "read", "denied", "auth.scope", 0),
        ("E", "resolve", "success", "", 0),
    ]
    assert [event.targets for event in found[:4]] == [("Observation/o1",)] * 3 + [
        ("Observation/o2", "Observation/o1")
    ]
    assert [event.targets for event in found[7:10]] == [("Observation",), ("Observation/o1",), ("Patient",)]
    assert {event.client for event in found} == {"ehr-app", "research", "norte-research", "google-health"}
    assert {event.request for event in found} == {"r1"}
    assert filled.trail.verify(filled.study.id) == []


def test_what_cannot_be_audited_is_not_served(filled: World) -> None:
    with filled.store.database.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE audit_event RENAME TO lost")
    door = filled.door("ehr-app")
    refusal(Unavailable, lambda: door.read("Observation", "o1"))
    refusal(Unavailable, lambda: door.search(EVERYTHING, Page(10)))
    refusal(Unavailable, lambda: door.history("Observation", "o1"))
    refusal(Unavailable, lambda: door.stream("Observation"))
    with pytest.raises(FhirError):
        filled.door("google-health").commit([observation(filled.person("101-001"), "o9")])
    with filled.store.database.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE lost RENAME TO audit_event")
    refusal(NotFound, lambda: door.read("Observation", "o9"))
    assert door.read("Observation", "o1").version == 1


def test_a_closed_trail_serves_nothing(filled: World) -> None:
    filled.trail.close()
    refusal(Unavailable, lambda: filled.door("ehr-app").read("Observation", "o1"))


def test_only_sources_look_up_participants(filled: World) -> None:
    person = filled.person("101-001")
    system, value = next(iter(person.identities.items()))
    key = filled.door("google-health").resolve(system, value)
    assert key
    assert key.id == person.patient
    assert filled.door("google-health").resolve(system, value + "x") is None
    assert filled.door("google-health", study="other-02").resolve(system, value) is None
    refusal(Forbidden, lambda: filled.door("ehr-app").resolve(system, value))
