"""Where boxes could say something else than the specification: absent values, single instances, nested doubt."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from gateway.consent import ConsentPolicy, compile_grants
from gateway.consent.boxes import ANY, OTHERS
from gateway.consent.request import ACTIONS
from gateway.core.kinds import Kind
from gateway.study import Study
from tests.unit.consent.test_criteria import PULSE, PURPOSE, coding, instance
from tests.unit.consent.test_terms import (
    ASKED,
    CASE,
    NOT_UNDERSTOOD,
    PERMIT,
    PLACED,
    actor,
    answer,
    consent,
    rule,
)

FOLDER = Path(__file__).parents[3] / "profiles/studies/hf-dct-01"
ABOUT_OTHERS = structs.replace(PLACED, kind=Kind((PULSE,), False))
NESTED = {name: elements for name, elements in NOT_UNDERSTOOD.items() if elements.get("extension") != "x"}


def test_the_words_that_the_store_joins_by() -> None:
    assert (ANY, OTHERS, ACTIONS) == ("*", "!", ("access", "collect", "disclose"))
    denied = consent(rule("deny", data=instance("Observation/o1")))
    assert {grant.instance for grant in compile_grants("P1", [PERMIT, denied], CASE.policy)} == {"!"}


@pytest.mark.parametrize("elements", [*NESTED.values(), {"extension": "x"}], ids=[*NESTED, "no extensions"])
def test_what_is_not_understood_permits_nothing_below_a_root_of_the_study_either(elements: dict[str, Any]) -> None:
    below = {"type": "permit", **{name: value for name, value in elements.items() if name != "type"}}
    odd = below if "type" not in elements else below | {"type": elements["type"]}
    assert not answer(consent(rule("deny", provision=[odd]))).permit


@pytest.mark.parametrize(
    "found",
    [
        actor(),
        actor(role="AUT"),
        actor("Organization/A/_history/1"),
        actor("Organization/B/_history/1"),
        actor("Organization/"),
        actor("Practitioner/A"),
        {"reference": {"reference": "Organization/A"}},
    ],
    ids=str,
)
def test_a_deny_of_an_actor_that_is_not_understood_is_one_of_everybody(found: dict[str, Any]) -> None:
    assert not answer(PERMIT, consent(rule("deny", actor=[found]))).permit


def test_what_is_about_others_is_permitted_as_far_as_any_instance_is() -> None:
    march = consent(rule("permit", dataPeriod={"start": "2026-03-01", "end": "2026-03-31"}), id="c1")
    one = consent(rule("permit", data=instance("Observation/o1")))
    day = 86_400_000_000
    later = {"low": PLACED.low + 90 * day, "high": PLACED.high + 90 * day}
    for placed, permitted in ((ABOUT_OTHERS, True), (structs.replace(ABOUT_OTHERS, **later), False)):  # type: ignore[arg-type]
        assert answer(march, one, placed=placed).permit is permitted
        itself = structs.replace(placed, kind=Kind((PULSE,), True), instance="Observation/o1")
        assert answer(march, one, placed=itself).permit
        other = structs.replace(itself, instance="Observation/o2")
        assert answer(march, one, placed=other).permit is permitted


def test_a_caller_without_a_purpose_may_be_of_one_that_is_denied() -> None:
    policy = replace(CASE.policy, purposes=CASE.policy.purposes | {"", "*"})
    denied = consent(rule("deny", purpose=[coding(PURPOSE, "TREAT")]))
    assert not answer(PERMIT, denied, asked=replace(ASKED, purpose=""), policy=policy).permit
    assert answer(PERMIT, denied, policy=policy).permit
    assert {grant.purpose for grant in compile_grants("P1", [PERMIT, denied], policy)} <= policy.purposes - {"", "*"}


def test_placements_without_a_domain_are_of_all_domains_and_none() -> None:
    assert answer(PERMIT, placed=structs.replace(PLACED, domains=())).permit


def test_the_policy_of_a_study_file() -> None:
    study = Study.load(FOLDER)
    policy = ConsentPolicy.of(study)
    assert policy.research_studies == {"ResearchStudy/hf-dct-01"}
    assert str(policy.zone) == "Europe/Madrid"
    assert policy.require_verified is study.consent.require_verified
    assert policy.organisations == set(study.organisations)
    assert policy.domains == set(study.domains)
    assert policy.purposes == {"HRESCH", "TREAT", "HCOMPL"}
    assert not ConsentPolicy(frozenset()).require_verified
    assert not ConsentPolicy(frozenset()).retains_expired
