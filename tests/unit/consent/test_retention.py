"""What is kept after a withdrawal or the time of a Consent, and that it is told apart from what Consents permit."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.consent import ConsentRequest, compile_grants, decide, permits
from gateway.core.instants import FOREVER_AFTER, FOREVER_BEFORE, parse_interval
from gateway.core.resources import RETAIN, Placement
from gateway.core.types import Resource
from tests.compliance.decision_table import cases

CASE = next(case for case in cases() if case.id == "2")
GIVEN = CASE.consents[0]
AT = "2026-05-01T00:00:00Z"
UNDATED = (FOREVER_BEFORE, FOREVER_AFTER)


def withdrawn(mode: str = "no-further-use", at: str = AT, hold: str = "", **changes: Any) -> Resource:
    parts = [{"url": "mode", "valueCode": mode}, {"url": "at", "valueInstant": at}]
    parts += [{"url": "legalHold", "valueString": hold}] if hold else []
    url = "urn:trial-fhir-gateway:extension:withdrawal"
    return {**GIVEN, "status": "inactive", "extension": [{"url": url, "extension": parts}], **changes}


def until(end: str, **changes: Any) -> Resource:
    return {**GIVEN, "provision": GIVEN["provision"] | {"period": {"end": end}}, **changes}


def is_kept(*consents: Resource, now: str = "2026-06-01T12:00:00Z", when: str = "", **policy: Any) -> bool:
    """What the specification and the boxes say alike of data of a day, "" for undated."""
    at, day = parse_interval(now), parse_interval(when)
    assert at
    low, high = (day.low, day.high) if day else UNDATED
    asked = ConsentRequest("anybody", RETAIN, "HCOMPL", at.low)
    placed = Placement(("P1",), ("heart",), low=low, high=high)
    known = replace(CASE.policy, **policy)
    answer = decide(consents, asked, placed, known)
    assert permits(compile_grants("P1", consents, known), asked, placed) is answer.permit
    assert answer.reason == ("consent.retained" if answer.permit else "consent.not-retained")
    assert bool(answer.consents) is answer.permit
    return answer.permit


@pytest.mark.parametrize(
    ("consent", "kept"),
    [
        (GIVEN, False),
        (withdrawn(), True),
        (withdrawn("delete"), True),
        (withdrawn("delete", hold="a court's order"), True),
        (withdrawn("stop-collection"), False),
        (withdrawn("pause"), True),
        ({**GIVEN, "status": "inactive"}, True),
        ({**GIVEN, "status": "rejected"}, False),
        ({**GIVEN, "status": "entered-in-error"}, False),
        (withdrawn(scope={"coding": [{"code": "treatment"}]}), False),
        (withdrawn(provision={"type": "permit"}), False),
        (withdrawn(provision=GIVEN["provision"] | {"type": "deny"}), False),
        (withdrawn(patient={"reference": "Patient/P2"}), False),
        ({**GIVEN, "provision": GIVEN["provision"] | {"type": "deny"}}, False),
    ],
    ids=[
        "in force", "no further use", "delete", "held", "stop", "unknown mode", "no mode", "rejected", "in error",
        "treatment", "of no study", "dissent", "of another", "dissent in force",
    ],
)  # fmt: skip
@pytest.mark.parametrize("when", ["2026-03-01", "2026-05-20", ""])
def test_what_is_kept_of_one_consent(consent: Resource, when: str, *, kept: bool) -> None:
    assert is_kept(consent, when=when) is kept


def test_nobody_else_sees_what_is_kept_and_who_keeps_it_sees_nothing_else() -> None:
    for action in ("access", "collect", "disclose"):
        asked = replace(CASE.request, action=action)
        assert not permits(compile_grants("P1", [withdrawn()], CASE.policy), asked, CASE.placement)
        assert not decide([withdrawn()], asked, CASE.placement, CASE.policy).permit
    assert not is_kept(GIVEN, when="2026-03-01")


@pytest.mark.parametrize(("when", "kept"), [("2026-03-01", True), ("2026-05-20", False), ("", False)])
def test_beside_another_consent_only_what_is_from_before_the_withdrawal(when: str, *, kept: bool) -> None:
    again = {**GIVEN, "id": "again", "dateTime": "2026-05-10"}
    assert is_kept(withdrawn(), again, when=when) is kept
    assert not is_kept({**GIVEN, "status": "inactive"}, again, when=when)
    assert is_kept(withdrawn(), {**again, "provision": {"type": "deny"}}, when=when)


@pytest.mark.parametrize("when", ["2026-03-01", ""])
def test_what_a_newer_consent_replaced_is_not_withdrawn(when: str) -> None:
    old = {**GIVEN, "status": "inactive", "policy": [{"uri": "urn:p"}]}
    new = {**GIVEN, "id": "new", "dateTime": "2026-02-01", "policy": [{"uri": "urn:p"}]}
    assert not is_kept(old, new, when=when)
    assert not is_kept(until("2026-05-01", policy=[{"uri": "urn:p"}]), new, when=when)
    assert is_kept(withdrawn(policy=[{"uri": "urn:p"}]), new, when="2026-03-01")
    assert is_kept(old, {**new, "provision": GIVEN["provision"] | {"type": "deny"}}, when=when)


def test_a_consent_that_is_over_leaves_its_data_to_who_keeps_them() -> None:
    over = until("2026-05-31")
    assert is_kept(over, when="2026-03-01")
    assert is_kept(over)
    assert not is_kept(over, now="2026-05-31T23:59:59Z", when="2026-03-01")
    assert not is_kept(over, when="2026-03-01", retains_expired=True)
    assert is_kept(withdrawn(), until("2026-05-15", id="c2"), when="2026-05-20")
    assert not is_kept(over, until("2026-06-30", id="c2"), when="2026-06-01")
    assert is_kept(over, until("2026-05-31", id="c2"))
    assert is_kept(over, now="2026-06-01T00:00:00Z", when="2026-03-01")
    assert is_kept(over, until("2026-06-30", id="c2"), when="2026-05-31")
    assert is_kept(over, until("2026-05-30", id="c2"))


def test_everybody_whom_a_resource_is_about_must_have_withdrawn() -> None:
    both = Placement(("P1", "P2"), ("heart",))
    other = withdrawn(id="c2", patient={"reference": "Patient/P2"})
    asked = ConsentRequest("anybody", RETAIN, "", CASE.request.now)
    for consents, kept in (([withdrawn()], False), ([withdrawn(), other], True)):
        answer = decide(consents, asked, both, CASE.policy)
        assert answer.permit is kept
        assert (
            permits(
                [*compile_grants("P1", consents, CASE.policy), *compile_grants("P2", consents, CASE.policy)],
                asked,
                both,
            )
            is kept
        )
    told = {(reason.subject, reason.domain, reason.provision, reason.permits) for reason in answer.reasons}
    assert told == {("P1", "", "Consent", True), ("P2", "", "Consent", True)}


def test_what_is_of_the_study_or_of_nobody() -> None:
    asked = ConsentRequest("anybody", RETAIN, "", CASE.request.now)
    assert decide([], asked, Placement(study_level=True), CASE.policy).permit
    assert decide([withdrawn()], asked, Placement(), CASE.policy).reason == "consent.no-subject"
