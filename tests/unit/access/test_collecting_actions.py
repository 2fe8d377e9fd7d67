"""Each action is asked of a Consent by its own name, and Consents are read once until one of them changes."""

import pytest

from gateway.access import Write
from gateway.access.collecting import Collecting
from gateway.consent import ConsentPolicy
from gateway.core.errors import Forbidden, NotFound
from tests.unit.access.conftest import World
from tests.unit.access.observations import observation
from tests.unit.access.writers import door, refusal

ACTIONS = "http://terminology.hl7.org/CodeSystem/consentaction"


def deny(world: World, action: str) -> None:
    """The first participant's Consent permits everything but one action."""
    consent = world.consent_of(world.person("101-001"))
    refused = {"type": "deny", "action": [{"coding": [{"system": ACTIONS, "code": action}]}]}
    root = consent["provision"]
    below = [{**one, "provision": [refused]} for one in root["provision"]]
    world.give({**consent, "provision": {**root, "provision": below}})


@pytest.mark.parametrize(("denied", "is_collected"), [("access", True), ("disclose", True), ("collect", False)])
def test_a_consent_that_denies_another_action_lets_collect(world: World, denied: str, *, is_collected: bool) -> None:
    person = world.person("101-001")
    deny(world, denied)
    source = world.door("google-health")
    if is_collected:
        assert source.commit([Write(observation(person))])[0].outcome == "created"
    else:
        with pytest.raises(Forbidden, match=r"consent\.collection-not-permitted"):
            source.commit([Write(observation(person))])


@pytest.mark.parametrize(("denied", "is_seen"), [("access", False), ("disclose", True)])
def test_what_is_replaced_must_be_there_to_be_seen(world: World, denied: str, *, is_seen: bool) -> None:
    written = observation(world.person("101-001"))
    world.door("registrar").commit([written])
    deny(world, denied)
    amended = {**written, "status": "amended"}
    if is_seen:
        assert door(world).commit([amended])[0].outcome == "updated"
    else:
        assert refusal(NotFound, door(world), amended).rule == "auth.not-found"


def test_what_consents_say_is_remembered_until_one_changes(world: World) -> None:
    person, study = world.person("101-001"), world.study
    collecting = Collecting(world.store, {study.id: ConsentPolicy.of(study)})
    first = collecting._grants(study.id, person.patient, ())
    assert collecting._grants(study.id, person.patient, ()) is first
    world.give(world.consent_of(person, "norte-research-only"))
    changed = collecting._grants(study.id, person.patient, ())
    assert changed != first
    assert collecting._grants(study.id, person.patient, ()) is changed
