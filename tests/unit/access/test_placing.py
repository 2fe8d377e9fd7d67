"""Where a resource stands: whose, of which domains, from when; and what is about others stands where those stand."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.access.placing.places import HIDDEN, MAX_FOLLOWED, Placer
from gateway.access.placing.subjects import FOLLOWED, STUDY_LEVEL
from gateway.access.writing.gate import ENROLMENT, EXPORTING
from gateway.core.instants import parse_interval
from gateway.core.kinds import UNKNOWN, Kind, Part
from gateway.core.resources import Placement
from gateway.core.types import Resource
from gateway.study import Study
from gateway.study.parts import Rule
from tests.unit.access.observations import provenance

MARCH, APRIL = parse_interval("2026-03-01"), parse_interval("2026-04-01")
assert MARCH
assert APRIL
ONE = Placement(("a",), ("lab",), low=MARCH.low, high=MARCH.high, kind=Kind((Part("Observation"),), True))
TWO = Placement(("b", "a"), ("epro", "lab"), low=APRIL.low, high=APRIL.high, kind=Kind((Part("Condition"),), True))
KNOWN = {
    ("Observation", "one"): ONE,
    ("Condition", "two"): TWO,
    ("Organization", "org"): Placement(study_level=True),
    ("Observation", "hidden"): HIDDEN,
}


@pytest.fixture(scope="module")
def placer(study: Study) -> Placer:
    return Placer(study)


def place(placer: Placer, resource: Resource) -> Placement:
    return placer.place(resource, lambda kind, identity: KNOWN.get((kind, identity)))


def about(*targets: str, **more: Any) -> Resource:
    return provenance(*targets) | more


def test_what_is_about_one_stands_where_that_stands(placer: Placer) -> None:
    found = place(placer, about("Observation/one/_history/1"))
    assert (found.subjects, found.domains, found.low, found.high) == (("a",), ("lab",), ONE.low, ONE.high)
    assert (found.study_level, found.instance, found.kind) == (False, "", Kind((Part("Observation"),)))


def test_what_is_about_several_stands_where_all_stand_together(placer: Placer) -> None:
    assert MARCH
    assert APRIL
    for targets in (("Observation/one", "Condition/two"), ("Condition/two", "Organization/org", "Observation/one")):
        found = place(placer, about(*targets))
        assert (found.subjects, found.domains) == (("a", "b"), ("epro", "lab"))
        assert (found.low, found.high) == (MARCH.low, APRIL.high)
        assert {part.type for part in found.kind.parts} == {"Observation", "Condition"}


@pytest.mark.parametrize(
    "resource",
    [
        about("Observation/one", "Observation/none"),
        about("Observation/none", "Observation/one"),
        about("Observation/one", "https://a.test/Observation/one"),
        about("Observation/one", "Observation/hidden"),
        about("Observation/hidden"),
        about(),
        about("Observation/one", target=None),
        about("Observation/one", patient={"display": "x"}),
        about("Organization/org", entity=[{"what": {"reference": "https://a.test/Patient/x"}}]),
    ],
    ids=str,
)
def test_what_cannot_be_told_is_hidden(placer: Placer, resource: Resource) -> None:
    assert place(placer, resource) == HIDDEN


def test_what_is_about_the_study_is_of_the_study(placer: Placer) -> None:
    assert place(placer, about("Organization/org")) == Placement(study_level=True)
    found = place(placer, about("Organization/org", agent=[{"who": {"reference": "Patient/c"}}]))
    assert (found.subjects, found.study_level, found.domains) == (("c",), False, ("",))
    assert found.kind == Kind()
    assert (found.low, found.high) == (Placement().low, Placement().high)


def test_a_list_is_about_its_entries(placer: Placer) -> None:
    entries = [{"item": {"reference": "Observation/one"}}, {"item": {"reference": "Condition/two"}}]
    listed = {"resourceType": "List", "id": "l", "entry": entries, "subject": {"reference": "Patient/d"}}
    assert place(placer, listed).subjects == ("a", "b", "d")
    assert place(placer, listed | {"entry": []}) == HIDDEN


def test_who_else_is_named_counts_too(placer: Placer) -> None:
    found = place(placer, about("Observation/one", agent=[{"who": {"reference": "Patient/c"}}]))
    assert found.subjects == ("a", "c")


@pytest.mark.parametrize("kind", sorted(STUDY_LEVEL))
def test_types_of_the_study_are_of_the_study_while_they_name_nobody(placer: Placer, kind: str) -> None:
    assert place(placer, {"resourceType": kind, "id": "x"}) == Placement(study_level=True)
    named = place(placer, {"resourceType": kind, "id": "x", "contact": {"reference": "Patient/p"}})
    assert (named.study_level, named.subjects) == (False, ("p",))
    unclear = place(placer, {"resourceType": kind, "id": "x", "subject": {"display": "somebody"}})
    assert unclear == HIDDEN


def test_the_lists_of_types() -> None:
    assert len(STUDY_LEVEL) == 23
    assert FOLLOWED == {"Provenance": "target", "List": "entry"}
    assert {"Patient", "ResearchSubject", "Consent"} == ENROLMENT
    assert {"bulk-export", "bulk-download"} == EXPORTING
    assert (3, Placement(())) == (MAX_FOLLOWED, HIDDEN)


def test_data_of_nobody_are_hidden(placer: Placer) -> None:
    assert place(placer, {"resourceType": "Observation", "id": "x"}) == HIDDEN
    assert place(placer, {"resourceType": "Observation", "id": "x", "subject": {"display": "x"}}) == HIDDEN


def test_data_of_somebody_have_domains_time_kind_and_a_name(placer: Placer) -> None:
    assert MARCH
    resource = {
        "resourceType": "Observation",
        "id": "x",
        "subject": {"reference": "Patient/p"},
        "category": [{"coding": [{"code": code}]} for code in ("vital-signs", "laboratory")],
        "effectiveDateTime": "2026-03-01T00:00:00+01:00",
        "code": {"coding": [{"system": "s", "code": "c"}]},
    }
    found = place(placer, resource)
    assert (found.subjects, found.domains, found.instance) == (("p",), ("lab", "wearable"), "Observation/x")
    assert (found.study_level, found.kind.parts[0].codes, found.kind.direct) == (False, ("s|c",), True)
    assert found.low == MARCH.low - 3_600_000_000
    assert place(placer, resource | {"category": []}).domains == ("",)
    assert place(placer, resource | {"resourceType": "Device"}).domains == ("wearable",)
    assert found.kind != UNKNOWN


def test_a_domain_whose_rule_fails_is_in_doubt(study: Study) -> None:
    resource = {
        "resourceType": "Observation",
        "id": "x",
        "subject": {"reference": "Patient/p"},
        "component": [{}, {}],
    }
    failing, every = Rule("Observation", "component.single().exists()"), Rule("Observation")
    other = Rule("Observation", "component.empty()")
    for domains, expected in (
        ({"odd": (failing,)}, ("",)),
        ({"odd": (failing,), "all": (every,)}, ("", "all")),
        ({"none": (other,), "all": (every,)}, ("all",)),
        ({"none": (other,)}, ("",)),
        ({"two": (other, every)}, ("two",)),
    ):
        placed = Placer(replace(study, domains=domains)).place(resource, lambda *_: None)
        assert placed.domains == expected
