"""The boxes that SQL joins say exactly what the specification says, for random Consents, placements and requests."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from math import prod
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.consent import ConsentPolicy, ConsentRequest, compile_grants, decide, narrowing, permits
from gateway.core.instants import FOREVER_AFTER, FOREVER_BEFORE, parse_interval
from gateway.core.kinds import Kind, Part
from gateway.core.resources import RETAIN, Placement
from gateway.study.parts import CodeMeaning, PolicyCode

ORGANISATIONS = ("A", "B")
DOMAINS = ("heart", "lab")
PURPOSES = ("HRESCH", "CLINTRCH")
DAYS = tuple(f"2026-06-{day:02}" for day in range(1, 6))
POLICY = ConsentPolicy(
    frozenset({"ResearchStudy/S1"}),
    ZoneInfo("Europe/Madrid"),
    organisations=frozenset(ORGANISATIONS),
    domains=frozenset(DOMAINS),
    purposes=frozenset(PURPOSES),
    codes={
        "urn:a:policy|of the lab": PolicyCode(
            CodeMeaning(actions=("access",), domains=("lab",), data="in-period"),
            CodeMeaning(organisations=("A",), data="before-period"),
        )
    },
)
RETAINING = replace(POLICY, retains_expired=True)
"""The policy of a study that keeps what was permitted until a period ended."""

instants = [bound for day in DAYS if (found := parse_interval(day, POLICY.zone)) for bound in (found.low, found.high)]
moments = st.sampled_from(sorted({*instants, *(instant + 1 for instant in instants)}))


def concept(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


def some(values: Any) -> Any:
    return st.lists(values, min_size=1, max_size=2)


periods = st.tuples(st.sampled_from(DAYS), st.sampled_from(DAYS), st.sampled_from(("start", "end", "both"))).map(
    lambda found: {"start": min(found[:2]), "end": max(found[:2])} if found[2] == "both" else {found[2]: found[0]}
)
actors = st.sampled_from([f"Organization/{name}" for name in (*ORGANISATIONS, "elsewhere")] + ["Practitioner/1"]).map(
    lambda reference: {
        "role": concept("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "IRCP"),
        "reference": {"reference": reference},
    }
)
ACTION = "http://terminology.hl7.org/CodeSystem/consentaction"
actions = st.sampled_from(("access", "collect", "disclose", "use")).map(lambda code: concept(ACTION, code))
REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
purposes = st.sampled_from((*PURPOSES, "HMARKT")).map(lambda code: {"system": REASON, "code": code})
LOINC = "http://loinc.org"
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
SENSITIVITY = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
domains = st.sampled_from(
    [("urn:trial-fhir-gateway:data-domain", code) for code in DOMAINS]
    + [(LOINC, "8867-4"), (LOINC, "29463-7"), ("urn:a:policy", "8867-4"), ("urn:a:policy", "of the lab")]
)
TYPES = "http://hl7.org/fhir/resource-types"
classes = st.sampled_from([(TYPES, "Observation"), (TYPES, "Condition"), ("urn:x", "y")]).map(
    lambda pair: {"system": pair[0], "code": pair[1]}
)
labels = st.sampled_from([(CONFIDENTIALITY, "N"), (CONFIDENTIALITY, "R"), (SENSITIVITY, "PSY"), ("", "")]).map(
    lambda pair: {"system": pair[0], "code": pair[1]} if pair[0] else {"code": "?"}
)
instances = st.sampled_from([("instance", "Observation/1"), ("instance", "Observation/2"), ("related", "Patient/1")])
data = instances.map(lambda pair: {"meaning": pair[0], "reference": {"reference": pair[1]}})
STUDY = "http://hl7.org/fhir/StructureDefinition/consent-ResearchStudyContext"


def study(name: str) -> dict[str, Any]:
    return {"url": STUDY, "valueReference": {"reference": f"ResearchStudy/{name}"}}


CRITERIA = {
    "actor": some(actors),
    "action": some(actions),
    "purpose": some(purposes),
    "code": some(domains.map(lambda pair: concept(*pair))),
    "period": periods,
    "dataPeriod": periods,
    "class": some(classes),
    "securityLabel": some(labels),
    "data": some(data),
}


@st.composite
def provisions(draw: Any, level: int = 1) -> dict[str, Any]:
    tree: dict[str, Any] = {"type": draw(st.sampled_from(("permit", "permit", "deny")))}
    if draw(st.sampled_from((level == 1, level == 1, False))):
        tree["extension"] = [study(draw(st.sampled_from(("S1", "S1", "S1", "S2"))))]
    for name in draw(st.lists(st.sampled_from((*CRITERIA, "dataPeriod")), max_size=2, unique=True)):
        tree[name] = draw(CRITERIA[name])
    if level <= 3:
        children = draw(st.lists(st.deferred(lambda: provisions(level + 1)), max_size=2))
        if children:
            tree["provision"] = children
    return tree


def inside(provision: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield provision
    for child in provision.get("provision", ()):
        yield from inside(child)


def width(given: Iterable[dict[str, Any]]) -> int:
    """How many combinations there are of the values that Consents name. The time to compile them grows with it."""
    named: dict[str, set[str]] = {name: {""} for name in CRITERIA}
    for consent in given:
        for provision in inside(consent["provision"]):
            for name in CRITERIA.keys() & provision.keys():
                values = provision[name]
                named[name].update(map(repr, values if isinstance(values, list) else [values]))
    return prod(map(len, named.values()))


WIDEST = 2_048
"""Nine of ten lists of random Consents are narrower; each of the rest took seconds, a few of them minutes."""

BROAD = "urn:oid:2.16.840.1.113883.3.1937.777.24.2."
WITHDRAWING = ((f"{BROAD}2722",), (f"{BROAD}2723",))
"""Policies of documents by which participants withdraw, one for each of the modes."""

roots = provisions()
withdrawals = st.tuples(st.sampled_from(("stop-collection", "no-further-use")), st.sampled_from(DAYS)).map(
    lambda found: {
        "status": "inactive",
        "extension": [
            {
                "url": "urn:trial-fhir-gateway:extension:withdrawal",
                "extension": [
                    {"url": "mode", "valueCode": found[0]},
                    {"url": "at", "valueInstant": f"{found[1]}T12:00:00Z"},
                ],
            }
        ],
    }
)


@st.composite
def consents(draw: Any) -> dict[str, Any]:
    scope = draw(st.sampled_from(("research", "research", "research", "patient-privacy")))
    return {
        "resourceType": "Consent",
        "id": draw(st.sampled_from(("c1", "c2", "c3"))),
        "status": "active",
        "scope": concept("http://terminology.hl7.org/CodeSystem/consentscope", scope),
        "patient": {"reference": f"Patient/{draw(st.sampled_from(('P1', 'P1', 'P2')))}"},
        "dateTime": draw(st.sampled_from(("2026-01-01", "2026-01-01", DAYS[0], DAYS[3]))),
        "provision": draw(roots),
        "policy": [
            {"uri": uri} for uri in draw(st.sampled_from(((), (), ("urn:p",), ("urn:p", "urn:q"), *WITHDRAWING)))
        ],
    } | draw(st.just({}) | st.just({}) | withdrawals)


some_consents = st.lists(consents(), max_size=3).filter(lambda found: width(found) <= WIDEST)
requests = st.builds(
    ConsentRequest,
    organisation=st.sampled_from(ORGANISATIONS),
    action=st.sampled_from(("access", "collect", "disclose")),
    purpose=st.sampled_from((*PURPOSES, "")),
    now=moments,
)
keeping = requests.map(lambda request: replace(request, action=RETAIN))
"""What is asked by who must keep data."""


CODES = (f"{LOINC}|8867-4", f"{LOINC}|29463-7")
parts = st.builds(
    Part,
    st.sampled_from(("Observation", "Observation", "Condition")),
    codes=st.sampled_from(((), CODES[:1], CODES[:1], CODES)),
    mentions=st.sampled_from(((), (), CODES[1:])),
    uncoded=st.sampled_from((False, False, True)),
    labels=st.sampled_from(((), (f"{SENSITIVITY}|PSY",), (f"{CONFIDENTIALITY}|R",))),
    level=st.sampled_from((3, 3, 4, 5)),
)
kinds = parts.map(lambda part: Kind((part,), direct=True)) | st.lists(parts, max_size=2).map(
    lambda found: Kind(tuple(found))
)


@st.composite
def placements(draw: Any) -> Placement:
    low, high = FOREVER_BEFORE, FOREVER_AFTER
    if draw(st.integers(0, 4)):
        low, high = sorted((draw(moments), draw(moments)))
        high = max(high, low + 1)
    kind = draw(kinds)
    return Placement(
        draw(st.sampled_from((("P1",), ("P1",), ("P1",), ("P1", "P2"), ()))),
        draw(st.sampled_from((("",), ("heart",), ("lab",), ("heart", "lab")))),
        low=low,
        high=high,
        kind=kind,
        instance=draw(st.sampled_from(("Observation/1", "Observation/2", "Observation/3"))) if kind.direct else "",
    )


@settings(max_examples=60, deadline=None)
@given(
    some_consents,
    st.lists(st.tuples(requests | requests | keeping, placements()), min_size=8, max_size=12),
    st.sampled_from((POLICY, RETAINING)),
)
def test_a_row_lies_in_a_box_exactly_when_the_specification_permits_it(
    given_consents: list[dict[str, Any]], questions: list[tuple[ConsentRequest, Placement]], policy: ConsentPolicy
) -> None:
    grants = [grant for subject in ("P1", "P2") for grant in compile_grants(subject, given_consents, policy)]
    for request, placement in questions:
        expected = decide(given_consents, request, placement, policy)
        assert permits(grants, request, placement) == expected.permit, (request, placement, expected)


@settings(max_examples=60, deadline=None)
@given(some_consents, st.lists(st.tuples(requests, placements()), min_size=8, max_size=12))
def test_what_is_retained_was_permitted_once_and_takes_nothing_away(
    given_consents: list[dict[str, Any]], questions: list[tuple[ConsentRequest, Placement]]
) -> None:
    for request, placement in questions:
        now = decide(given_consents, request, placement, POLICY)
        kept = decide(given_consents, request, placement, RETAINING)
        assert kept.permit or not now.permit
        if kept.permit and not now.permit:
            assert request.action != "collect"
            if len(given_consents) == len(placement.subjects) == len(placement.domains) == 1:
                earlier = [replace(request, now=end - 1) for end in instants if end <= request.now]
                assert any(decide(given_consents, one, placement, POLICY).permit for one in earlier)


@settings(max_examples=20, deadline=None)
@given(some_consents, requests, placements())
def test_strangers_to_the_study_get_no_more_than_the_specification_permits(
    given_consents: list[dict[str, Any]], request: ConsentRequest, placement: Placement
) -> None:
    stranger = ConsentRequest("stranger", request.action, "HDIRECT", request.now)
    grants = [grant for subject in ("P1", "P2") for grant in compile_grants(subject, given_consents, POLICY)]
    if permits(grants, stranger, placement):
        assert decide(given_consents, stranger, placement, POLICY).permit


@settings(max_examples=40, deadline=None)
@given(
    some_consents,
    st.lists(st.tuples(requests, placements()), min_size=6, max_size=8),
    st.sampled_from((1, 100, 1_000, 10_000)),
)
def test_what_consents_say_beyond_the_bounds_is_given_up_alike_and_permits_nothing_more(
    given_consents: list[dict[str, Any]], questions: list[tuple[ConsentRequest, Placement]], bound: int
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(narrowing, "MAX_QUESTIONS", bound)
        grants = [grant for subject in ("P1", "P2") for grant in compile_grants(subject, given_consents, POLICY)]
        permitted = [one for one in questions if decide(given_consents, *one, POLICY).permit]
    assert [one for one in questions if permits(grants, *one)] == permitted
    assert all(decide(given_consents, *one, POLICY).permit for one in permitted)
