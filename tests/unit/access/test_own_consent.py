"""Participants see their own Consents whoever's app they use, and may withdraw them; nothing else."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.access import Door, Write
from gateway.core.codec import loads
from gateway.core.errors import FhirError, Forbidden, NotFound, PreconditionFailed
from gateway.core.resources import Key
from gateway.search import Query
from gateway.store import Page
from gateway.study import withdraw
from tests.unit.access.conftest import World
from tests.unit.access.observations import observation

AT = "2026-06-01T11:00:00Z"


@pytest.fixture
def world(world: World) -> World:
    """The first participant lets another organisation than the app's read."""
    person = world.person("101-001")
    world.give(world.consent_of(person, "norte-research-only"))
    return world


def app(world: World, id: str = "101-001", *, user: str = "", scopes: tuple[str, ...] = ("patient/*.rus",)) -> Door:
    """The participant's app, of the organisation `telecare`."""
    patient = world.person(id).patient
    principal = world.study.principal(world.study.clients["ehr-app"])
    own = replace(principal, scopes=scopes, patient=patient, user=user or f"Patient/{patient}")
    return world.access.door(own)


def consent(world: World, id: str = "101-001") -> dict[str, Any]:
    found = world.store.read(Key(world.study.id, "Consent", world.consent_of(world.person(id))["id"]), None)
    assert found
    body: dict[str, Any] = loads(found.body)
    return body


def found(door: Door) -> list[str]:
    return [row.key.id for row in door.search(Query("Consent", total="accurate"), Page(10)).rows]


def test_it_is_seen_without_a_grant_and_no_other_is(world: World) -> None:
    own, other = consent(world), consent(world, "201-001")
    assert loads(app(world).read("Consent", own["id"]).body) == own
    assert found(app(world)) == [own["id"]]
    with pytest.raises(NotFound):
        app(world).read("Consent", other["id"])
    with pytest.raises(NotFound):
        app(world).read("Patient", world.person("101-001").patient)


@pytest.mark.parametrize("user", ["Practitioner/1", "Patient/elsewhere"])
def test_the_context_alone_does_not_make_one_a_participant(world: World, user: str) -> None:
    own = consent(world)
    with pytest.raises(NotFound):
        app(world, user=user).read("Consent", own["id"])
    assert found(app(world, user=user)) == []
    with pytest.raises(FhirError):
        app(world, user=user).commit([withdraw(own, "no-further-use", AT)])


@pytest.mark.parametrize("by_transaction", [False, True], ids=["commit", "transact"])
@pytest.mark.parametrize("mode", ["no-further-use", "stop-collection"])
def test_it_is_withdrawn_and_stays_in_sight(world: World, mode: str, *, by_transaction: bool) -> None:
    person = world.person("101-001")
    own = consent(world)
    written = withdraw(own, mode, AT)
    if by_transaction:
        app(world).transact(lambda _finder: [Write(written)], "update")
    else:
        app(world).commit([written])
    assert consent(world)["status"] == "inactive"
    assert found(app(world)) == [own["id"]]
    with pytest.raises(Forbidden):
        world.door("google-health").commit([observation(person)])


def changed(own: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Writes that are no withdrawal, by what they try."""
    withdrawn = withdraw(own, "no-further-use", AT)
    wider = {**own["provision"], "provision": []}
    return {
        "nothing": own,
        "wider": {**own, "provision": wider},
        "wider and withdrawn": {**withdrawn, "provision": wider},
        "deletion": withdraw(own, "delete", AT),
        "without a mode": {**own, "status": "inactive"},
        "draft": {**withdrawn, "status": "draft"},
        "another date": {**withdrawn, "dateTime": "2026-05-30"},
        "new": {**own, "id": "mine"},
        "active again": {**own, "status": "active", "extension": []},
    }


@pytest.mark.parametrize("name", list(changed({"provision": {}})))
def test_nothing_else_may_be_changed(world: World, name: str) -> None:
    written = changed(consent(world))[name]
    with pytest.raises(FhirError):
        app(world).commit([written])
    assert consent(world)["status"] == "active"


def test_a_withdrawal_is_final_and_of_the_version_that_was_seen(world: World) -> None:
    own = consent(world)
    withdrawn = withdraw(own, "stop-collection", AT)
    with pytest.raises((PreconditionFailed, Forbidden)):
        app(world).commit([Write(withdrawn, if_match=1)])
    app(world).commit([withdrawn])
    for again in ({**consent(world), "status": "active"}, withdraw(own, "no-further-use", AT)):
        with pytest.raises(Forbidden):
            app(world).commit([again])


@pytest.mark.parametrize("scopes", [("patient/Consent.r",), ("patient/Consent.u?status=active",), ("system/*.rs",)])
def test_scopes_come_first(world: World, scopes: tuple[str, ...]) -> None:
    with pytest.raises(FhirError):
        app(world, scopes=scopes).commit([withdraw(consent(world), "no-further-use", AT)])


@pytest.mark.parametrize("client", ["ehr-app", "research", "site-app", "google-health"])
def test_a_consumer_never_writes_a_consent_that_names_itself(world: World, client: str) -> None:
    own = consent(world)
    organisation = world.study.clients[client].organisation
    actor = {"role": {"coding": [{"code": "IRCP"}]}, "reference": {"reference": f"Organization/{organisation}"}}
    granting = {**own, "provision": {**own["provision"], "actor": [actor]}}
    principal = replace(world.study.principal(world.study.clients[client]), scopes=("system/*.cruds",))
    for written in (granting, {**granting, "id": "granting"}):
        with pytest.raises(Forbidden):
            world.access.door(principal).commit([written])
