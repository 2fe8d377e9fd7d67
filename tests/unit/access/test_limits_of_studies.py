"""Scopes are read by the parameters of their study, each of them whole."""

import json
from pathlib import Path

import pytest

from gateway.access import ScopeLimits
from gateway.access.reading.limits import is_of_one
from gateway.core.principal import Principal
from gateway.definitions import Definitions
from gateway.search import Parameters, parse
from gateway.search.query import AnyClause

OWN = {
    "resourceType": "SearchParameter",
    "url": "urn:own:site-text",
    "name": "site-text",
    "status": "active",
    "code": "site-text",
    "base": ["Observation"],
    "type": "string",
    "expression": "Observation.bodySite.text",
}


def who(query: str) -> Principal:
    return Principal("app", "s1", "org", "researcher", "HRESCH", (f"user/Observation.rs?{query}",))


def test_a_study_asks_by_its_own_parameters_too(tmp_path: Path) -> None:
    folder = tmp_path / "studies" / "s1"
    folder.mkdir(parents=True)
    (folder / "site-text.json").write_text(json.dumps(OWN))
    limits = ScopeLimits(Parameters(Definitions.load(tmp_path)))
    own = limits.of_study("s1")
    assert own is limits.of_study("s1") is not limits
    assert limits.of_study("s2") is limits
    assert own.of(who("site-text=left"), "r")
    assert limits.of(who("site-text=left"), "r") == ()


@pytest.mark.parametrize(
    "query", ["status=final&code=", "status=final&code", "status=final&&code=x", "status=final&"]
)
def test_no_part_of_a_query_is_passed_over(parameters: Parameters, query: str) -> None:
    assert ScopeLimits(parameters).of(who(query), "r") == ()


@pytest.mark.parametrize(("asked", "is_one"), [("code=x", True), ("subject:Patient.gender=male", False)])
def test_one_of_several_is_of_one_resource_when_each_is(parameters: Parameters, asked: str, *, is_one: bool) -> None:
    (name, _, value), plain = asked.partition("="), parse("Observation", [("status", "final")], parameters).clauses
    found = parse("Observation", [(name, value)], parameters).clauses
    assert is_of_one(AnyClause((*plain, *found))) is is_one
