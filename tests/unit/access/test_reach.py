"""How far a search may reach: chains, `_has`, includes and untyped searches, by the scopes of each type."""

from typing import Any

import pytest

from gateway.access.reading.reach import narrowed
from gateway.core.errors import Forbidden
from gateway.core.principal import Principal
from gateway.definitions import r4
from gateway.search import Parameters, Query, parse
from gateway.search.query import AnyClause, ChainClause, HasClause, IdClause, Include, NotClause

PARAMETERS = Parameters(r4())
ID = IdClause(("1",))


def who(*scopes: str) -> Principal:
    return Principal("app", "s1", "org", "researcher", "HRESCH", scopes)


def reached(query: Query, *scopes: str) -> Query:
    return narrowed(query, who(*scopes))


def asked(type: str, *params: tuple[str, str]) -> Query:
    return parse(type, params, PARAMETERS)


def refused(query: Query, *scopes: str) -> str:
    with pytest.raises(Forbidden, match=r"auth\.scope") as found:
        reached(query, *scopes)
    return found.value.issues[0].message


def test_a_search_within_the_scopes_stays_as_it_is() -> None:
    query = asked("Observation", ("subject:Patient.gender", "male"), ("_include", "Observation:subject:Patient"))
    assert reached(query, "system/*.rs") is query
    assert reached(query, "patient/Observation.rs", "patient/Patient.rs") is query


def test_a_named_type_needs_its_scope() -> None:
    assert "search on Observation" in refused(asked("Observation"), "system/Observation.r")
    assert "search on Device" in refused(Query("", types=("Observation", "Device")), "system/Observation.s")
    assert reached(Query("", types=("Observation",)), "system/Observation.s").types == ("Observation",)


def test_a_search_of_all_types_is_one_of_those_that_may_be_searched() -> None:
    assert reached(Query(""), "system/Device.s", "system/Observation.r").types == ("Device",)
    assert reached(Query(""), "system/*.s").types == ()
    assert "any type" in refused(Query(""), "system/Observation.r")


@pytest.mark.parametrize("wrap", [lambda one: one, NotClause, lambda one: AnyClause((one,))])
def test_what_leads_to_another_type_needs_its_scope(wrap: Any) -> None:
    has = Query("Patient", (wrap(HasClause("Observation", "subject", ID)),))
    chain = Query("Observation", (wrap(ChainClause("subject", ("Patient",), ID)),))
    assert "search on Observation" in refused(has, "system/Patient.s", "system/Observation.r")
    assert "search on Patient" in refused(chain, "system/Observation.s", "system/Patient.r")
    for query in (has, chain):
        assert reached(query, "system/Patient.s", "system/Observation.s") == query


def test_what_leads_further_needs_the_scope_of_each_step() -> None:
    deeper = HasClause("Observation", "subject", ChainClause("device", ("Device",), ID))
    query = Query("Patient", (deeper,))
    assert "search on Device" in refused(query, "system/Patient.s", "system/Observation.s")
    chain = Query("Observation", (ChainClause("subject", ("Patient",), HasClause("Device", "patient", ID)),))
    assert "search on Device" in refused(chain, "system/Patient.s", "system/Observation.s")


def test_an_untyped_chain_goes_through_the_types_that_may_be_searched() -> None:
    chain = ChainClause("subject", ("Device", "Group", "Patient"), ID)
    found = reached(Query("Observation", (chain,)), "system/Observation.s", "system/Patient.s", "system/Group.s")
    assert found.clauses == (ChainClause("subject", ("Group", "Patient"), ID),)
    assert "search on Device" in refused(Query("Observation", (chain,)), "system/Observation.s")


def test_of_alternatives_those_that_may_be_asked_are_left() -> None:
    some = AnyClause((HasClause("Device", "patient", ID), ID, HasClause("Observation", "subject", ID)))
    query = Query("Patient", (some,))
    assert reached(query, "system/Patient.s").clauses == (AnyClause((ID,)),)
    both = AnyClause((HasClause("Device", "patient", ID), HasClause("Observation", "subject", ID)))
    assert "search on Observation" in refused(Query("Patient", (both,)), "system/Patient.s")
    nothing = Query("Patient", (AnyClause(()),))
    assert reached(nothing, "system/Patient.s") is nothing


def test_includes_of_what_may_not_be_read_are_left_out() -> None:
    forward, back = Include("Observation", "subject", "Patient"), Include("Provenance", "target", reverse=True)
    query = Query("Observation", includes=(forward, back))
    own = "system/Observation.rs"
    assert reached(query, own).includes == ()
    assert reached(query, own, "system/Patient.rs").includes == (forward,)
    assert reached(query, own, "system/Patient.r", "system/Provenance.s").includes == ()
    assert reached(query, own, "system/Provenance.rs").includes == (back,)


def test_an_include_of_any_type_is_one_of_each_that_may_be_read() -> None:
    anything = Include("Observation", "subject")
    query = Query("Observation", includes=(anything,))
    found = reached(query, "system/Observation.rs", "system/Patient.rs", "system/Device.s")
    assert found.includes == (
        Include("Observation", "subject", "Observation"),
        Include("Observation", "subject", "Patient"),
    )
    assert reached(query, "system/*.rs").includes == (anything,)
