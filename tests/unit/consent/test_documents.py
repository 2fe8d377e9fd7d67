"""Documents by which participants withdraw: what was given before is withdrawn, what is given later counts."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.consent import ConsentPolicy, ConsentRequest, compile_grants, decide, is_left, permits, withdraws
from gateway.consent.documents import mode_of
from gateway.consent.known_documents import known_documents
from gateway.core.instants import parse_interval
from gateway.core.resources import RETAIN, Placement
from gateway.core.types import Resource
from tests.compliance.decision_table import cases

CASE = next(case for case in cases() if case.id == "2")
GIVEN = CASE.consents[0]
BROAD = "2.16.840.1.113883.3.1937.777.24.2."
COMPLETE, PARTIAL = f"urn:oid:{BROAD}2722", f"urn:oid:{BROAD}2723"
CODE = {
    "coding": [
        {"system": "urn:oid:2.16.840.1.113883.3.1937.777.24.5.3", "code": "2.16.840.1.113883.3.1937.777.24.5.3.6"}
    ]
}


def document(uri: str = COMPLETE, **changes: Any) -> Resource:
    """A withdrawal as it comes: active, dated May, with nothing but denials, of no study."""
    provision = {"type": "deny", "provision": [{"type": "deny", "code": [CODE]}]}
    own = {"id": "document", "dateTime": "2026-05-01", "policy": [{"uri": uri}], "provision": provision}
    return {**GIVEN, **own, **changes}


def is_permitted(
    *consents: Resource, action: str = "access", now: str = "2026-06-01", when: str = "2026-03-01",
    policy: ConsentPolicy = CASE.policy,
) -> bool:  # fmt: skip
    at, day = parse_interval(now), parse_interval(when)
    assert at
    assert day
    asked = replace(CASE.request, action=action, now=at.low)
    placed = Placement(("P1",), ("heart",), low=day.low, high=day.high)
    answer = decide(consents, asked, placed, policy).permit
    assert permits(compile_grants("P1", consents, policy), asked, placed) is answer
    return answer


def test_the_documents_that_are_known() -> None:
    modes = {"no-further-use": ("2718", "2720", "2722"), "stop-collection": ("2719", "2721", "2723")}
    oids = {BROAD + number: mode for mode, numbers in modes.items() for number in numbers}
    assert known_documents.__wrapped__() == oids | {f"urn:oid:{oid}": mode for oid, mode in oids.items()}
    assert CASE.policy.documents == known_documents() == known_documents.__wrapped__()


@pytest.mark.parametrize(
    ("policy", "mode"),
    [
        ([{"uri": COMPLETE}], "no-further-use"),
        ([{"uri": COMPLETE.removeprefix("urn:oid:")}], "no-further-use"),
        ([{"uri": PARTIAL}], "stop-collection"),
        ([{"uri": PARTIAL}, {"uri": COMPLETE}], "no-further-use"),
        ([{"uri": f"urn:oid:{BROAD}2079"}], ""),
        ([{"authority": COMPLETE}], ""),
        ([{"uri": [COMPLETE]}, COMPLETE, None], ""),
        (COMPLETE, ""),
        (None, ""),
    ],
)
def test_the_mode_of_a_document(policy: Any, mode: str) -> None:
    assert mode_of({**GIVEN, "policy": policy}, known_documents()) == mode


def test_a_complete_withdrawal_ends_what_was_given_before() -> None:
    assert is_permitted(GIVEN)
    for action in ("access", "disclose", "collect"):
        assert not is_permitted(GIVEN, document(), action=action)
        assert is_permitted(GIVEN, document(), action=action, now="2026-04-30")
    assert not is_permitted({**GIVEN, "dateTime": "2026-05-01"}, document())


def test_who_consents_again_consents() -> None:
    again = {**GIVEN, "id": "again", "dateTime": "2026-05-02"}
    assert is_permitted(GIVEN, document(), again)
    assert is_permitted(GIVEN, document(), again, action="collect")
    dissent = {**GIVEN, "id": "dissent", "provision": {"type": "deny"}}
    assert not is_permitted(dissent, document(), again)


def test_a_partial_withdrawal_ends_collecting_and_denies_what_it_says() -> None:
    assert not is_permitted(GIVEN, document(PARTIAL))
    only = {"type": "deny", "action": [action("disclose")]}
    partial = document(PARTIAL, provision=only)
    assert is_permitted(GIVEN, partial)
    assert not is_permitted(GIVEN, partial, action="disclose")
    assert not is_permitted(GIVEN, partial, action="collect")
    assert not is_permitted(GIVEN, partial, when="2026-05-15")
    parts = [{"url": "mode", "valueCode": "stop-collection"}, {"url": "at", "valueInstant": "2026-02-01T00:00:00Z"}]
    closed = {"url": "urn:trial-fhir-gateway:extension:withdrawal", "extension": parts}
    stopped = {**GIVEN, "status": "inactive", "extension": [closed]}
    assert not is_permitted(stopped, partial)


def action(code: str) -> Resource:
    return {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentaction", "code": code}]}


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "draft"},
        {"status": "inactive"},
        {"status": "entered-in-error"},
        {"patient": {"reference": "Patient/P2"}},
        {
            "scope": {
                "coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "treatment"}]
            }
        },
        {"policy": [{"uri": "urn:another"}], "provision": {"type": "permit"}},
    ],
    ids=["draft", "inactive", "in error", "of another", "of treatment", "another document"],
)
def test_what_withdraws_nothing(changes: dict[str, Any]) -> None:
    assert is_permitted(GIVEN, document(**changes))


def test_a_document_of_another_study_withdraws_nothing_here() -> None:
    def of(study: str) -> Resource:
        url = "http://hl7.org/fhir/StructureDefinition/consent-ResearchStudyContext"
        named = [{"url": url, "valueReference": {"reference": study}}]
        return document(provision={"type": "deny", "extension": named})

    assert is_permitted(GIVEN, of("ResearchStudy/S2"))
    assert not is_permitted(GIVEN, of("ResearchStudy/S1"))
    assert not is_permitted(GIVEN, of("https://elsewhere.example/ResearchStudy/S1"))


def test_a_document_without_a_date_is_a_dissent() -> None:
    undated = {name: value for name, value in document().items() if name != "dateTime"}
    assert not is_permitted(GIVEN, undated)
    assert not is_permitted({**GIVEN, "dateTime": "2026-05-20"}, undated, when="2026-05-25")


def test_a_study_names_documents_of_its_own() -> None:
    policy = replace(CASE.policy, documents={"urn:ours": "no-further-use"})
    ours = document("urn:ours", provision={"type": "deny", "action": [action("collect")]})
    assert not is_permitted(GIVEN, ours, policy=policy)
    assert is_permitted(GIVEN, ours)
    assert withdraws(ours, policy.documents)
    assert not withdraws(ours, known_documents())
    assert not withdraws({**ours, "status": "draft"}, policy.documents)
    assert not withdraws(document(PARTIAL), known_documents())


def test_what_a_document_withdrew_is_kept_and_nobody_is_left() -> None:
    day, may, now = (parse_interval(f"2026-{month}-01") for month in ("03", "05", "06"))
    assert day
    assert may
    assert now
    asked = ConsentRequest("anybody", RETAIN, "HCOMPL", now.low)
    placed = Placement(("P1",), ("heart",), low=day.low, high=day.high)
    for retains in (False, True):
        policy = replace(CASE.policy, retains_expired=retains)
        for consents, kept in (([GIVEN], False), ([GIVEN, document()], True), ([GIVEN, document(PARTIAL)], False)):
            assert decide(consents, asked, placed, policy).permit is kept
            assert permits(compile_grants("P1", consents, policy), asked, placed) is kept
        early = replace(asked, now=day.low)
        assert not decide([GIVEN, document()], early, placed, policy).permit
        assert is_left([GIVEN], "P1", policy, now.low)
        assert not is_left([GIVEN, document()], "P1", policy, now.low)
        assert is_left([GIVEN, document()], "P1", policy, day.low)
        assert [is_left([GIVEN, document()], "P1", policy, at) for at in (may.low - 1, may.low)] == [True, False]


def test_retaining_does_not_outlive_a_document() -> None:
    policy = replace(CASE.policy, retains_expired=True)
    over = {**GIVEN, "provision": GIVEN["provision"] | {"period": {"end": "2026-04-15"}}}
    assert is_permitted(over, policy=policy)
    assert not is_permitted(over, document(), policy=policy)
