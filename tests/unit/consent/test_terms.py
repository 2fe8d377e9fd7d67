"""What is understood of a Consent: a permit with anything else permits nothing, a deny with it denies everything."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from gateway.consent import ConsentPolicy, ConsentRequest, Decision, compile_grants, decide, grant_compiler, permits
from gateway.core.instants import Interval, parse_interval
from gateway.core.resources import Placement
from gateway.core.types import Resource
from gateway.study import Study
from tests.compliance.decision_table import STUDY, TERMINOLOGY, cases

CASE = next(case for case in cases() if case.id == "2")
CONSENT: Resource = CASE.consents[0]
OURS = {"url": STUDY, "valueReference": {"reference": "ResearchStudy/S1"}}
RULE = TERMINOLOGY + "v3-ActCode"
FOLDER = Path(__file__).parents[3] / "profiles/studies/hf-dct-01"
WITHDRAWAL = "urn:trial-fhir-gateway:extension:withdrawal"


def interval(text: str) -> Interval:
    found = parse_interval(text)
    assert found
    return found


MARCH = interval("2026-03-01")
PLACED = Placement(("P1",), ("heart",), low=MARCH.low, high=MARCH.high)
ASKED = ConsentRequest("A", "access", "HRESCH", interval("2026-06-01T12:00:00Z").low)


def rule(kind: str, **elements: Any) -> Resource:
    return {"type": kind, "extension": [OURS]} | elements


def consent(root: Any, **elements: Any) -> Resource:
    return CONSENT | {"provision": root} | elements


def answer(
    *consents: Resource,
    asked: ConsentRequest = ASKED,
    placed: Placement = PLACED,
    policy: ConsentPolicy = CASE.policy,
) -> Decision:
    """What the specification says; the boxes say the same."""
    decided = decide(consents, asked, placed, policy)
    assert permits(compile_grants("P1", consents, policy), asked, placed) == decided.permit
    return decided


PERMIT = consent(rule("permit"), id="c1")

NOT_UNDERSTOOD: dict[str, dict[str, Any]] = {
    "an unknown element": {"expression": {}},
    "a modifier": {"modifierExtension": [{"url": "urn:x"}]},
    "an extension of another kind": {"extension": [OURS, {"url": "urn:x", "valueReference": OURS["valueReference"]}]},
    "an extension that is none": {"extension": [OURS, "x"]},
    "extensions that are none": {"extension": "x"},
    "children that are none": {"provision": [{"type": "permit"}, "x"]},
    "one child that is no list": {"provision": {"type": "permit"}},
    "a start that is no date": {"dataPeriod": {"start": "soon"}},
    "an end that is no date": {"dataPeriod": {"start": "2026-01-01", "end": "late"}},
    "an end before the start": {"dataPeriod": {"start": "2026-03-02", "end": "2026-03-01"}},
    "a period that is none": {"period": "2026"},
    "an empty period": {"period": {}},
    "a code of another system": {"code": [{"coding": [{"system": "urn:x", "code": "8867-4"}]}]},
    "no kind that there is": {"type": "perhaps"},
}


@pytest.mark.parametrize("elements", NOT_UNDERSTOOD.values(), ids=NOT_UNDERSTOOD.keys())
def test_what_is_not_understood_neither_permits_nor_passes(elements: dict[str, Any]) -> None:
    assert not answer(consent(rule("permit", **elements))).permit
    assert not answer(PERMIT, consent(rule("deny") | elements)).permit


UNDERSTOOD: dict[str, dict[str, Any]] = {
    "an id": {"id": "p"},
    "no children": {"provision": []},
    "the study twice": {"extension": [OURS, OURS]},
    "another study too": {"extension": [OURS, {"url": STUDY, "valueReference": {"reference": "ResearchStudy/S2"}}]},
    "a period": {"period": {"start": "2026-01-01"}},
    "an action": {"action": [{"coding": [{"system": TERMINOLOGY + "consentaction", "code": "access"}]}]},
}


@pytest.mark.parametrize("elements", UNDERSTOOD.values(), ids=UNDERSTOOD.keys())
def test_what_is_understood_does_not_disturb(elements: dict[str, Any]) -> None:
    assert answer(consent(rule("permit", **elements))).permit


@pytest.mark.parametrize("reference", ["Group/S1", 7, None, "S1"])
def test_a_study_that_cannot_be_told_may_be_ours_for_a_deny(reference: Any) -> None:
    extension = [{"url": STUDY, "valueReference": {"reference": reference}}]
    assert not answer(consent({"type": "permit", "extension": extension})).permit
    assert not answer(PERMIT, consent({"type": "deny", "extension": extension})).permit


def test_a_study_that_can_be_told_is_not_ours() -> None:
    extension = [{"url": STUDY, "valueReference": {"reference": "ResearchStudy/S2"}}]
    assert answer(PERMIT, consent({"type": "deny", "extension": extension})).permit


@pytest.mark.parametrize("element", ["modifierExtension", "implicitRules"])
def test_what_changes_the_meaning_of_all_is_not_understood(element: str) -> None:
    assert not answer(consent(rule("permit"), **{element: ["x"]})).permit


def linked(**elements: Any) -> tuple[Resource, Resource]:
    """A Consent that an enrolment links to the study, without a word of its own about it."""
    enrolment = {
        "resourceType": "ResearchSubject",
        "id": "s0",
        "study": {"reference": "ResearchStudy/S1"},
        "individual": {"reference": "Patient/P1"},
        "consent": {"reference": "Consent/c0"},
    }
    kept = {name: value for name, value in (CONSENT | elements).items() if value is not None}
    return kept, enrolment


def policy_rule(*codes: tuple[str, str]) -> Resource:
    return {"coding": [{"system": system, "code": code} for system, code in codes]}


@pytest.mark.parametrize(
    ("codes", "permitted"),
    [
        ([(RULE, "OPTIN")], True),
        ([(RULE, "OPTINR")], True),
        ([(RULE, "OPTIN"), (RULE, "OPTINR")], True),
        ([(RULE, "OPTIN"), ("urn:x", "OTHER")], True),
        ([(RULE, "OPTIN"), (RULE, "OPTOUT")], False),
        ([("urn:x", "OPTIN")], False),
        ([], False),
    ],
)
def test_an_assent_is_the_kind_of_a_root_without_one(codes: list[tuple[str, str]], permitted: bool) -> None:
    assert answer(*linked(provision=None, policyRule=policy_rule(*codes))).permit is permitted


@pytest.mark.parametrize("provision", ["x", [], {"_type": {}}, {"type": None}])
def test_a_root_that_is_not_understood_is_no_assent(provision: Any) -> None:
    assent = policy_rule((RULE, "OPTIN"))
    assert not answer(*linked(provision=provision, policyRule=assent)).permit


def scope(*codes: str, system: str = TERMINOLOGY + "consentscope") -> Resource:
    return {"coding": [{"system": system, "code": code} for code in codes]}


@pytest.mark.parametrize(
    ("codes", "vetoes"), [(["adr"], False), (["treatment"], False), (["adr", "treatment"], False),
                          (["adr", "research"], True), (["unknown"], True), ([], True)]
)  # fmt: skip
def test_dissents_of_other_scopes_say_nothing_here(codes: list[str], vetoes: bool) -> None:
    dissent = consent(rule("deny"), scope=scope(*codes))
    assert answer(PERMIT, dissent).permit is not vetoes


@pytest.mark.parametrize("given", [scope("research", "x"), scope("research", system="urn:x"), {}, None])
def test_only_research_alone_permits(given: Any) -> None:
    assert not answer(consent(rule("permit"), scope=given)).permit


def actor(reference: str = "Organization/A", role: str = "IRCP", **more: Any) -> dict[str, Any]:
    system = TERMINOLOGY + "v3-ParticipationType"
    return {"role": {"coding": [{"system": system, "code": role}]}, "reference": {"reference": reference}} | more


@pytest.mark.parametrize(
    ("found", "permitted"),
    [
        (actor(), True),
        (actor(role="PRCP"), True),
        (actor(role="AUT"), False),
        (actor("Organization/A/_history/1"), False),
        (actor("Organization/"), False),
        (actor("Practitioner/A"), False),
        (actor(modifierExtension=[{"url": "urn:x"}]), False),
        ({"reference": {"reference": "Organization/A"}}, False),
    ],
)
def test_actors_are_organisations_that_receive(found: dict[str, Any], permitted: bool) -> None:
    assert answer(consent(rule("permit", actor=[found]))).permit is permitted


def stopped(*withdrawals: tuple[str, str]) -> Resource:
    extensions = [
        {"url": WITHDRAWAL, "extension": [{"url": "mode", "valueCode": mode}, {"url": "at", "valueInstant": at}]}
        for mode, at in withdrawals
    ]
    return consent(rule("permit"), status="inactive", extension=extensions)


def test_a_stop_of_collection_holds_to_the_instant() -> None:
    at = "2026-03-02T00:00:00Z"
    given = stopped(("stop-collection", at))
    collect = replace(ASKED, action="collect")
    assert answer(given).permit  # the first of March ends as the stop begins
    assert not answer(given, placed=structs.replace(PLACED, high=PLACED.high + 1)).permit
    assert not answer(given, asked=replace(collect, now=interval(at).low)).permit
    assert answer(given, asked=replace(collect, now=interval(at).low - 1)).permit


def test_two_withdrawals_are_not_understood() -> None:
    at = "2026-03-02T00:00:00Z"
    assert not answer(stopped(("stop-collection", at), ("stop-collection", at))).permit


def test_a_consent_holds_from_its_instant_on() -> None:
    given = consent(rule("permit"), dateTime="2026-06-01T12:00:00Z")
    assert answer(given).permit
    assert not answer(given, asked=replace(ASKED, now=ASKED.now - 1)).permit


def test_a_newer_one_ends_the_older_at_its_instant() -> None:
    older = consent(rule("permit"), policy=[{"uri": "urn:p"}])
    newer = consent(rule("permit", purpose=[{"system": TERMINOLOGY + "v3-ActReason", "code": "TREAT"}]), id="c2",
                    policy=[{"uri": "urn:p"}], dateTime="2026-06-01T12:00:00Z")  # fmt: skip
    assert not answer(older, newer).permit
    assert answer(older, newer, asked=replace(ASKED, now=ASKED.now - 1)).permit


@pytest.mark.parametrize(
    ("window", "permitted"),
    [
        ({"end": "2026-02-28"}, True),
        ({"start": "2026-03-02"}, True),
        ({"start": "2026-05-01", "end": "2026-05-31"}, True),
        ({"end": "2026-03-01"}, False),
        ({"start": "2026-03-01"}, False),
        ({"start": "2026-03-01T12:00:00Z", "end": "2026-03-01T12:00:00Z"}, False),
    ],
)
def test_a_deny_of_a_window_spares_what_only_touches_it(window: dict[str, str], permitted: bool) -> None:
    denied = {"type": "deny", "dataPeriod": window}
    assert answer(consent(rule("permit", provision=[denied]))).permit is permitted


def test_an_instant_lies_in_the_window_that_begins_with_it() -> None:
    denied = {"type": "deny", "dataPeriod": {"start": "2026-03-01"}}
    point = structs.replace(PLACED, high=PLACED.low)
    assert not decide([consent(rule("permit", provision=[denied]))], ASKED, point, CASE.policy).permit


def test_a_permit_two_below_makes_a_baseline() -> None:
    lab = [{"coding": [{"system": "urn:trial-fhir-gateway:data-domain", "code": "lab"}]}]
    inner = {"type": "deny", "code": lab, "provision": [{"type": "permit", "code": lab}]}
    assert answer(PERMIT, consent(rule("deny", provision=[inner]))).permit


def test_the_place_and_version_of_the_reason_are_told() -> None:
    given = consent(rule("deny", provision=[{"type": "deny", "dataPeriod": {"start": "2027"}}, {"type": "permit"}]),
                    meta={"versionId": "3"})  # fmt: skip
    found = answer(given, placed=structs.replace(PLACED, domains=()))
    [reason] = found.reasons
    assert (found.reason, found.consents) == ("consent.permitted", ("Consent/c0/_history/3",))
    assert (reason.consent, reason.subject, reason.domain) == ("Consent/c0/_history/3", "P1", "")
    assert (reason.provision, reason.permits) == ("Consent.provision.provision[1]", True)
    refused = answer(PERMIT, consent(rule("deny")))
    assert (refused.reason, refused.consents) == ("consent.denied", ("Consent/c0",))
    assert [one.provision for one in refused.reasons] == ["Consent.provision"]
    assert answer().reason == "consent.not-permitted"


def test_the_compiler_of_the_store_knows_each_study() -> None:
    study = Study.load(FOLDER)
    compile_for = grant_compiler({study.id: study})
    assert compile_for(study.id, "P1", []) == ()
    [identity] = [{"reference": one} for one in sorted(ConsentPolicy.of(study).research_studies)][:1]
    given = consent({"type": "permit", "extension": [{"url": STUDY, "valueReference": identity}]})
    assert compile_for(study.id, "P1", [given]) == compile_grants("P1", [given], ConsentPolicy.of(study)) != ()


@pytest.mark.parametrize(("more", "counts"), [({}, True), ({"modifierExtension": [{"url": "urn:x"}]}, False)])
def test_a_verification_that_is_modified_verifies_nothing(more: dict[str, Any], counts: bool) -> None:
    verified = PERMIT | {"verification": [{"verified": True} | more]}
    assert answer(verified, policy=replace(CASE.policy, require_verified=True)).permit is counts
