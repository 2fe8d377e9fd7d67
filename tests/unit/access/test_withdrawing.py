"""Who withdraws the last Consent is withdrawn from the study: in the same transaction, once, on record."""

from typing import Any

import pytest

from gateway.access import Write
from gateway.core.codec import loads
from gateway.core.resources import Change, Key, Placement, Unit
from gateway.study import withdraw
from gateway.study.parts import Role
from tests.unit.access.conftest import World
from tests.unit.access.observations import observation

AT = "2026-05-01T00:00:00Z"
MODES = ("stop-collection", "no-further-use")


def enrolment(world: World) -> dict[str, Any]:
    """The first participant's ResearchSubject as it is stored."""
    found = world.store.read(Key(world.study.id, "ResearchSubject", world.person("101-001").research_subject), None)
    assert found
    return dict(loads(found.body))


def told(world: World) -> tuple[str, str]:
    """Its status and version."""
    found = enrolment(world)
    return found["status"], found["meta"]["versionId"]


def consent(world: World, **changes: Any) -> dict[str, Any]:
    return world.consent_of(world.person("101-001")) | changes


def write(world: World, *resources: dict[str, Any], by_transaction: bool = False) -> None:
    """As somebody who manages Consents; over what is there."""
    writes = []
    for one in resources:
        there = world.store.read(Key(world.study.id, one["resourceType"], one["id"]), None)
        writes.append(Write(one, if_match=there.version if there else 0))
    door = world.door("registrar")
    if by_transaction:
        door.transact(lambda _finder: writes, "transaction")
    else:
        door.commit(writes)


@pytest.mark.parametrize("by_transaction", [False, True], ids=["commit", "transact"])
@pytest.mark.parametrize("mode", MODES)
def test_the_enrolment_ends_with_the_consent(either_world: World, mode: str, *, by_transaction: bool) -> None:
    world = either_world
    assert told(world) == ("on-study", "1")
    write(world, withdraw(consent(world), mode, AT), by_transaction=by_transaction)
    assert told(world) == ("withdrawn", "2")
    write(world, withdraw(consent(world), mode, AT), by_transaction=by_transaction)
    assert told(world) == ("withdrawn", "2")


def test_it_is_on_record_with_version_and_digests(world: World) -> None:
    write(world, withdraw(consent(world), "no-further-use", AT))
    own = f"ResearchSubject/{world.person('101-001').research_subject}"
    [event] = [one for one in world.events() if own in one.targets and one.versions == [2]]
    assert (event.action, event.operation, event.outcome) == ("U", "update", "success")
    assert (event.client, list(event.targets), list(event.patients)) == (
        "registrar",
        [own],
        [world.person("101-001").patient],
    )
    assert [len(digest) for digest in (*event.before, *event.after)] == [64, 64]


def test_a_legal_hold_ends_it_and_a_deletion_leaves_none(world: World) -> None:
    held = withdraw(consent(world), "delete", AT)
    held["extension"][-1]["extension"].append({"url": "legalHold", "valueString": "court order"})
    write(world, held)
    assert told(world) == ("withdrawn", "2")
    held["extension"][-1]["extension"].pop()
    write(world, held)
    found = world.store.read(Key(world.study.id, "ResearchSubject", world.person("101-001").research_subject), None)
    assert found
    assert found.deleted


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "on-study"),
        ({"dateTime": "2027-01-01"}, "on-study"),
        ({"status": "draft"}, "withdrawn"),
        ({"provision": {"type": "deny"}}, "withdrawn"),
        ({"scope": {"coding": [{"code": "treatment"}]}}, "withdrawn"),
    ],
    ids=["live", "ahead", "draft", "dissent", "of another scope"],
)
def test_whoever_still_gives_another_consent_stays(world: World, changes: dict[str, Any], status: str) -> None:
    write(world, consent(world, id="second", policy=[{"uri": "urn:another"}]) | changes)
    write(world, withdraw(consent(world), "no-further-use", AT))
    assert told(world)[0] == status


