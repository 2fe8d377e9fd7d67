"""Codes of a policy in provisions: read as what a study says that they mean, and by nobody where it says nothing."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.consent import ConsentPolicy, compile_grants, decide, is_left, permits
from gateway.consent.broad_consent import broad_codes
from gateway.core.instants import FOREVER_AFTER, FOREVER_BEFORE, parse_interval
from gateway.core.kinds import Kind, Part
from gateway.core.resources import Placement
from gateway.core.types import Resource
from gateway.study.parts import BroadConsent, CodeMeaning, PolicyCode
from tests.compliance.decision_table import STUDY, cases

CASE = next(case for case in cases() if case.id == "2")
SYSTEM = "2.16.840.1.113883.3.1937.777.24.5.3"
OURS = {"url": STUDY, "valueReference": {"reference": "ResearchStudy/S1"}}
PATIENT_DATA = ("6", "7", "8", "9", "37")
RETROSPECTIVE = ("45", "46", "47")
INSURER = ("11", "12", "13")
SAMPLES = ("19", "20", "22")
BROAD = BroadConsent(("A",), ("insurer-data", "biomaterial"))
POLICY = replace(CASE.policy, codes=broad_codes(BROAD, "AB"))
GIVEN, FIVE_YEARS, THIRTY_YEARS = "2026-01-15T10:00:00+01:00", "2031-01-15", "2056-01-15"


def coded(number: str, system: str = f"urn:oid:{SYSTEM}") -> dict[str, Any]:
    return {"coding": [{"system": system, "code": f"{SYSTEM}.{number}"}]}


def provision(kind: str, number: str, **elements: Any) -> Resource:
    end = FIVE_YEARS if number in ("6", "19") else THIRTY_YEARS
    return {"type": kind, "code": [coded(number)], "period": {"start": GIVEN, "end": end}} | elements


def consent(*provisions: Resource, kind: str = "deny") -> Resource:
    root = {"type": kind, "extension": [OURS], "provision": list(provisions)}
    return {**CASE.consents[0], "dateTime": "2026-01-15", "provision": root}


def broad(permitted: tuple[str, ...], denied: tuple[str, ...] = ()) -> Resource:
    """A broad consent as it comes: a baseline of denial, and a provision for each policy."""
    return consent(*(provision("permit", one) for one in permitted), *(provision("deny", one) for one in denied))


def is_permitted(
    *consents: Resource, action: str = "access", now: str = "2026-06-01", when: str = "2026-03-01",
    organisation: str = "A", purpose: str = "HRESCH", domain: str = "heart", policy: ConsentPolicy = POLICY,
) -> bool:  # fmt: skip
    at, day = parse_interval(now), parse_interval(when)
    assert at
    asked = replace(CASE.request, action=action, now=at.low, organisation=organisation, purpose=purpose)
    low, high = (day.low, day.high) if day else (FOREVER_BEFORE, FOREVER_AFTER)
    kind = Kind((Part("Observation", ("http://loinc.org|8867-4",)),), direct=True)
    placed = Placement(("P1",), (domain,), low=low, high=high, kind=kind, instance="Observation/1")
    answer = decide(consents, asked, placed, policy).permit
    assert permits(compile_grants("P1", consents, policy), asked, placed) is answer
    return answer


AGREED = broad(PATIENT_DATA)
ALL = broad((*PATIENT_DATA, *RETROSPECTIVE))
PARTLY = broad(PATIENT_DATA, (*RETROSPECTIVE, *INSURER, *SAMPLES, "27", "49"))
STUDYS_OWN = {**CASE.consents[0], "id": "own"}


@pytest.mark.parametrize(
    ("given", "asked", "permitted"),
    [
        pytest.param(AGREED, {}, True, id="use of what was collected since"),
        pytest.param(AGREED, {"action": "disclose"}, True, id="export of what was collected since"),
        pytest.param(AGREED, {"action": "collect"}, True, id="collection"),
        pytest.param(AGREED, {"when": "2026-01-14"}, False, id="use of what was before"),
        pytest.param(AGREED, {"when": ""}, False, id="use of what has no time"),
        pytest.param(AGREED, {"action": "collect", "when": "2026-01-14"}, False, id="collection of what was before"),
        pytest.param(AGREED, {"action": "collect", "now": "2031-02-01"}, False, id="collection after five years"),
        pytest.param(AGREED, {"now": "2031-02-01"}, True, id="use after five years"),
        pytest.param(AGREED, {"now": "2031-02-01", "when": "2031-01-20"}, False, id="use of what is from later"),
        pytest.param(AGREED, {"now": "2056-02-01"}, False, id="use after thirty years"),
        pytest.param(AGREED, {"purpose": "TREAT"}, False, id="use for care"),
        pytest.param(AGREED, {"organisation": "B"}, False, id="use where data are not protected as asked"),
        pytest.param(AGREED, {"organisation": "B", "action": "collect"}, True, id="collection by any organisation"),
        pytest.param(ALL, {"when": "2020-01-01"}, True, id="use of what was before"),
        pytest.param(ALL, {"when": "2020-01-01", "action": "collect"}, True, id="collection of what was before"),
        pytest.param(PARTLY, {}, True, id="other modules are refused"),
        pytest.param(PARTLY, {"when": "2020-01-01"}, False, id="what was before is refused"),
        pytest.param(PARTLY, {"when": "2020-01-01", "action": "collect"}, False, id="to collect what was before is"),
        pytest.param(broad((*PATIENT_DATA, "49")), {"organisation": "B"}, True, id="use elsewhere"),
        pytest.param(broad((*PATIENT_DATA, "49")), {"organisation": "B", "when": "2020-01-01"}, False, id="before"),
        pytest.param(broad(("8",)), {}, False, id="use without collection tells no time"),
        pytest.param(broad(("6",)), {}, False, id="collection alone is no use"),
        pytest.param(broad(("8", "27"), ("6",)), {}, False, id="collection refused"),
        pytest.param(broad(PATIENT_DATA, ("8",)), {}, False, id="use refused and given"),
        pytest.param(broad(PATIENT_DATA, ("7",)), {}, False, id="a refusal that is not understood"),
        pytest.param(broad(PATIENT_DATA, ("99",)), {}, False, id="a refusal that nobody knows"),
        pytest.param(broad(("7", "9", "37", "46", "47")), {}, False, id="what permits nothing here"),
    ],
)  # fmt: skip
def test_a_broad_consent(given: Resource, asked: dict[str, Any], permitted: bool) -> None:
    assert is_permitted(given, **asked) is permitted


@pytest.mark.parametrize(
    ("refused", "asked", "permitted"),
    [
        (("46",), {"when": "2026-01-14"}, False),
        (("47",), {"when": "2026-01-14"}, False),
        (("46",), {}, True),
        (("46",), {"when": ""}, False),
        (("46",), {"when": "2026-01-14", "action": "collect"}, True),
        (("45",), {"when": "2026-01-14", "action": "collect"}, False),
        (("45",), {"action": "collect"}, True),
        (("6",), {"action": "collect", "when": "2020-01-01"}, False),
        (("6",), {}, True),
        (("8",), {"when": "2020-01-01"}, False),
        (("8",), {"action": "collect"}, True),
        (("8",), {"purpose": "TREAT"}, True),
        (("8",), {"organisation": "B"}, False),
        (("49",), {"organisation": "B"}, False),
        (("49",), {}, True),
        (("27", "28", "29", "31", "37", *INSURER, *SAMPLES), {}, True),
    ],
    ids=str,
)
def test_a_refusal_takes_from_what_another_consent_permits(
    refused: tuple[str, ...], asked: dict[str, Any], permitted: bool
) -> None:
    assert is_permitted(STUDYS_OWN, broad(("37",), refused), **asked) is permitted


def test_who_agrees_to_be_asked_again_alone_consents_to_nothing_here() -> None:
    at = parse_interval("2026-06-01")
    assert at
    assert not is_left([broad(("27", "37"))], "P1", POLICY, at.low)
    assert is_left([AGREED], "P1", POLICY, at.low)


def test_without_a_word_of_the_study_nobody_understands_them() -> None:
    assert not is_permitted(AGREED, policy=CASE.policy)
    assert broad_codes(None, "AB") == {}
    held = replace(POLICY, codes=broad_codes(BroadConsent(("A",)), "AB"))
    assert not is_permitted(PARTLY, policy=held)
    assert is_permitted(broad(PATIENT_DATA, RETROSPECTIVE), policy=held)


def test_where_all_organisations_protect_data_a_refusal_for_others_is_of_nobody() -> None:
    everywhere = replace(POLICY, codes=broad_codes(BroadConsent(("A", "B")), "AB"))
    refused = broad(PATIENT_DATA, ("49",))
    assert is_permitted(refused, policy=everywhere)
    assert is_permitted(refused, organisation="B", policy=everywhere)
    assert not is_permitted(broad((*PATIENT_DATA[:1], "49")), organisation="B", policy=everywhere)


SIX, EIGHT = provision("permit", "6"), provision("permit", "8")
OBSERVATION = {"system": "http://hl7.org/fhir/resource-types", "code": "Observation"}


@pytest.mark.parametrize(
    ("provisions", "permitted"),
    [
        pytest.param((SIX, EIGHT), True, id="as it comes"),
        pytest.param((EIGHT, SIX), True, id="in any order"),
        pytest.param((SIX, {**EIGHT, "code": [coded("8"), coded("9")]}), False, id="one of two codes is not known"),
        pytest.param((SIX, {**EIGHT, "code": [coded("8"), coded("27")]}), True, id="two that are known"),
        pytest.param((SIX, {**EIGHT, "code": [coded("8", SYSTEM)]}), False, id="another system"),
        pytest.param(
            (SIX, {**EIGHT, "code": [{"coding": [*coded("8")["coding"], *coded("27")["coding"]]}]}), False,
            id="two codes for one thing",
        ),
        pytest.param((SIX, {**EIGHT, "code": [{**coded("8"), "modifierExtension": [{}]}]}), False, id="a modifier"),
        pytest.param((SIX, {**EIGHT, "code": coded("8")}), False, id="no list"),
        pytest.param((SIX, {**EIGHT, "code": [{"coding": ["8"]}]}), False, id="no coding"),
        pytest.param((SIX, {**EIGHT, "code": ["8"]}), False, id="no concept"),
        pytest.param((SIX, {**EIGHT, "type": "perhaps"}), False, id="no type that there is"),
        pytest.param((SIX, {**EIGHT, "action": []}), False, id="an element that the code stands for as well"),
        pytest.param((SIX, {**EIGHT, "dataPeriod": {"start": "2026-01-01"}}), False, id="a window of its own"),
        pytest.param((SIX, {**EIGHT, "class": [OBSERVATION]}), True, id="an element beside it"),
        pytest.param(({**SIX, "class": []}, EIGHT), False, id="collection of something alone tells no time"),
        pytest.param(({**SIX, "type": "deny"}, EIGHT), False, id="collection refused"),
        pytest.param(({**SIX, "period": {"start": "soon"}}, EIGHT), False, id="a period that is none"),
        pytest.param(({"type": "permit", "code": [coded("6")]}, EIGHT), False, id="no period"),
        pytest.param(({**SIX, "period": {"end": FIVE_YEARS}}, EIGHT), True, id="a period without a start"),
        pytest.param(({**SIX, "period": {"start": "2020-01-01", "end": "2026-03-01"}}, EIGHT), True, id="over since"),
        pytest.param(({**SIX, "period": {"start": "2020-01-01", "end": "2026-02-28"}}, EIGHT), False, id="earlier"),
    ],
)  # fmt: skip
def test_what_is_understood_of_a_provision(provisions: tuple[Resource, ...], permitted: bool) -> None:
    assert is_permitted(consent(*provisions)) is permitted


def test_a_permit_of_what_was_before_needs_to_know_before_what() -> None:
    retrospective = {"type": "permit", "code": [coded("45")], "period": {"end": THIRTY_YEARS}}
    assert not is_permitted(consent(retrospective), action="collect", when="2020-01-01")
    refused = consent({**retrospective, "type": "deny"}, provision("permit", "27"))
    assert not is_permitted(STUDYS_OWN, refused, action="collect")
    assert is_permitted(STUDYS_OWN, refused)


OWN = {
    "urn:p|any": PolicyCode(permit=CodeMeaning(), deny=CodeMeaning()),
    "urn:p|lab": PolicyCode(permit=CodeMeaning(domains=("lab",)), deny=CodeMeaning(domains=("lab",))),
    "urn:p|heart": PolicyCode(CodeMeaning(domains=("heart",), actions=("access",), types=("Observation",)), None),
    "urn:p|conditions": PolicyCode(CodeMeaning(types=("Condition",)), CodeMeaning(types=("Condition",))),
    "urn:p|care": PolicyCode(CodeMeaning(purposes=("TREAT",)), CodeMeaning(purposes=("TREAT",))),
}


@pytest.mark.parametrize(
    ("kind", "codes", "permitted"),
    [
        ("permit", ["any"], True),
        ("permit", ["lab"], False),
        ("permit", ["heart"], True),
        ("permit", ["lab", "heart"], True),
        ("permit", ["conditions", "care"], False),
        ("permit", [], False),
        ("deny", ["any"], False),
        ("deny", ["lab"], True),
        ("deny", ["heart"], False),
        ("deny", ["conditions", "care"], True),
        ("deny", ["conditions", "any"], False),
    ],
    ids=str,
)
def test_codes_of_a_study_s_own(kind: str, codes: list[str], permitted: bool) -> None:
    policy = replace(CASE.policy, codes=OWN)
    entries = [{"coding": [{"system": "urn:p", "code": code}]} for code in codes]
    below = consent({"type": kind, "code": entries}, kind="permit" if kind == "deny" else "deny")
    assert is_permitted(below, policy=policy) is permitted
    root = {"type": kind, "extension": [OURS], "code": entries}
    if kind == "permit" and len(codes) < 2:
        assert is_permitted({**below, "provision": root}, policy=policy) is permitted


def test_a_root_stands_for_one_thing_alone() -> None:
    policy = replace(CASE.policy, codes=OWN)
    entries = [{"coding": [{"system": "urn:p", "code": code}]} for code in ("any", "heart")]
    given = {**AGREED, "provision": {"type": "permit", "extension": [OURS], "code": entries}}
    assert not is_permitted(given, policy=policy)
    timed = {"urn:p|any": PolicyCode(CodeMeaning(data="in-period"))}
    given["provision"] |= {"code": entries[:1], "period": {"start": "2026-02-01"}}
    assert is_permitted(given, policy=replace(policy, codes=timed))
    assert not is_permitted(given, when="2026-01-20", policy=replace(policy, codes=timed))


def test_the_answer_tells_the_provision_as_it_is_written() -> None:
    at, day = parse_interval("2026-06-01"), parse_interval("2026-03-01")
    assert at
    assert day
    both = {**EIGHT, "code": [coded("27"), coded("28")]}
    asked = replace(CASE.request, now=at.low)
    placed = Placement(("P1",), ("heart",), low=day.low, high=day.high)
    found = decide([consent(both, SIX, EIGHT)], asked, placed, POLICY)
    assert [reason.provision for reason in found.reasons] == ["Consent.provision.provision[2]"]
