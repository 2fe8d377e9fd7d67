"""Writing through the door: scopes, roles and the Consent to collect; nothing moves between participants."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.access import Delete, Page, Write
from gateway.core.errors import (
    BadRequest,
    Conflict,
    FhirError,
    Forbidden,
    MethodNotAllowed,
    NotFound,
    PreconditionFailed,
    Unprocessable,
)
from gateway.search import Query
from gateway.study import withdraw
from tests.unit.access.conftest import World
from tests.unit.access.observations import observation, provenance


def rule_of(error: type[FhirError], world: World, client: str, *changes: Any, **scopes: Any) -> str:
    """The rule of the refusal; checks that nothing was written and that the refusal is in the audit trail."""
    door = world.door(client)
    if scopes:
        door = world.access.door(replace(door.principal, **scopes))
    with pytest.raises(error) as refused:
        door.commit(list(changes))
    last = world.events()[-1]
    assert last.outcome in ("denied", "failure")
    assert last.reason == refused.value.issues[0].rule
    return refused.value.issues[0].rule


def test_a_source_delivers_what_consent_permits_to_collect(world: World) -> None:
    [done] = world.door("google-health").commit([observation(world.person("101-001"))])
    assert done.outcome == "created"
    [again] = world.door("google-health").commit([observation(world.person("101-001"))])
    assert again.outcome == "unchanged"


def test_without_consent_nothing_is_collected(world: World) -> None:
    person = world.person("201-001")
    consent = world.consent_of(person)
    world.door("registrar").commit([withdraw(consent, "no-further-use", "2026-05-01T00:00:00Z")])
    rule = rule_of(Forbidden, world, "google-health", observation(person))
    assert rule == "consent.collection-not-permitted"
    world.give(consent)
    assert world.door("google-health").commit([observation(person)])[0].outcome == "created"


def test_consent_to_one_domain_collects_that_domain(world: World) -> None:
    person = world.person("101-001")
    world.give(world.consent_of(person, "wearables-only"))
    world.door("google-health").commit([observation(person)])
    for other in ("laboratory", "survey", "unheard-of"):
        rule = rule_of(Forbidden, world, "lab-hl7", observation(person, "o2", other))
        assert rule == "consent.collection-not-permitted"
    both = observation(person, "o2")
    both["category"].append({"coding": [{"code": "laboratory"}]})
    assert rule_of(Forbidden, world, "lab-hl7", both) == "consent.collection-not-permitted"


def test_one_refused_resource_keeps_out_its_whole_unit(world: World) -> None:
    person = world.person("101-001")
    world.give(world.consent_of(person, "wearables-only"))
    rule_of(Forbidden, world, "lab-hl7", observation(person, "o1"), observation(person, "o2", "laboratory"))
    assert world.door("ehr-app").search(Query("Observation", (), None, True), Page(5)).total == 0


@pytest.mark.parametrize(
    "subject",
    [
        None,
        {},
        {"display": "somebody"},
        {"identifier": {"value": "1"}},
        {"reference": "https://elsewhere.test/fhir/Patient/1"},
        {"reference": "urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c8"},
        {"reference": "#p"},
        {"reference": "Group/1"},
        {"reference": "Device/1"},
    ],
)
def test_data_of_nobody_is_refused(world: World, subject: Any) -> None:
    resource = observation(world.person("101-001"), subject=subject)
    if subject is None:
        del resource["subject"]
    assert rule_of(Forbidden, world, "google-health", resource) == "consent.no-subject"


def test_data_of_strangers_is_refused(world: World) -> None:
    resource = observation(world.person("101-001"), subject={"reference": "Patient/stranger"})
    assert rule_of(Forbidden, world, "google-health", resource) == "consent.collection-not-permitted"


def test_data_of_two_participants_needs_both(world: World) -> None:
    first, second = world.person("101-001"), world.person("201-001")
    resource = observation(first, performer=[{"reference": f"Patient/{second.patient}"}])
    world.door("google-health").commit([resource])
    world.door("registrar").commit([withdraw(world.consent_of(second), "no-further-use", "2026-05-01T00:00:00Z")])
    with pytest.raises(NotFound):
        world.door("ehr-app").read("Observation", "o1")
    again = resource | {"id": "o2"}
    assert rule_of(Forbidden, world, "google-health", again) == "consent.collection-not-permitted"


def test_sources_and_readers_write_no_participants(world: World) -> None:
    consent = world.consent_of(world.person("101-001"))
    every = ("system/*.cruds",)
    for client in ("google-health", "ehr-app", "research", "data-manager"):
        assert rule_of(Forbidden, world, client, consent, scopes=every) == "consent.role"
        for kind in ("Patient", "ResearchSubject"):
            assert (
                rule_of(Forbidden, world, client, {"resourceType": kind, "id": "x"}, scopes=every) == "consent.role"
            )
    organisation = {"resourceType": "Organization", "id": "x"}
    assert rule_of(Forbidden, world, "google-health", organisation, scopes=every) == "consent.role"


def test_scopes_bound_what_is_written(world: World) -> None:
    person = world.person("101-001")
    assert rule_of(Forbidden, world, "ehr-app", observation(person)) == "auth.scope"
    assert rule_of(Forbidden, world, "google-health", Delete("Observation", "o1")) == "auth.scope"
    update_only = {"scopes": ("system/Observation.u",)}
    assert rule_of(Forbidden, world, "google-health", observation(person), **update_only) == "auth.scope"
    world.door("google-health").commit([observation(person)])
    create_only = {"scopes": ("system/Observation.c",)}
    changed = observation(person, status="amended")
    assert rule_of(Forbidden, world, "google-health", changed, **create_only) == "auth.scope"
    principal = replace(world.door("google-health").principal, **update_only)
    assert world.access.door(principal).commit([changed])[0].outcome == "updated"


def test_an_update_moves_no_data_to_another_participant(world: World) -> None:
    first, second = world.person("101-001"), world.person("201-001")
    world.door("google-health").commit([observation(first)])
    assert rule_of(Conflict, world, "google-health", observation(second)) == "consent.subject-changed"
    consent = world.consent_of(first) | {"patient": {"reference": f"Patient/{second.patient}"}}
    assert rule_of(Conflict, world, "registrar", Write(consent, if_match=1)) == "consent.subject-changed"


def test_who_may_not_see_a_resource_may_not_replace_it(world: World) -> None:
    person = world.person("101-001")
    world.door("google-health").commit([observation(person)])
    consent = world.consent_of(person, "norte-research-only")
    world.give(consent)
    for resource in (observation(person), observation(person, status="amended")):
        rule = rule_of(NotFound, world, "data-manager", resource, scopes=("system/*.cruds",))
        assert rule == "auth.not-found"


def test_a_consent_that_breaks_a_rule_is_refused(world: World) -> None:
    consent = world.consent_of(world.person("101-001"))
    removed = withdraw(consent, "forget", "2026-05-01T00:00:00Z")
    assert rule_of(Unprocessable, world, "registrar", removed) == "consent.withdrawal"
    del consent["patient"]
    assert rule_of(Unprocessable, world, "registrar", consent) == "consent.patient-required"
    assert rule_of(MethodNotAllowed, world, "registrar", Delete("Consent", consent["id"])) == "consent.no-deletion"


def test_a_version_that_is_not_current_is_not_replaced(world: World) -> None:
    person = world.person("101-001")
    world.door("google-health").commit([observation(person)])
    write = Write(observation(person, status="amended"), if_match=2)
    rule_of(PreconditionFailed, world, "google-health", write)


@pytest.mark.parametrize("changes", [{"id": "../x"}, {"id": ""}, {"id": 7}, {"resourceType": ""}, {"id": "x" * 65}])
def test_a_resource_without_identity_is_refused(world: World, changes: dict[str, Any]) -> None:
    resource = observation(world.person("101-001")) | changes
    assert rule_of(BadRequest, world, "google-health", resource) == "auth.identity"


def test_provenance_stands_where_its_targets_stand(world: World) -> None:
    first, second = world.person("101-001"), world.person("201-001")
    world.door("google-health").commit(
        [observation(first, "o1"), observation(second, "o2")],
        accompany=lambda done: [provenance(*(entry.stored.key.reference for entry in done))],
    )
    assert world.door("ehr-app").read("Provenance", "p1").version == 1
    world.give(world.consent_of(second, "norte-research-only"))
    with pytest.raises(NotFound):
        world.door("ehr-app").read("Provenance", "p1")


def test_provenance_of_nothing_known_is_seen_by_nobody(world: World) -> None:
    door = world.door("google-health")
    lost = (
        provenance("Observation/none", id="p2"),
        provenance(id="p3"),
        provenance("https://x.test/Observation/o1", id="p4"),
    )
    door.commit([observation(world.person("101-001"))], accompany=lambda _: lost)
    for resource in lost:
        with pytest.raises(NotFound):
            world.door("registrar").read("Provenance", resource["id"])


def test_a_write_and_its_event_are_one(world: World) -> None:
    world.door("google-health").commit([observation(world.person("101-001"))])
    event = world.events()[-1]
    assert (event.action, event.operation, event.outcome) == ("C", "ingest", "success")
    assert (event.targets, event.count) == (("Observation/o1",), 1)