def test_a_consent_that_is_over_keeps_nobody_in_the_study(world: World) -> None:
    over = consent(world, id="second", policy=[{"uri": "urn:another"}])
    write(world, over | {"provision": over["provision"] | {"period": {"end": "2026-06-01T11:59:59Z"}}})
    write(world, withdraw(consent(world), "no-further-use", AT))
    assert told(world)[0] == "withdrawn"


@pytest.mark.parametrize("status", ["off-study", "ineligible", "not-registered", "withdrawn"])
def test_what_has_ended_stays_as_it_is(world: World, status: str) -> None:
    write(world, enrolment(world) | {"status": status})
    before = told(world)
    write(world, withdraw(consent(world), "no-further-use", AT))
    assert told(world) == before


def test_an_enrolment_of_another_study_or_person_stays(world: World) -> None:
    own = enrolment(world)
    write(world, own | {"id": "elsewhere", "study": {"reference": "ResearchStudy/other-02"}})
    write(world, withdraw(consent(world), "no-further-use", AT))
    for id in ("elsewhere", world.person("201-001").research_subject):
        found = world.store.read(Key(world.study.id, "ResearchSubject", id), None)
        assert found
        assert (loads(found.body)["status"], found.version) == ("on-study", 1)


def test_what_the_writer_says_of_the_enrolment_counts(world: World) -> None:
    write(world, withdraw(consent(world), "no-further-use", AT), enrolment(world) | {"status": "off-study"})
    assert told(world) == ("off-study", "2")


def test_a_consent_set_inactive_without_a_withdrawal_ends_nothing(world: World) -> None:
    write(world, consent(world, status="inactive"))
    assert told(world) == ("on-study", "1")


@pytest.mark.parametrize(("number", "ends"), [("2722", True), ("2723", False), ("2079", False)])
def test_a_document_of_complete_withdrawal_ends_it_too(world: World, number: str, *, ends: bool) -> None:
    given = consent(world)
    broad = [{"uri": f"urn:oid:2.16.840.1.113883.3.1937.777.24.2.{number}"}]
    write(world, given | {"id": "document", "dateTime": "2026-05-01", "policy": broad, "provision": {"type": "deny"}})
    assert told(world)[0] == ("withdrawn" if ends else "on-study")


def test_a_withdrawal_that_came_too_late_ends_nothing(world: World) -> None:
    door = world.door("registrar")
    door.commit([Write(consent(world, language="es"), order=2_000)])
    door.commit([Write(withdraw(consent(world), "no-further-use", AT), order=1_000)])
    assert told(world) == ("on-study", "1")


def test_a_participant_s_own_app_ends_it_too(world: World) -> None:
    person = world.person("101-001")
    access, app = world.acting(
        Role("own", ("patient/Consent.rus",)), patient=person.patient, user=f"Patient/{person.patient}"
    )
    access.door(app).commit([withdraw(consent(world), "no-further-use", AT)])
    assert told(world) == ("withdrawn", "2")


def test_one_that_changed_meanwhile_is_revised_as_it_is_then(either_world: World) -> None:
    world = either_world
    stale = enrolment(world)
    write(world, stale | {"assignedArm": "another"})
    key = Key(world.study.id, "ResearchSubject", stale["id"])
    change = Change(key, stale, revise=lambda current: ({**current, "status": "withdrawn"}, Placement()))
    [done] = world.store.commit(Unit(world.study.id, (change,)))
    assert (done.outcome, done.stored.version) == ("updated", 3)
    assert (enrolment(world)["status"], enrolment(world)["assignedArm"]) == ("withdrawn", "another")


def test_what_is_not_there_is_not_revised(world: World) -> None:
    key = Key(world.study.id, "ResearchSubject", "never")
    asked: list[Any] = []
    change = Change(key, {}, revise=lambda current: asked.append(current) or (current, Placement()))
    [done] = world.store.commit(Unit(world.study.id, (change,)))
    assert (done.outcome, done.stored.version, asked) == ("unchanged", 0, [])
    world.door("registrar").commit([observation(world.person("101-001"), resourceType="Observation")])
    assert world.store.read(key, None) is None
