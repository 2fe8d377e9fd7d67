"""Rules of a study over what the store knows of the participant: visits, devices."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.access import Door, Write
from gateway.app import Gateway
from gateway.core.principal import Principal
from gateway.ingest.admission import Admission
from gateway.ingest.facts import StoredFacts
from gateway.study import Study
from gateway.study.parts import BusinessRule, ValidationPolicy
from tests.unit.ingest.test_admission import observation, told

IN_A_VISIT = BusinessRule(
    "in-a-visit",
    "Observation",
    "%visits.where(status = 'finished').exists(period.start <= %resource.effective and "
    "%resource.effective <= period.end)",
    "Outside of every visit",
)
OWN_ENCOUNTER = BusinessRule(
    "own-encounter", "Observation", "encounter.resolve().status = 'finished'", "Of a visit that is not over"
)
VISIT = "facts-visit"


@pytest.fixture(scope="module")
def visit(gateway: Gateway, study: Study) -> dict[str, Any]:
    """A visit of the first participant, in the store."""
    door = gateway.access.door(study.principal(study.clients["registrar"]))
    tree = {
        "resourceType": "Encounter",
        "id": VISIT,
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "subject": {"reference": f"Patient/{study.participants[0].patient}"},
        "period": {"start": "2030-03-01T08:00:00Z", "end": "2030-03-01T12:00:00Z"},
    }
    door.commit([Write(tree)])
    return tree


def admission(gateway: Gateway, study: Study, *rules: BusinessRule) -> Admission:
    return Admission(replace(study, validation=ValidationPolicy(rules=rules)), gateway.engines.validator)


@pytest.fixture
def stored(gateway: Gateway, study: Study) -> StoredFacts:
    return StoredFacts.of_writer(gateway.access.door, study.principal_of("google-health"))


def test_a_rule_sees_the_visits_of_the_store(
    gateway: Gateway, study: Study, visit: dict[str, Any], stored: StoredFacts
) -> None:
    judge = admission(gateway, study, IN_A_VISIT)
    assert told(judge.check(observation(study), stored=stored)) == []
    late = observation(study, effectiveDateTime="2030-03-01T13:00:00Z")
    assert told(judge.check(late, stored=stored)) == [("error", "study.rule-broken")]
    other = observation(study, subject={"reference": f"Patient/{study.participants[1].patient}"})
    assert told(judge.check(other, stored=stored)) == [("error", "study.rule-broken")]


def test_what_comes_with_the_resource_counts_and_replaces_what_is_stored(
    gateway: Gateway, study: Study, visit: dict[str, Any], stored: StoredFacts
) -> None:
    judge = admission(gateway, study, IN_A_VISIT)
    cancelled = {**visit, "status": "cancelled"}
    assert told(judge.check(observation(study), (cancelled,), stored=stored)) == [("error", "study.rule-broken")]


def test_a_reference_is_resolved_in_the_store(
    gateway: Gateway, study: Study, visit: dict[str, Any], stored: StoredFacts
) -> None:
    judge = admission(gateway, study, OWN_ENCOUNTER)
    known = observation(study, encounter={"reference": f"Encounter/{VISIT}"})
    unknown = observation(study, encounter={"reference": "Encounter/nowhere"})
    assert told(judge.check(known, stored=stored)) == []
    assert told(judge.check(unknown, stored=stored)) == [("error", "study.rule-broken")]


def test_a_rule_without_anybody_to_read_has_no_answer(gateway: Gateway, study: Study, visit: dict[str, Any]) -> None:
    judge = admission(gateway, study, IN_A_VISIT)
    assert told(judge.check(observation(study))) == [("error", "study.rule-not-evaluated")]
    blind = StoredFacts.of_reader(gateway.access.door(study.principal_of("google-health")))
    assert told(judge.check(observation(study), stored=blind)) == [("error", "study.rule-not-evaluated")]


def test_nothing_is_read_unless_a_rule_asks(gateway: Gateway, study: Study) -> None:
    asked: list[Principal] = []

    def doors(principal: Principal) -> Door:
        asked.append(principal)
        return gateway.access.door(principal)

    stored = StoredFacts.of_writer(doors, study.principal_of("google-health"))
    plain = BusinessRule("spain", "Observation", "%site.exists()", "Of no site")
    assert told(admission(gateway, study, plain).check(observation(study), stored=stored)) == []
    assert asked == []
    judge = admission(gateway, study, IN_A_VISIT)
    for _ in range(3):
        judge.check(observation(study), stored=stored)
    assert len(asked) == 1
