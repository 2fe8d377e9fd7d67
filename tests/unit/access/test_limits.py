"""Scopes that reach some resources only, as limits and as the plain rule that the store is tested against."""

import pytest

from gateway.access import ScopeLimits
from gateway.access.scopes import may, require_scope, require_whole, types_within
from gateway.core.errors import Forbidden
from gateway.core.principal import Principal
from gateway.core.resources import Limit, Placement
from gateway.core.types import Resource
from gateway.definitions import r4
from gateway.search import Parameters
from gateway.search.query import Token, TokenClause

LIMITS = ScopeLimits(Parameters(r4()))
HEART: Resource = {
    "resourceType": "Observation",
    "id": "o",
    "status": "final",
    "code": {"coding": [{"code": "heart"}]},
}
STEPS: Resource = HEART | {"code": {"coding": [{"code": "steps"}]}}
MINE = Placement(("p1",))
QUERY = TokenClause("code", (Token(None, "heart"),))


def who(*scopes: str, patient: str = "p1") -> Principal:
    return Principal("app", "s1", "org", "researcher", "HRESCH", scopes, patient=patient)


def limits(*scopes: str, letters: str = "r", patient: str = "p1") -> tuple[Limit, ...] | None:
    return LIMITS.of(who(*scopes, patient=patient), letters)


def test_scopes_of_whole_types_set_no_limits() -> None:
    assert limits("system/Observation.rs", "user/*.r", "openid") is None
    assert limits() is None
    assert limits("patient/Observation.r", "system/*.r") is None


def test_a_scope_of_a_participant_is_about_that_one() -> None:
    assert limits("patient/*.rs") == (Limit("*", "p1"),)
    assert limits("patient/Observation.rs", "user/Device.r") == (Limit("Observation", "p1"), Limit("Device"))
    assert limits("patient/*.rs", patient="") == ()


def test_a_query_is_a_search() -> None:
    assert limits("user/Observation.rs?code=heart") == (Limit("Observation", "", (QUERY,)),)
    assert limits("patient/Observation.rs?code=heart") == (Limit("Observation", "p1", (QUERY,)),)
    both = limits("patient/Observation.rs?code=heart&status=final")
    assert both
    assert len(both[0].clauses) == 2


def test_only_scopes_that_allow_all_letters_count() -> None:
    scopes = ("patient/Observation.r", "patient/Device.s", "patient/Patient.rs")
    assert limits(*scopes, letters="r") == (Limit("Observation", "p1"), Limit("Patient", "p1"))
    assert limits(*scopes, letters="rs") == (Limit("Patient", "p1"),)
    assert limits(*scopes, letters="d") == ()
    assert limits("patient/Observation.r", "system/*.s", letters="r") == (Limit("Observation", "p1"),)
    assert limits("patient/Observation.r", "system/Device.r") == (Limit("Observation", "p1"), Limit("Device"))
    assert limits("patient/*.r", "patient/*.rs") == (Limit("*", "p1"),)


@pytest.mark.parametrize(
    "query",
    [
        *("subject:Patient.gender=male", "_has:Provenance:target:agent=x", "_include=Observation:subject"),
        *("_count=1", "_total=accurate", "_elements=id", "_sort=date", "_summary=count", "category=1&_count=0"),
        *("_type=Patient", "_type=Observation", "unknown=1", "category", "category=", "category:in=http://vs"),
        *("_text=x", "date=yesterday", "&", "code=%ff", "code=%ff%00", "code:below=1"),
        *("subject:not=x", "code=1&" * 11, "_id:not=x&subject.name=x"),
    ],
)
def test_a_query_that_cannot_be_kept_to_gives_nothing(query: str) -> None:
    text = f"user/Observation.rs?{query}"
    assert limits(text) == ()
    assert limits(text, "patient/Device.r") == (Limit("Device", "p1"),)
    assert not LIMITS.is_usable("", text)


@pytest.mark.parametrize(
    ("text", "is_usable"),
    [
        ("openid", True),
        ("user/Observation.rs?code:not=x", True),
        ("user/Observation.rs?" + "&".join(f"code={number}" for number in range(10)), True),
        ("user/Observation.rs?" + "&".join(f"code={number}" for number in range(11)), False),
        ("patient/*.rs", True),
        ("user/Nothing.rs", False),
        ("user/Resource.rs", False),
    ],
)
def test_what_can_be_kept_to(text: str, is_usable: bool) -> None:
    assert LIMITS.is_usable("", text) is is_usable


def test_a_study_without_parameters_of_its_own_asks_by_those_of_all() -> None:
    assert LIMITS.of_study("s1") is LIMITS


