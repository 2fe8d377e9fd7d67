"""Rules of writing that hold for every role: what nobody writes, limits of deleting, order within a unit."""

from typing import Any

import pytest

from gateway.access import Delete
from gateway.core.errors import Forbidden, MethodNotAllowed, NotFound
from gateway.study import withdraw
from gateway.study.parts import Role
from tests.unit.access.conftest import World
from tests.unit.access.observations import observation, provenance
from tests.unit.access.writers import ENROLLING, WRITER, door, refusal


@pytest.mark.parametrize("role", [WRITER, ENROLLING], ids=["writer", "enrolling"])
def test_nobody_writes_audit_events(world: World, role: Role) -> None:
    for change in ({"resourceType": "AuditEvent", "id": "a"}, Delete("AuditEvent", "a")):
        with pytest.raises(MethodNotAllowed, match=r"audit\.read-only"):
            door(world, role).commit([change])


@pytest.mark.parametrize("kind", ["Patient", "ResearchSubject", "Consent"])
def test_who_does_not_enrol_makes_and_deletes_no_participant(world: World, kind: str) -> None:
    with pytest.raises(Forbidden, match=r"consent\.role"):
        door(world).commit([{"resourceType": kind, "id": "x"}])
    if kind != "Consent":
        with pytest.raises(Forbidden, match=r"consent\.role"):
            door(world).commit([Delete(kind, "x")])


def test_scopes_with_a_query_bound_what_is_deleted_and_replaced(world: World) -> None:
    person = world.person("101-001")
    world.door("registrar").commit([observation(person, "o1"), observation(person, "o2")])
    narrow = door(world, scopes=("system/Observation.cud?_id=o2", "system/Observation.rs"))
    for change in (Delete("Observation", "o1"), observation(person, "o1", status="amended")):
        refusal(NotFound, narrow, change)
    assert "create" in refusal(Forbidden, narrow, observation(person, "o3")).message
    assert narrow.commit([observation(person, "o2", status="amended")])[0].outcome == "updated"
    assert narrow.commit([Delete("Observation", "o2")])[0].outcome == "deleted"


def test_who_may_only_delete_is_told_of_creating(world: World) -> None:
    written = observation(world.person("101-001"))
    assert "create" in refusal(Forbidden, door(world, scopes=("system/Observation.drs",)), written).message
    assert "update" in _updating(world, written)
    asked = door(world, scopes=("system/Observation.curs",))
    assert "delete" in refusal(Forbidden, asked, Delete("Observation", "o1")).message


def _updating(world: World, written: dict[str, Any]) -> str:
    world.door("registrar").commit([written])
    asked = door(world, scopes=("system/Observation.crs",))
    return refusal(Forbidden, asked, written | {"status": "amended"}).message


def test_what_is_deleted_may_be_created_again_with_the_scope_to_create(world: World) -> None:
    written = observation(world.person("101-001"))
    world.door("registrar").commit([written])
    world.door("registrar").commit([Delete("Observation", "o1")])
    assert "create" in refusal(Forbidden, door(world, scopes=("system/Observation.urs",)), written).message


@pytest.mark.parametrize("turned", [False, True])
def test_what_is_about_others_may_come_before_them(world: World, *, turned: bool) -> None:
    changes = [observation(world.person("101-001")), provenance("Observation/o1")]
    world.door("registrar").commit(changes[::-1] if turned else changes)
    assert world.door("ehr-app").read("Provenance", "p1").version == 1


def test_who_enrols_collects_with_consent_alone_too(world: World) -> None:
    person = world.person("101-001")
    world.give(withdraw(world.consent_of(person), "no-further-use", "2026-05-01T00:00:00Z"))
    registrar = world.door("registrar")
    with pytest.raises(Forbidden, match=r"consent\.collection-not-permitted"):
        registrar.commit([observation(person)])
    patient, _, subject = world.enrolment_of(person)
    done = registrar.commit([patient | {"active": False}, subject | {"status": "off-study"}])
    assert [one.outcome for one in done] == ["updated", "updated"]


def test_a_whole_enrolment_with_its_data_is_one_unit(world: World) -> None:
    person = next(one for one in world.study.participants if one.id not in ("101-001", "201-001"))
    done = world.door("registrar").commit([*world.enrolment_of(person), observation(person, "first")])
    assert {one.outcome for one in done} == {"created"}
    assert world.door("ehr-app").read("Observation", "first").version == 1
