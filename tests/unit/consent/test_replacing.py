"""Which Consents a newer one takes the place of when it is written, and which lead to a study by an enrolment."""

from typing import Any

import pytest

from gateway.consent import needs_link, replaced
from gateway.core.types import Resource
from tests.compliance.decision_table import STUDY, TERMINOLOGY
from tests.unit.consent.test_criteria import DOMAIN, coding, concept
from tests.unit.consent.test_terms import (
    ASKED,
    CASE,
    OURS,
    PERMIT,
    answer,
    consent,
    interval,
    linked,
    rule,
)

POLICY = [{"uri": "urn:p"}]
OLD = consent(rule("permit"), id="old", policy=POLICY, dateTime="2026-01-01")
NEW = consent(rule("permit"), id="new", policy=POLICY, dateTime="2026-05-01")
SCOPED = {"coding": [{"system": TERMINOLOGY + "consentscope", "code": "treatment"}]}


def told(new: Resource, old: Resource, now: int = ASKED.now) -> list[str]:
    return [one["id"] for one in replaced(new, [old], CASE.policy, now)]


def test_an_older_one_of_the_same_policy_is_replaced() -> None:
    assert told(NEW, OLD) == ["old"]
    assert [one["id"] for one in replaced(NEW, [OLD | {"id": "x"}, OLD], CASE.policy, ASKED.now)] == ["x", "old"]


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "draft"},
        {"status": "inactive"},
        {"dateTime": "2026-01-01"},
        {"dateTime": "2025-01-01"},
        {"dateTime": "2027-01-01"},
        {"dateTime": "soon"},
        {"dateTime": None},
        {"policy": [{"uri": "urn:q"}]},
        {"policy": []},
        {"policy": [{"authority": "urn:p"}]},
        {"policy": ["urn:p"]},
        {"patient": {"reference": "Patient/P2"}},
        {"patient": None},
        {"patient": "Patient/P1"},
        {"provision": {"type": "permit"}},
        {"scope": SCOPED},
        {"id": "old"},
    ],
    ids=str,
)
def test_what_replaces_nothing(changes: dict[str, Any]) -> None:
    if isinstance(changes.get("patient", {}), str):
        assert told(NEW, OLD | changes) == []
    else:
        assert told(NEW | changes, OLD) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "inactive"},
        {"status": "entered-in-error"},
        {"dateTime": "2026-05-01"},
        {"dateTime": "2026-05-02"},
        {"policy": [{"uri": "urn:q"}]},
        {"policy": [{"uri": "urn:q"}, "urn:p", {"authority": "urn:p"}]},
        {"patient": {"reference": "Patient/P2"}},
        {"provision": {"type": "permit", "extension": [{"url": STUDY, "valueReference": {"reference": "x/S2"}}]}},
        {"scope": SCOPED},
    ],
    ids=str,
)
def test_what_is_not_replaced(changes: dict[str, Any]) -> None:
    assert told(NEW, OLD | changes) == []


def test_one_of_several_policies_in_common_is_enough() -> None:
    assert told(NEW | {"policy": [{"uri": "urn:q"}, *POLICY]}, OLD) == ["old"]
    assert told(NEW | {"policy": [{"uri": "urn:q"}, {}, "x", *POLICY]}, OLD) == ["old"]


def test_it_is_replaced_at_the_instant_of_the_newer_one() -> None:
    start = interval("2026-05-01").low
    assert told(NEW, OLD, start) == ["old"]
    assert told(NEW, OLD, start - 1) == []


def test_a_study_that_is_named_below_counts_too() -> None:
    below = {"type": "deny", "provision": [{"type": "permit", "extension": [OURS]}]}
    assert told(NEW | {"provision": below}, OLD | {"provision": below}) == ["old"]


@pytest.mark.parametrize(
    ("root", "needs"),
    [
        ({"type": "permit"}, True),
        (None, True),
        ("x", True),
        ({"type": "permit", "extension": [{"url": "urn:x"}, "x"]}, True),
        (rule("permit"), False),
        ({"provision": [{"type": "permit"}, rule("permit")]}, False),
        ({"provision": [{"provision": [rule("permit")]}]}, False),
    ],
    ids=str,
)
def test_a_consent_that_names_no_study_needs_an_enrolment(root: Any, needs: bool) -> None:
    assert needs_link([consent(root)]) is needs
    assert needs_link([PERMIT, consent(root)]) is needs
    assert not needs_link([{"resourceType": "ResearchSubject", "provision": root}])


def enrolment(**changes: Any) -> Resource:
    return linked()[1] | changes


SILENT = linked(provision={"type": "permit"})[0]


@pytest.mark.parametrize(
    ("changes", "permitted"),
    [
        ({}, True),
        ({"study": {"reference": "ResearchStudy/S2"}}, False),
        ({"study": "ResearchStudy/S1"}, False),
        ({"study": None}, False),
        ({"individual": {"reference": "Patient/P2"}}, False),
        ({"individual": {}}, False),
        ({"consent": {"reference": "Consent/c1"}}, False),
        ({"consent": {"reference": "Contract/c0"}}, False),
        ({"consent": {}}, False),
        ({"resourceType": "Consent"}, False),
    ],
    ids=str,
)
def test_an_enrolment_leads_to_its_own_study_alone(changes: dict[str, Any], permitted: bool) -> None:
    assert answer(SILENT, enrolment(**changes)).permit is permitted
    assert answer(enrolment(**changes), SILENT).permit is permitted


def test_an_enrolment_adds_the_study_and_takes_nothing_away() -> None:
    odd = {"type": "permit", "extension": [{"url": "urn:x"}]}
    assert not answer(linked(provision=odd)[0], enrolment()).permit
    narrow = {"type": "permit", "code": concept(coding(DOMAIN, "lab"))}
    assert not answer(linked(provision=narrow)[0], enrolment()).permit


def test_an_enrolment_does_not_lend_the_study_to_a_consent_for_another() -> None:
    other = {"type": "permit", "extension": [{"url": STUDY, "valueReference": {"reference": "ResearchStudy/S2"}}]}
    below = {"type": "permit", "provision": [other]}
    assert not answer(linked(provision=other)[0], enrolment()).permit
    assert not answer(linked(provision=below)[0], enrolment()).permit


def test_only_consents_decide() -> None:
    stranger = consent(rule("deny")) | {"resourceType": "Contract"}
    assert answer(PERMIT, stranger).permit
