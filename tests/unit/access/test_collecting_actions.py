"""Collecting is asked of a Consent by its own name, which is read once until one of the participant changes."""

import pytest

from gateway.access import Write
from gateway.access.collecting import Collecting
from gateway.consent import ConsentPolicy
from gateway.core.errors import Forbidden
from tests.unit.access.conftest import World
from tests.unit.access.observations import observation

ACTIONS = "http://terminology.hl7.org/CodeSystem/consentaction"


@pytest.mark.parametrize(("denied", "is_collected"), [("access", True), ("disclose", True), ("collect", False)])
def test_a_consent_that_denies_another_action_lets_collect(world: World, denied: str, *, is_collected: bool) -> None:
    person = world.person("101-001")
    consent = world.consent_of(person)
    refused = {"type": "deny", "action": [{"coding": [{"system": ACTIONS, "code": denied}]}]}
    root = consent["provision"]
    below = [{**one, "provision": [refused]} for one in root["provision"]]
    world.give({**consent, "provision": {**root, "provision": below}})
    source = world.door("google-health")
    if is_collected:
        assert source.commit([Write(observation(person))])[0].outcome == "created"
    else:
        with pytest.raises(Forbidden, match=r"consent\.collection-not-permitted"):
            source.commit([Write(observation(person))])


def test_what_consents_say_is_remembered_until_one_changes(world: World) -> None:
    person, study = world.person("101-001"), world.study
    collecting = Collecting(world.store, {study.id: ConsentPolicy.of(study)})
    first = collecting._grants(study.id, person.patient, ())
    assert collecting._grants(study.id, person.patient, ()) is first
    world.give(world.consent_of(person, "norte-research-only"))
    changed = collecting._grants(study.id, person.patient, ())
    assert changed != first
    assert collecting._grants(study.id, person.patient, ()) is changed
