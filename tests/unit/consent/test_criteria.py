"""Each criterion of a provision: what a permit with it permits, and what a deny with it denies."""

from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs

from gateway.consent import ConsentRequest
from gateway.consent.content import read_codes
from gateway.consent.criterion import Criterion
from gateway.core.kinds import CONFIDENTIALITY, LEVELS, Kind, KindTest, Part
from gateway.core.resources import Placement
from tests.compliance.decision_table import TERMINOLOGY
from tests.unit.consent.test_terms import ASKED, CASE, PERMIT, PLACED, answer, consent, rule

LOINC = "http://loinc.org"
MODIFIED = {"modifierExtension": [{"url": "urn:x"}]}
TYPES = "http://hl7.org/fhir/resource-types"
DOMAIN = "urn:trial-fhir-gateway:data-domain"
PULSE = Part("Observation", (f"{LOINC}|8867-4",), labels=("urn:l|a",))


def coding(system: str, code: str, **more: Any) -> dict[str, Any]:
    return {"system": system, "code": code, **more}


def concept(*codings: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    return [{"coding": list(codings), **more}]


def actor(organisation: str, role: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": {"coding": [role]}, "reference": {"reference": f"Organization/{organisation}"}}]


def instance(reference: str, meaning: Any = "instance", **more: Any) -> list[dict[str, Any]]:
    return [{"meaning": meaning, "reference": {"reference": reference}, **more}]


ACTION, PURPOSE = TERMINOLOGY + "consentaction", TERMINOLOGY + "v3-ActReason"
ROLES = TERMINOLOGY + "v3-ParticipationType"
SURE, NOT, DOUBT = (True, True), (False, False), (False, True)
"""Whether a permit with the criterion permits, and whether a deny with it denies."""

CRITERIA: dict[str, tuple[dict[str, Any], tuple[bool, bool]]] = {
    "its class": ({"class": [coding(TYPES, "Observation")]}, SURE),
    "another class": ({"class": [coding(TYPES, "Condition")]}, NOT),
    "a class of another system": ({"class": [coding("urn:x", "Observation")]}, DOUBT),
    "a class that is modified": ({"class": [coding(TYPES, "Observation", **MODIFIED)]}, DOUBT),
    "another class that is modified": ({"class": [coding(TYPES, "Condition", **MODIFIED)]}, DOUBT),
    "a class without a code": ({"class": [{"system": TYPES}]}, DOUBT),
    "classes that are none": ({"class": "x"}, DOUBT),
    "no class at all": ({"class": []}, DOUBT),
    "its label": ({"securityLabel": [coding("urn:l", "a")]}, SURE),
    "another label": ({"securityLabel": [coding("urn:l", "b")]}, NOT),
    "another label that is modified": ({"securityLabel": [coding("urn:l", "b", **MODIFIED)]}, DOUBT),
    "its level": ({"securityLabel": [coding(CONFIDENTIALITY, "N")]}, SURE),
    "a higher level": ({"securityLabel": [coding(CONFIDENTIALITY, "R")]}, (True, False)),
    "a lower level": ({"securityLabel": [coding(CONFIDENTIALITY, "L")]}, DOUBT),
    "a level that is not known": ({"securityLabel": [coding(CONFIDENTIALITY, "X")]}, DOUBT),
    "a higher level and one not known": (
        {"securityLabel": [coding(CONFIDENTIALITY, "R"), coding(CONFIDENTIALITY, "X")]},
        SURE,
    ),
    "its class, and another label": (
        {"class": [coding(TYPES, "Observation")], "securityLabel": [coding("urn:l", "b")]},
        NOT,
    ),
    "its code": ({"code": concept(coding(LOINC, "8867-4"))}, SURE),
    "another code": ({"code": concept(coding(LOINC, "8480-6"))}, NOT),
    "another code that is modified": ({"code": concept(coding(LOINC, "8480-6"), **MODIFIED)}, DOUBT),
    "a code of no vocabulary": ({"code": concept(coding("urn:x", "8480-6"))}, DOUBT),
    "another code, and one of no vocabulary": (
        {"code": concept(coding(LOINC, "8480-6"), coding("urn:x", "8480-6"))},
        DOUBT,
    ),
    "its domain": ({"code": concept(coding(DOMAIN, "heart"))}, SURE),
    "another domain": ({"code": concept(coding(DOMAIN, "lab"))}, NOT),
    "another domain or its code": ({"code": concept(coding(DOMAIN, "lab"), coding(LOINC, "8867-4"))}, SURE),
    "its domain or another code": ({"code": concept(coding(DOMAIN, "heart"), coding(LOINC, "8480-6"))}, SURE),
    "itself": ({"data": instance("Observation/o1")}, SURE),
    "another instance": ({"data": instance("Observation/o2")}, NOT),
    "another instance, modified": ({"data": instance("Observation/o2", **MODIFIED)}, DOUBT),
    "what relates to another": ({"data": instance("Observation/o2", "related")}, DOUBT),
    "an instance elsewhere": ({"data": instance("https://a.test/Observation/o2")}, DOUBT),
    "an instance of a version": ({"data": instance("Observation/o2/_history/1")}, DOUBT),
    "its action": ({"action": concept(coding(ACTION, "access"))}, SURE),
    "another action": ({"action": concept(coding(ACTION, "disclose"))}, NOT),
    "another action that is modified": ({"action": concept(coding(ACTION, "disclose"), **MODIFIED)}, DOUBT),
    "another action, its word in another system": (
        {"action": concept(coding("urn:x", "access"), coding(ACTION, "disclose"))},
        NOT,
    ),
    "its purpose": ({"purpose": [coding(PURPOSE, "HRESCH")]}, SURE),
    "another purpose": ({"purpose": [coding(PURPOSE, "TREAT")]}, NOT),
    "its purpose in another system": ({"purpose": [coding("urn:x", "HRESCH")]}, DOUBT),
    "any purpose, by a word of ours": ({"purpose": [coding(PURPOSE, "*")]}, NOT),
    "any domain, by a word of ours": ({"code": concept(coding(DOMAIN, "*"))}, NOT),
    "a purpose without a word": ({"purpose": [coding(PURPOSE, "")]}, NOT),
    "another actor that is modified": (
        {
            "actor": [
                {
                    "role": {"coding": [coding(ROLES, "IRCP")]},
                    "reference": {"reference": "Organization/B"},
                    **MODIFIED,
                }
            ]
        },
        DOUBT,
    ),
    "its actor": ({"actor": actor("A", coding(ROLES, "PRCP"))}, SURE),
    "its actor by a code of no system": ({"actor": actor("A", {"code": "IRCP"})}, SURE),
    "another actor": ({"actor": actor("B", coding(ROLES, "IRCP"))}, NOT),
    "its actor in a role of another system": ({"actor": actor("A", coding("urn:x", "IRCP"))}, DOUBT),
    "its actor in another role": ({"actor": actor("A", coding(ROLES, "CST"))}, DOUBT),
    "an actor that no text can name": ({"actor": actor("\0", coding(ROLES, "IRCP"))}, DOUBT),
    "a domain that no text can name": ({"code": concept(coding(DOMAIN, "\0"))}, DOUBT),
    "a purpose that no text can name": ({"purpose": [coding(PURPOSE, "\0")]}, DOUBT),
    "its domain or one that no text can name": (
        {"code": concept(coding(DOMAIN, "heart"), coding(DOMAIN, "heart\0"))},
        DOUBT,
    ),
}

OF_PULSE = structs.replace(PLACED, kind=Kind((PULSE,), True), instance="Observation/o1")


@pytest.mark.parametrize(("elements", "expected"), CRITERIA.values(), ids=CRITERIA.keys())
def test_what_a_criterion_permits_and_denies(elements: dict[str, Any], expected: tuple[bool, bool]) -> None:
    permitted = answer(consent(rule("permit", **elements)), placed=OF_PULSE).permit
    denied = not answer(PERMIT, consent(rule("deny", **elements)), placed=OF_PULSE).permit
    assert (permitted, denied) == expected


VOCABULARIES = (
    "http://loinc.org",
    "http://snomed.info/sct",
    "http://hl7.org/fhir/sid/icd-10",
    "http://terminology.hl7.org/CodeSystem/v3-ActCode",
    "http://www.nlm.nih.gov/research/umls/rxnorm",
    "http://www.whocc.no/atc",
    "http://fhir.de/CodeSystem/bfarm/ops",
    "urn:iso:std:iso:11073:10101",
)


@pytest.mark.parametrize("system", VOCABULARIES)
def test_codes_of_clinical_vocabularies_are_understood(system: str) -> None:
    placed = structs.replace(PLACED, kind=Kind((Part("Procedure", (f"{system}|1",)),), True), instance="Procedure/p")
    assert answer(consent(rule("permit", code=concept(coding(system, "1")))), placed=placed).permit
    assert answer(PERMIT, consent(rule("deny", code=concept(coding(system, "2")))), placed=placed).permit


NARROWER = (
    ("CLINTRCH", "HRESCH"),
    ("CLINTRCHNPC", "CLINTRCH"),
    ("CLINTRCHPC", "CLINTRCH"),
    ("PRECLINTRCH", "CLINTRCH"),
    ("DSRCH", "HRESCH"),
    ("POARCH", "HRESCH"),
    ("TRANSRCH", "HRESCH"),
    ("ETREAT", "TREAT"),
    ("BTG", "ETREAT"),
    ("CAREMGT", "TREAT"),
    ("CLINTRL", "TREAT"),
    ("POPHLTH", "TREAT"),
    ("CLINTRCHNPC", "HRESCH"),
    ("BTG", "TREAT"),
)
"""Purposes of use of v3-ActReason, and one above each."""


@pytest.mark.parametrize(("narrow", "broad"), NARROWER)
def test_a_deny_of_a_purpose_is_one_of_those_below_and_a_permit_is_not(narrow: str, broad: str) -> None:
    policy = replace(CASE.policy, purposes=frozenset({narrow, broad}))
    narrowly, broadly = replace(ASKED, purpose=narrow), replace(ASKED, purpose=broad)
    of_broad, of_narrow = {"purpose": [coding(PURPOSE, broad)]}, {"purpose": [coding(PURPOSE, narrow)]}
    assert not answer(PERMIT, consent(rule("deny", **of_broad)), asked=narrowly, policy=policy).permit
    assert answer(PERMIT, consent(rule("deny", **of_narrow)), asked=broadly, policy=policy).permit
    assert not answer(consent(rule("permit", **of_broad)), asked=narrowly, policy=policy).permit
    assert answer(consent(rule("permit", **of_broad)), asked=broadly, policy=policy).permit


def test_what_is_about_others_may_be_about_an_instance_that_is_denied() -> None:
    denied = consent(rule("deny", data=instance("Observation/o1")))
    about_others = structs.replace(PLACED, kind=Kind((PULSE,), False))
    assert not answer(PERMIT, denied, placed=about_others).permit
    assert not answer(consent(rule("permit", data=instance("Observation/o1"))), placed=about_others).permit
    for itself, permitted in (("Observation/o1", False), ("Observation/o3", True)):
        assert answer(PERMIT, denied, placed=structs.replace(OF_PULSE, instance=itself)).permit is permitted


@pytest.mark.parametrize(
    ("elements", "asked", "placed"),
    [
        ({"purpose": [coding(PURPOSE, "TREAT")]}, replace(ASKED, purpose=""), PLACED),
        ({"code": concept(coding(DOMAIN, "lab"))}, ASKED, structs.replace(PLACED, domains=())),
    ],
    ids=["purpose", "domain"],
)
def test_who_tells_nothing_is_permitted_what_is_for_all(
    elements: dict[str, Any], asked: ConsentRequest, placed: Placement
) -> None:
    window = {"dataPeriod": {"start": "2026-03-01", "end": "2026-03-31"}}
    given = (consent(rule("permit", **window), id="c1"), consent(rule("permit", **elements)))
    assert answer(*given, asked=asked, placed=placed).permit
    day = 86_400_000_000
    later = structs.replace(placed, low=PLACED.low + 90 * day, high=PLACED.high + 90 * day)
    assert not answer(*given, asked=asked, placed=later).permit


@pytest.mark.parametrize(("level", "number"), LEVELS.items())
def test_a_permit_of_a_level_is_one_of_all_below_and_a_deny_one_of_all_above(level: str, number: int) -> None:
    labelled = {"securityLabel": [coding(CONFIDENTIALITY, level)]}
    for other in range(6):
        placed = structs.replace(OF_PULSE, kind=Kind((Part("Observation", level=other),), True))
        assert answer(consent(rule("permit", **labelled)), placed=placed).permit is (other <= number)
        assert answer(PERMIT, consent(rule("deny", **labelled)), placed=placed).permit is (other < number)


def test_domains_and_codes_of_one_element_are_told_apart() -> None:
    both = [*concept(coding(DOMAIN, "lab")), *concept(coding(LOINC, "1"), coding(DOMAIN, "heart"))]
    domains = Criterion(frozenset({"lab", "heart"}), False)
    assert read_codes(both, permits=True) == (domains, KindTest(True, codes=frozenset({f"{LOINC}|1"})))
    only = concept(coding(LOINC, "1"))
    assert read_codes(only, permits=False) == (None, KindTest(False, codes=frozenset({f"{LOINC}|1"})))
    assert read_codes(concept(coding(DOMAIN, "lab")), permits=True) == (Criterion(frozenset({"lab"}), False), None)
    assert read_codes(None, permits=True) == (None, None)
    assert read_codes([], permits=True) == (Criterion(frozenset(), True), None)


def test_a_placement_of_the_study_needs_no_consent() -> None:
    decided = answer(placed=Placement(study_level=True))
    assert (decided.permit, decided.reason) == (True, "consent.study-level")
    assert answer(placed=Placement(())).reason == "consent.no-subject"
