"""What a study's own rules, its waivers and its policy make of a resource and of a payload."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gateway.app import Gateway
from gateway.core.issues import Issue
from gateway.core.rules import RULES
from gateway.ingest import Ingest
from gateway.ingest.admission import BREAKS, Admission
from gateway.ingest.readiness import readiness
from gateway.study import Study
from gateway.study.parts import BusinessRule, Suppression, ValidationPolicy
from tests.unit.ingest.conftest import STUDY, Sender, laboratory

WINDOW = BusinessRule(
    "in-window", "Observation", "effective.ofType(dateTime) >= %participant.enrolled.toDateTime()", "Before enrolment"
)
SITE = BusinessRule("spain", "Observation", "%site.country = 'ES'", "Of another country", severity="warning")
DEVICE = BusinessRule(
    "own-device",
    "Observation",
    "device.resolve().deviceName.name.exists($this in %participant.devices)",
    "Not the participant's device",
    where="device.exists()",
)


def observation(study: Study, **parts: Any) -> dict[str, Any]:
    category = {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"}
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [category]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
        "subject": {"reference": f"Patient/{study.participants[0].patient}"},
        "effectiveDateTime": "2030-03-01T10:00:00Z",
        "valueQuantity": {"value": 72, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"},
        **parts,
    }


@pytest.fixture
def judge(gateway: Gateway, study: Study) -> Callable[..., list[Issue]]:
    def check(validation: ValidationPolicy, resource: Any, *around: Any) -> list[Issue]:
        changed = replace(study, validation=validation)
        assert readiness(changed, gateway.registry, gateway.engines.definitions) == []
        return Admission(changed, gateway.engines.validator).check(resource, around)

    return check


def told(found: list[Issue]) -> list[tuple[str, str]]:
    return [(one.severity, one.rule) for one in found]


def test_a_rule_sees_the_participant_and_the_site(judge: Callable[..., list[Issue]], study: Study) -> None:
    policy = ValidationPolicy(rules=(WINDOW, SITE))
    found = judge(policy, observation(study))
    assert told(found) == [("warning", "study.rule-broken")]
    assert found[0].message == "spain: Of another country"
    early = judge(policy, observation(study, effectiveDateTime="2001-01-01T10:00:00Z"))
    assert ("error", "study.rule-broken") in told(early)


def test_a_rule_about_nobody_known_is_broken(judge: Callable[..., list[Issue]], study: Study) -> None:
    stranger = observation(study, subject={"reference": "Patient/stranger"})
    assert told(judge(ValidationPolicy(rules=(WINDOW,)), stranger)) == [("error", "study.rule-broken")]


def test_a_rule_sees_what_the_resource_comes_with(judge: Callable[..., list[Issue]], study: Study) -> None:
    person = replace(study.participants[0], devices=("Charge 6",))
    known = replace(study, by_patient={person.patient: person})
    rules = ValidationPolicy(rules=(DEVICE,))
    device = {"resourceType": "Device", "id": "d", "deviceName": [{"name": "Charge 6", "type": "model-name"}]}
    resource = observation(study, device={"reference": "Device/d"})
    admission = Admission(replace(known, validation=rules), _Everything())
    assert admission.check(resource, (device,)) == []
    other = {**device, "deviceName": [{"name": "Another", "type": "model-name"}]}
    assert told(admission.check(resource, (other,))) == [("error", "study.rule-broken")]
    assert told(admission.check(resource)) == [("error", "study.rule-broken")]


class _Everything:
    """A validator that has nothing to say."""

    def validate(self, resource: Any, profiles: Any = (), *, now: Any = None) -> list[Issue]:
        return []


def test_a_suppressed_finding_is_told_with_its_reason(judge: Callable[..., list[Issue]], study: Study) -> None:
    waived = Suppression("conformance.minimum", "The hospital's export has no status", "Observation")
    faulty = observation(study)
    del faulty["status"]
    found = judge(ValidationPolicy(suppressions=(waived,)), faulty)
    assert told(found) == [("information", "study.suppressed")]
    assert "The hospital's export has no status" in found[0].message
    elsewhere = replace(waived, element="Observation.component")
    assert told(judge(ValidationPolicy(suppressions=(elsewhere,)), faulty)) == [("error", "conformance.minimum")]


def test_a_study_that_warns_still_keeps_out_what_is_not_fhir(judge: Callable[..., list[Issue]], study: Study) -> None:
    policy = ValidationPolicy("warn")
    high = observation(study)
    high["valueQuantity"]["value"] = 1000
    assert told(judge(policy, high)) == [("warning", "conformance.invariant")]
    assert ("error", "conformance.format") in told(judge(policy, observation(study, status=7)))


@pytest.mark.parametrize(
    "inside", ["<script>x</script>t", '<p onclick="x">t</p>', '<a href="javascript:x">t</a>', "<svg/>t"]
)
def test_a_narrative_that_may_act_is_kept_out_unless_its_element_is_waived(
    judge: Callable[..., list[Issue]], study: Study, inside: str
) -> None:
    div = f'<div xmlns="http://www.w3.org/1999/xhtml">{inside}</div>'
    active = observation(study, text={"status": "generated", "div": div})
    anywhere = Suppression("conformance.invariant", "legacy")
    there = Suppression("conformance.invariant", "shown as text alone", "Observation.text")
    for policy in (ValidationPolicy("warn"), ValidationPolicy("warn", suppressions=(anywhere,))):
        assert ("error", "conformance.invariant") in told(judge(policy, active))
    assert told(judge(ValidationPolicy(suppressions=(there,)), active)) == [("information", "study.suppressed")]


def test_the_rules_that_may_become_warnings_exist() -> None:
    assert set(RULES) >= BREAKS


@pytest.mark.parametrize(
    ("policy", "status"), [("quarantine", "partial"), ("reject", "quarantined"), ("warn", "stored")]
)
def test_the_policy_says_what_becomes_of_a_payload(
    policy: Any, status: str, make_ingest: Callable[..., Ingest], study: Study
) -> None:
    rule = BusinessRule("boston", "Observation", "%site.id = '101'", "Of another site")
    changed = replace(study, validation=ValidationPolicy(policy, (rule,)))
    sender = Sender(make_ingest(studies={STUDY: changed}), changed)
    receipt = sender.send("central-lab", laboratory(("101", "101-001"), ("301", "301-001"), prefix=policy))
    assert receipt.status == status
    assert "study.rule-broken" in {found.rule for found in receipt.issues}
    assert ("ingest.payload-rejected" in {found.rule for found in receipt.issues}) == (policy == "reject")
