"""SMART scopes as text: what is understood, what it reaches, and what two lists have in common."""

import pytest

from gateway.auth.scopes import (
    IDENTITY,
    REGISTRY,
    Scope,
    narrowed,
    reaches_as_far,
    scope_allows,
    scope_reaches,
    understood,
)
from gateway.core.errors import BadRequest

QUERY = "category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory"


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("system/Observation.rs", Scope("Observation", "rs")),
        ("user/*.cruds", Scope("*", "cruds", "user")),
        ("patient/Observation.c", Scope("Observation", "c", "patient")),
        ("patient/Observation.read", Scope("Observation", "rs", "patient")),
        ("patient/*.write", Scope("*", "cud", "patient")),
        ("system/Device.*", Scope("Device", "cruds")),
        (f"patient/Observation.rs?{QUERY}", Scope("Observation", "rs", "patient", QUERY)),
        (f"system/Observation.s?{'q' * 500}", Scope("Observation", "s", "system", "q" * 500)),
    ],
)
def test_what_is_written_is_understood(text: str, scope: Scope) -> None:
    assert Scope.parse(text) == scope


@pytest.mark.parametrize(
    "text",
    [
        "",
        "openid",
        "launch/patient",
        "Observation.rs",
        "/Observation.rs",
        "users/Observation.rs",
        "Patient/Observation.rs",
        "patient/Observation",
        "patient/Observation.",
        "patient/Observation.sr",
        "patient/Observation.rr",
        "patient/Observation.x",
        "patient/Observation.readwrite",
        "patient/O.rs",
        "patient/observation.rs",
        f"patient/{'A' * 65}.rs",
        "patient/*.rs?category=a",
        "patient/Observation.read?category=a",
        "patient/Observation.*?category=a",
        "patient/Observation.rs?",
        "patient/Observation.rs?a b",
        'patient/Observation.rs?a"b',
        "patient/Observation.rs?a\\b",
        "patient/Observation.rs?\u00e4",
        f"patient/Observation.rs?{'q' * 501}",
        "patient/Observation.rs\n",
        " patient/Observation.rs",
    ],
)
def test_what_is_not_understood_permits_nothing(text: str) -> None:
    with pytest.raises(BadRequest, match=r"auth\.scope-syntax"):
        Scope.parse(text)
    assert not list(understood((text,)))
    assert not scope_allows((text,), "Observation", "r")
    assert not scope_reaches((text,), "Observation", "r")


@pytest.mark.parametrize(
    "text", ["system/Observation.r?code=1", "patient/Observation.rs", "user/*.cruds", "system/Device.u"]
)
def test_a_scope_is_written_as_it_is_read(text: str) -> None:
    assert str(Scope.parse(text)) == text


def test_a_whole_type_is_reached_without_a_query_and_a_participant_alone() -> None:
    wholes = {"system/Observation.r": True, "user/Observation.r": True, "patient/Observation.r": False}
    wholes |= {"system/Observation.r?code=1": False, "user/Observation.r?code=1": False}
    for text, is_whole in wholes.items():
        assert Scope.parse(text).is_whole is is_whole
        assert scope_allows((text,), "Observation", "r") is is_whole
        assert scope_reaches((text,), "Observation", "r")
        assert not scope_reaches((text,), "Observation", "s")
        assert not scope_reaches((text,), "Device", "r")
    assert scope_allows(("nonsense", "system/*.r"), "Device", "r")


@pytest.mark.parametrize(
    ("asked", "held", "both"),
    [
        ("system/Observation.rs", "system/*.cruds", "system/Observation.rs"),
        ("system/*.rs", "system/Observation.r system/Device.s", "system/Device.s system/Observation.r"),
        ("system/Observation.read", "system/Observation.r", "system/Observation.r"),
        ("system/Observation.rs", "system/Observation.cud", ""),
        ("system/Observation.rs", "system/Device.rs", ""),
        ("system/Observation.rs", "patient/Observation.rs user/Observation.rs", ""),
        ("patient/Observation.rs", "patient/*.read", "patient/Observation.rs"),
        ("patient/*.read", "patient/*.rs", "patient/*.rs"),
        ("user/Observation.rs?code=1", "user/Observation.r", "user/Observation.r?code=1"),
        ("user/Observation.rs", "user/Observation.r?code=1", "user/Observation.r?code=1"),
        ("user/Observation.r?code=1", "user/Observation.r?code=1", "user/Observation.r?code=1"),
        ("user/Observation.rs?code=1", "user/Observation.r?date=2", "user/Observation.r?code=1&date=2"),
        ("user/Observation.rs?code=1", "user/Observation.r?code=1", "user/Observation.r?code=1"),
        ("user/*.rs", "user/Observation.r?code=1", "user/Observation.r?code=1"),
        ("openid fhirUser", "openid", "openid"),
        ("openid launch/patient", "openid launch/patient", "openid launch/patient"),
        ("nonsense", "nonsense", ""),
        ("system/Observation.rs", "nonsense", ""),
        ("system/B.r system/A.r", "system/*.r", ""),
        ("system/Bb.r system/Aa.r", "system/*.r", "system/Bb.r system/Aa.r"),
    ],
)
def test_what_two_lists_have_in_common(asked: str, held: str, both: str) -> None:
    assert narrowed(asked.split(), held.split()) == tuple(both.split())


LAB, VITAL = "system/Observation.rs?category=laboratory", "system/Observation.rs?category=vital-signs"


@pytest.mark.parametrize(
    ("scopes", "others", "as_far"),
    [
        (["system/*.rs"], ["system/Observation.rs"], True),
        (["system/Observation.rs"], ["system/*.rs"], True),
        (["system/Observation.rs"], [LAB, VITAL], True),
        ([LAB], ["system/Observation.rs"], False),
        ([LAB], ["system/*.rs"], False),
        ([LAB], [LAB], True),
        ([LAB], [LAB, VITAL], False),
        ([LAB, VITAL], [LAB], True),
        ([LAB, "system/Observation.r"], ["system/Observation.rs"], False),
        (["system/Observation.r"], ["system/Observation.rs"], False),
        (["patient/Observation.rs"], ["system/Observation.rs"], False),
        (["patient/Observation.rs"], ["patient/Observation.rs"], True),
        (["system/Device.rs"], ["system/Device.rs"], False),
        (["system/Observation.rs", "x"], ["y"], True),
        ([], ["system/Observation.rs"], False),
    ],
    ids=str,
)
def test_scopes_that_reach_as_far_as_others(scopes: list[str], others: list[str], as_far: bool) -> None:
    assert reaches_as_far(scopes, others, "Observation", "rs") is as_far


def test_identity_is_no_scope_of_resources() -> None:
    assert {"openid", "fhirUser", "profile", "launch", "launch/patient", "offline_access"} == IDENTITY
    assert not list(understood(IDENTITY))


def test_the_words_of_the_registry_are_no_scopes_of_resources() -> None:
    assert {"__clientRegistry.read", "__clientRegistry.manage"} == REGISTRY
    assert not list(understood(REGISTRY))


def test_a_scope_that_is_made_says_for_itself_what_is_left_out() -> None:
    assert Scope("Observation", "r") == Scope("Observation", "r", "system", "") == Scope.parse("system/Observation.r")
