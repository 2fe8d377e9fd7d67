"""Data and definitions made to hurt: an answer in bounded time and space, and nothing of theirs in it."""

from collections.abc import Callable
from typing import Any

import pytest

from gateway.conformance import Validator
from gateway.core import Issue, Resource, loads
from gateway.core.errors import BadRequest
from gateway.definitions import Definitions, r4
from gateway.terminology import LocalTerminology
from tests.unit.conformance.test_profiles import PATIENT, PREFIX, Shelf, profile
from tests.unit.conformance.test_validator import VALIDATOR

LONG = "x" * 20_000_000
"""What is not linear in this takes hours."""


def within_bounds(found: list[Issue]) -> None:
    assert any(one.blocks for one in found)
    assert all(len(one.message) + len(one.expression) + len(one.hint) < 5000 for one in found)


@pytest.mark.parametrize(
    "parts",
    [
        lambda: {"birthDate": LONG},
        lambda: {"name": [{"family": LONG}]},
        lambda: {"name": [{LONG: 1}]},
        lambda: {"photo": [{"data": LONG}], "active": LONG},
        lambda: {"text": {"status": "generated", "div": LONG}},
        lambda: {"managingOrganization": {"reference": LONG}, "gender": LONG},
        lambda: {"meta": {"profile": ["urn:" + LONG]}, "active": 1},
    ],
)
def test_twenty_megabytes_in_one_text(parts: Callable[[], dict[str, Any]]) -> None:
    within_bounds(VALIDATOR.validate({"resourceType": "Patient", **parts()}))


def test_a_type_or_a_profile_of_twenty_megabytes() -> None:
    within_bounds(VALIDATOR.validate({"resourceType": LONG}))
    within_bounds(VALIDATOR.validate({"resourceType": "Patient"}, [LONG]))


def test_what_is_no_canonical_is_not_told() -> None:
    secret = "Jane Doe, born 1970"
    found = VALIDATOR.validate({"resourceType": "Patient", "meta": {"profile": [secret]}})
    assert found
    assert not any("Jane" in f"{one.message} {one.hint} {one.expression}" for one in found)


NESTS: list[tuple[str, Callable[[Resource], Resource]]] = [
    ("Questionnaire", lambda inner: {"linkId": "a", "type": "group", "item": [inner]}),
    ("Patient", lambda inner: {"resourceType": "Patient", "contained": [inner]}),
    ("Bundle", lambda inner: {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": inner}]}),
    ("Parameters", lambda inner: {"name": "a", "part": [inner]}),
]


@pytest.mark.parametrize(("kind", "around"), NESTS, ids=[kind for kind, _ in NESTS])
def test_ten_thousand_levels(kind: str, around: Callable[[Resource], Resource]) -> None:
    tree: Resource = {}
    for _ in range(10_000):
        tree = around(tree)
    assert any(one.blocks for one in VALIDATOR.validate({**tree, "resourceType": kind}))


def test_ten_thousand_brackets_are_refused_before_they_are_a_tree() -> None:
    with pytest.raises(BadRequest) as caught:
        loads(b'{"resourceType":"Patient","name":' + b"[" * 10_000 + b"]" * 10_000 + b"}")
    assert caught.value.issues[0].rule == "payload.too-deep"


def judged(*resources: Resource, subject: Resource = PATIENT, by: str = "urn:p") -> list[str]:
    definitions = Definitions.of(r4(), Shelf(*resources))
    validator = Validator(definitions, LocalTerminology(definitions))
    return [one.rule.removeprefix("conformance.") for one in validator.validate(subject, [by])]


def test_a_profile_that_contradicts_itself_can_be_kept_by_nobody() -> None:
    element = {"path": "Patient.identifier", "min": 3, "max": "0"}
    assert set(judged(profile("urn:p", PREFIX + "Patient", "Patient", element))) == {"minimum", "maximum"}


def test_a_fixed_value_and_a_pattern_that_differ() -> None:
    element = {"path": "Patient.birthDate", "fixedDate": "1950-01-01", "patternDate": "1960-01-01"}
    assert set(judged(profile("urn:p", PREFIX + "Patient", "Patient", element))) >= {"pattern"}


@pytest.mark.parametrize("slicing", [{"rules": "closed"}, {"rules": "closed", "discriminator": []}])
def test_slices_without_discriminators_are_told_apart_by_what_they_say(slicing: dict[str, Any]) -> None:
    elements = (
        {"path": "Patient.identifier", "slicing": slicing},
        {"path": "Patient.identifier", "sliceName": "a", "min": 1},
        {"path": "Patient.identifier.system", "fixedUri": "urn:a"},
    )
    study = profile("urn:p", PREFIX + "Patient", "Patient", *elements)
    sliced = {"resourceType": "Patient", "identifier": [{"system": "urn:a", "value": "1"}]}
    assert judged(study, subject=sliced) == []
    other = {"resourceType": "Patient", "identifier": [{"system": "urn:b", "value": "1"}]}
    assert set(judged(study, subject=other)) == {"slice-closed", "minimum"}


def test_a_profile_that_asks_for_itself_inside_ends() -> None:
    inner = {"path": "Patient.contained", "type": [{"code": "Resource", "profile": ["urn:p"]}]}
    study = profile("urn:p", PREFIX + "Patient", "Patient", inner, {"path": "Patient.gender", "min": 1})
    nested = {"resourceType": "Patient", "gender": "male", "contained": [{"resourceType": "Patient", "id": "a"}]}
    assert "minimum" in judged(study, subject=nested)


def test_profiles_of_each_other_on_the_same_element_end() -> None:
    first = profile("urn:p", PREFIX + "Patient", "Patient", {"path": "Patient.meta", "type": [
        {"code": "Meta", "profile": ["urn:m"]}]})  # fmt: skip
    second = profile("urn:m", "urn:n", "Meta", {"path": "Meta.tag", "min": 1})
    third = profile("urn:n", "urn:m", "Meta", {"path": "Meta.source", "min": 1})
    found = judged(first, second, third, subject={"resourceType": "Patient", "meta": {"versionId": "1"}})
    assert "minimum" in found


def test_value_sets_that_include_each_other_decide_nothing() -> None:
    def value_set(url: str, other: str) -> Resource:
        return {
            "resourceType": "ValueSet",
            "url": url,
            "status": "active",
            "compose": {"include": [{"valueSet": [other]}]},
        }

    bound = {"path": "Patient.gender", "binding": {"strength": "required", "valueSet": "urn:a"}}
    study = profile("urn:p", PREFIX + "Patient", "Patient", bound)
    found = judged(
        study, value_set("urn:a", "urn:b"), value_set("urn:b", "urn:a"), subject={**PATIENT, "gender": "male"}
    )
    assert set(found) & {"binding-required", "code-unchecked"}