@pytest.mark.parametrize(
    ("limit", "resource", "placement", "is_permitted"),
    [
        (Limit("*"), HEART, MINE, True),
        (Limit("Observation"), HEART, MINE, True),
        (Limit("Device"), HEART, MINE, False),
        (Limit("*", "p1"), HEART, MINE, True),
        (Limit("*", "p2"), HEART, MINE, False),
        (Limit("*", "p1"), HEART, Placement(("p1", "p2")), False),
        (Limit("*", "p1"), HEART, Placement(("p1", "p1")), True),
        (Limit("*", "p1"), HEART, Placement(("p1",), study_level=True), False),
        (Limit("*", "p1"), HEART, Placement(study_level=True), False),
        (Limit("*", "p1"), HEART, Placement(), False),
        (Limit("*"), HEART, Placement(study_level=True), True),
        (Limit("Observation", "", (QUERY,)), HEART, MINE, True),
        (Limit("Observation", "", (QUERY,)), STEPS, MINE, False),
        (Limit("Observation", "p2", (QUERY,)), HEART, MINE, False),
        (Limit("Observation", "p1", (QUERY, QUERY)), HEART, MINE, True),
    ],
)
def test_the_rule_itself(limit: Limit, resource: Resource, placement: Placement, is_permitted: bool) -> None:
    assert LIMITS.permits((limit,), resource, placement) is is_permitted
    assert LIMITS.permits((Limit("Device"), limit), resource, placement) is is_permitted


def test_no_limit_permits_nothing_and_none_at_all_everything() -> None:
    assert LIMITS.permits(None, HEART, MINE)
    assert not LIMITS.permits((), HEART, MINE)


def test_interactions_need_each_letter() -> None:
    one = who("patient/Observation.rs", "system/Device.r", "system/*.c")
    assert may(one, "Observation", "r", "s")
    assert not may(one, "Observation", "r", "u")
    assert not may(one, "Device", "s")
    require_scope(one, "Observation", "r", "s", "c")
    require_whole(one, "Device", "r", "c")
    with pytest.raises(Forbidden, match=r"auth\.scope") as refused:
        require_scope(one, "Device", "r", "u")
    assert "update on Device" in refused.value.issues[0].message
    with pytest.raises(Forbidden, match=r"auth\.scope") as refused:
        require_whole(one, "Observation", "c", "r")
    assert "read on Observation" in refused.value.issues[0].message


@pytest.mark.parametrize(
    ("letter", "name"), [("c", "create"), ("r", "read"), ("u", "update"), ("d", "delete"), ("s", "search")]
)
def test_a_refusal_names_the_interaction(letter: str, name: str) -> None:
    for require in (require_scope, require_whole):
        with pytest.raises(Forbidden) as refused:
            require(who(), "Device", letter)
        assert f"{name} on Device" in refused.value.issues[0].message


def test_the_types_that_scopes_name() -> None:
    scopes = ("patient/Observation.rs?code=http://a.b/c", "system/Device.r", "user/Patient.read", "openid")
    assert types_within(who(*scopes), "r") == ("Device", "Observation", "Patient")
    assert types_within(who(*scopes), "r", "s") == ("Observation", "Patient")
    assert types_within(who(*scopes, "patient/*.s"), "s") is None
    assert types_within(who("system/*.c", "system/Device.r"), "r") == ("Device",)
    assert types_within(who(), "r") == ()


@pytest.mark.parametrize(
    ("limit", "placement", "permitted"),
    [
        (Limit("*", among=frozenset({"p1"})), MINE, True),
        (Limit("*", among=frozenset({"p1"})), Placement(("p1", "p2")), False),
        (Limit("*", among=frozenset({"p1", "p2"})), Placement(("p1", "p2")), True),
        (Limit("*", among=frozenset({"p2"})), MINE, False),
        (Limit("*", among=frozenset({"p1"})), Placement(), False),
        (Limit("*", among=frozenset({"p1"})), Placement(study_level=True), True),
        (Limit("*", without_consent=True), MINE, True),
    ],
)
def test_limits_to_some_participants_and_past_consents(
    limit: Limit, placement: Placement, *, permitted: bool
) -> None:
    assert LIMITS.permits((limit,), HEART, placement) is permitted


def test_past_consents_no_consent_is_shown() -> None:
    consent: Resource = {"resourceType": "Consent", "id": "c", "status": "active"}
    assert not LIMITS.permits((Limit("*", without_consent=True),), consent, MINE)
    assert LIMITS.permits((Limit("*"),), consent, MINE)
