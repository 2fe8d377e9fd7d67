"""What is decided of a unit as a whole: who may write what of it, which Consents it retires, what it is about."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.access import Delete, Door, Page, Write
from gateway.access.placing.outline import Outline
from gateway.access.placing.places import PlacementOf, Placer
from gateway.access.writing.gate import EXPORTING
from gateway.consent import ConsentRequest
from gateway.core.codec import loads
from gateway.core.errors import FhirError, Forbidden, MethodNotAllowed, NotFound, Unavailable
from gateway.core.instants import micros
from gateway.core.resources import Change, Key, Placement, Unit
from gateway.core.types import Resource
from gateway.search import Query
from gateway.study import withdraw
from tests.unit.access.conftest import World
from tests.unit.access.observations import observation, provenance
from tests.unit.access.writers import ENROLLING, door, refusal

CHAIN = ("Observation/o1", "Provenance/p1", "Provenance/p2", "Provenance/p3")
AT = "2026-05-01T00:00:00Z"


def rule(error: type[FhirError], one: Door, *changes: Any) -> str:
    return refusal(error, one, *changes).rule


class Counting(Placer):
    """Counts what is placed."""

    placed = 0

    def place(self, resource: Resource, placement_of: PlacementOf, outline: Outline | None = None) -> Placement:
        self.placed += 1
        return super().place(resource, placement_of, outline)


def outcomes(one: Door, *changes: Any) -> list[str]:
    return [done.outcome for done in one.commit(list(changes))]


def consents(world: World, *ids: str) -> list[tuple[str, str]]:
    """Status and version of Consents of the first participant, "" for the one that was there first."""
    keys = [id or world.consent_of(world.person("101-001"))["id"] for id in ids]
    rows = [world.store.read(Key(world.study.id, "Consent", key), None) for key in keys]
    return [(loads(row.body)["status"], str(row.version)) for row in rows if row]


def newer(world: World, id: str, **changes: Any) -> dict[str, Any]:
    """Another Consent of the first participant, signed later."""
    return {
        **world.consent_of(world.person("101-001"), "wearables-only"),
        "id": id,
        "dateTime": "2026-05-01",
    } | changes


def test_what_each_role_writes(world: World) -> None:
    """Who enrols makes participants, without a Consent to collect; data need one always; audit is of nobody."""
    person = world.person("101-001")
    patient, consent, subject = world.enrolment_of(person)
    writer, enrolling = door(world), door(world, ENROLLING)
    for one in (patient, consent, subject):
        assert rule(Forbidden, writer, {**one, "language": "en"}) == "consent.role"
    for role in (writer, enrolling):
        assert rule(MethodNotAllowed, role, {"resourceType": "AuditEvent", "id": "a"}) == "audit.read-only"
    assert outcomes(writer, provenance("Observation/o1"), observation(person)) == ["created", "created"]
    assert outcomes(enrolling, withdraw(consent, "no-further-use", AT)) == ["updated"]
    assert outcomes(enrolling, patient | {"active": False}, subject | {"status": "off-study"}) == ["updated"] * 2
    for role in (writer, enrolling):
        assert rule(Forbidden, role, observation(person, "o2")) == "consent.collection-not-permitted"
    assert frozenset({"bulk-export", "bulk-download"}) == EXPORTING


def test_scopes_of_deleting_and_replacing_are_kept_apart(world: World) -> None:
    person = world.person("101-001")
    world.door("registrar").commit([observation(person, f"o{number}") for number in (1, 2, 3)])
    scopes = ("system/Observation.d?_id=o1", "system/Observation.u?_id=o2", "system/Observation.rs")
    one = door(world, scopes=scopes)
    for change in (Delete("Observation", "o2"), observation(person, "o1", status="amended")):
        assert rule(NotFound, one, change) == "auth.not-found"
    assert outcomes(one, Delete("Observation", "o1")) == ["deleted"]
    assert outcomes(one, observation(person, "o2", status="amended")) == ["updated"]
    assert rule(Forbidden, door(world, scopes=("system/Observation.c?_id=o9",)), observation(person, "o8")) == (
        "auth.scope"
    )


def test_several_newer_consents_retire_the_older_once(world: World) -> None:
    assert outcomes(world.door("registrar"), newer(world, "again"), newer(world, "third")) == ["created"] * 2
    assert consents(world, "", "again", "third") == [("inactive", "2"), ("active", "1"), ("active", "1")]


def test_a_consent_stays_as_its_own_unit_says(world: World) -> None:
    old = world.consent_of(world.person("101-001"))
    asked = [Write({**old, "language": "en"}, if_match=1), Write(newer(world, "again"), if_match=0)]
    assert outcomes(world.door("registrar"), *asked) == ["updated", "created"]
    assert consents(world, "", "again") == [("active", "2"), ("active", "1")]


def test_a_consent_that_is_no_more_is_written_anew(world: World) -> None:
    consent = world.consent_of(world.person("101-001"))
    gone = Change(Key(world.study.id, "Consent", consent["id"]), None)
    world.store.commit(Unit(world.study.id, (gone,)))
    [done] = world.door("registrar").commit([{**consent, "language": "en"}])
    assert (done.outcome, done.stored.version) == ("created", 3)


def test_an_enrolment_may_tell_the_study_of_a_consent_in_its_unit(world: World) -> None:
    """A Consent that names no study is linked by the ResearchSubject beside it."""
    person = next(one for one in world.study.participants if one.id not in ("101-001", "201-001"))
    patient, consent, subject = world.enrolment_of(person)
    silent = {**consent, "provision": {**consent["provision"], "extension": []}}
    del silent["provision"]["extension"]
    registrar = world.door("registrar")
    assert rule(Forbidden, registrar, patient, silent, observation(person)) == "consent.collection-not-permitted"
    assert outcomes(registrar, patient, silent, subject, observation(person)) == ["created"] * 4


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("at_once", [0, 1, 2, 3])
def test_what_is_about_others_is_followed_three_times(world: World, at_once: int, *, turned: bool) -> None:
    """However many of a chain come in the unit of its last, and in which order."""
    registrar = world.door("registrar")
    registrar.commit([observation(world.person("101-001"))])
    chain = [provenance(target, id=f"p{number}") for number, target in enumerate(CHAIN, 1)]
    before, unit = chain[: 3 - at_once], chain[3 - at_once : 3]
    assert outcomes(registrar, *before) == ["created"] * len(before)
    assert rule(Forbidden, registrar, *(unit + chain[3:])[:: -1 if turned else 1]) == "consent.no-subject"
    assert outcomes(registrar, *unit[:: -1 if turned else 1]) == ["created"] * len(unit)
    assert rule(Forbidden, registrar, chain[3]) == "consent.no-subject"


def test_what_goes_along_is_followed_three_times(world: World) -> None:
    registrar, person = world.door("registrar"), world.person("101-001")
    chain = [provenance(target, id=f"p{number}") for number, target in enumerate(CHAIN, 1)]
    for written, along in (([observation(person), *chain[:2]], chain[2]), (chain[2:3], chain[3])):
        registrar.commit(written, accompany=lambda _, one=along: [one])  # type: ignore[misc]
    reader = world.door("ehr-app")
    assert reader.read("Provenance", "p3").version == 1
    with pytest.raises(NotFound):
        reader.read("Provenance", "p4")


def test_what_is_about_others_stands_where_they_come_to_stand(world: World) -> None:
    """Not where the version stood that is written over in the same unit."""
    person, registrar = world.person("101-001"), world.door("registrar")
    registrar.commit([observation(person), observation(person, "o2", effectiveDateTime="2026-05-01T10:00:00Z")])
    registrar.commit([provenance("Observation/o1")])
    unit = [provenance("Provenance/p1", id="p2"), provenance("Observation/o2")]
    about, moved = registrar._gate.plan([Write(one) for one in unit])
    assert about.placement.low == moved.placement.low
    assert moved.placement.low > registrar._gate.plan([Write(provenance("Observation/o1"))])[0].placement.low


def test_nothing_of_a_unit_is_placed_again_and_again(world: World) -> None:
    """Many that are each about many of the next are placed once for each distance."""
    wide = 40
    registrar = world.door("registrar")
    registrar.commit([observation(world.person("101-001"))])
    rows = [["Observation/o1"], *([f"Provenance/l{level}-{n}" for n in range(wide)] for level in (1, 2))]
    unit = [provenance(*about, id=f"l{level}-{n}") for level, about in enumerate(rows, 1) for n in range(wide)]
    placer = Counting(world.study)
    access, principal = world.acting(ENROLLING)
    gate = replace(access.door(principal)._gate, placer=placer)
    assert len(gate.plan([Write(one) for one in unit])) == 3 * wide
    assert placer.placed <= 3 * len(unit)


def test_an_older_message_changes_nothing_whomever_it_is_about(world: World) -> None:
    first, second = world.person("101-001"), world.person("201-001")
    source = world.door("google-health")
    assert outcomes(source, Write(observation(first), order=2)) == ["created"]
    assert outcomes(source, Write(observation(second), order=1)) == ["superseded"]
    assert rule(FhirError, source, Write(observation(second), order=3)) == "consent.subject-changed"


def test_a_write_is_confirmed_when_it_is_committed(world: World) -> None:
    """A scope of one participant limits what is seen of the version before; a source looks participants up first."""
    first, second = world.person("101-001"), world.person("201-001")
    source = world.door("google-health")
    system = f"urn:trial-fhir-gateway:study:{world.study.id}:subject"
    key = source.resolve(system, first.id)
    assert key
    assert (key.type, key.id) == ("Patient", first.patient)
    assert outcomes(source, observation(first)) == ["created"]
    world.give(withdraw(world.consent_of(second), "stop-collection", AT))
    assert rule(Forbidden, source, observation(second, "o2")) == "consent.collection-not-permitted"
    own: dict[str, Any] = {"scopes": ("patient/Observation.cru",), "patient": first.patient}
    assert outcomes(door(world, **own), observation(first, status="amended")) == ["updated"]
    own["patient"] = second.patient
    assert rule(NotFound, door(world, **own), observation(first, status="corrected")) == "auth.not-found"


def test_the_life_of_a_participants_data(world: World) -> None:
    """Written, deleted as far as scopes reach, explained to who manages Consents, and deleted for good by a Consent
    alone: what looks like one and is none deletes nothing."""
    person, key = world.person("101-001"), Key(world.study.id, "Observation", "o2")
    deletion = withdraw(world.consent_of(person), "delete", AT)
    looks = {"status": "inactive", "extension": deletion["extension"]}
    writer = door(world)
    assert outcomes(writer, observation(person, "o1", **looks), observation(person, "o2")) == ["created"] * 2
    narrow = door(world, scopes=("system/Observation.d?_id=o1", "system/Observation.u?_id=o2"))
    assert rule(NotFound, narrow, Delete("Observation", "o2")) == "auth.not-found"
    assert outcomes(narrow, Delete("Observation", "o1")) == ["deleted"]
    asked = ConsentRequest("telecare", "access", "TREAT", micros(world.now))
    with pytest.raises(Forbidden, match=r"consent\.explain-role"):
        writer.explain("Observation", "o2", asked)
    with pytest.raises(Forbidden, match=r"search\.explain-role"):
        writer.explain_search(Query("Observation"), Page(1))
    assert door(world, ENROLLING).explain("Observation", "o2", asked).permit
    assert world.store.read(key, None)
    assert outcomes(door(world, ENROLLING), deletion) == ["updated"]
    left = world.store.read(key, None)
    assert left is None or left.deleted


def test_what_was_looked_up_off_the_record_is_not_written(world: World) -> None:
    source, engine = world.door("google-health"), world.store.database.engine
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE audit_event RENAME TO lost")
    source.resolve("urn:x", "y")
    with pytest.raises(Unavailable):
        world.trail.record(world.marker())
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE lost RENAME TO audit_event")
    with pytest.raises(Unavailable):
        source.commit([observation(world.person("101-001"))])
    assert world.store.read(Key(world.study.id, "Observation", "o1"), None) is None


def gathered(id: str, *about: str) -> dict[str, Any]:
    """A List of resources."""
    entries = [{"item": {"reference": one}} for one in about]
    return {"resourceType": "List", "id": id, "status": "current", "mode": "working", "entry": entries}


@pytest.mark.parametrize("about", [("o1",), ("o1", "other")])
def test_what_was_deleted_comes_back_with_its_participants_alone(world: World, about: tuple[str, ...]) -> None:
    """What is about it stands with them still."""
    first, second = world.person("101-001"), world.person("201-001")
    registrar = world.door("registrar")
    registrar.commit([observation(first), observation(second, "other")])
    one, another = (gathered("l1", *(f"Observation/{id}" for id in ids)) for ids in (about, ("other",)))
    registrar.commit([one])
    registrar.commit([provenance("List/l1"), Delete("Observation", "o1"), Delete("List", "l1")])
    refused = (observation(second), another)
    assert [rule(FhirError, registrar, one) for one in refused] == ["consent.subject-changed"] * 2
    assert outcomes(registrar, observation(first)) == ["created"]
    assert outcomes(registrar, one) == ["created"]


def test_what_is_about_something_deleted_passes_to_nobody_else(world: World) -> None:
    first, second = world.person("101-001"), world.person("201-001")
    registrar = world.door("registrar")
    registrar.commit([observation(first), observation(second, "other"), observation(first, "own")])
    registrar.commit([gathered("l1", "Observation/o1"), provenance("List/l1")])
    registrar.commit([Delete("Observation", "o1")])
    assert rule(FhirError, registrar, gathered("l1", "Observation/other")) == "consent.subject-changed"
    assert outcomes(registrar, gathered("l1", "Observation/own")) == ["updated"]


def test_what_is_no_more_is_taken_out_of_a_list_of_several(world: World) -> None:
    first, second = world.person("101-001"), world.person("201-001")
    registrar = world.door("registrar")
    registrar.commit([observation(first), observation(second, "other"), observation(first, "own")])
    registrar.commit([gathered("l1", "Observation/o1", "Observation/other")])
    registrar.commit([Delete("Observation", "o1")])
    assert rule(FhirError, registrar, gathered("l1", "Observation/other")) == "consent.subject-changed"
    assert outcomes(registrar, gathered("l1", "Observation/other", "Observation/own")) == ["updated"]
