"""Which letter of a scope lets a write through: that of the interaction that asks for it, whatever comes of it."""

from typing import Any

import pytest

from gateway.access import Door, Write
from gateway.core.errors import FhirError, Forbidden, NotFound
from gateway.core.types import Resource
from gateway.rest.writing.steps import MakeStep, conditional_replacement, creation, new_id, replacement
from gateway.search import parse
from tests.unit.access.conftest import World
from tests.unit.access.observations import observation
from tests.unit.access.writers import WRITER, door


def asked(world: World, scope: str) -> Door:
    return door(world, WRITER, scopes=tuple(scope.split()))


def outcome(one: Door, step: MakeStep) -> str:
    """What a request comes to: what became of it, or the rule by which it is refused."""
    try:
        [done] = one.transact(lambda find: [step(find)], "update")
    except FhirError as refused:
        return refused.issues[0].rule
    assert done is not None
    return getattr(done, "outcome", "found")


@pytest.fixture
def own(world: World) -> Resource:
    return observation(world.person("101-001"), "o1")


@pytest.mark.parametrize(
    ("scope", "create", "put_new", "put_again"),
    [
        ("system/Observation.c", "created", "auth.scope", "auth.scope"),
        ("system/Observation.u", "auth.scope", "created", "updated"),
        ("system/Observation.cu", "created", "created", "updated"),
        ("system/Observation.u?status=final", "auth.scope", "created", "auth.scope"),
        ("system/Observation.c system/Observation.u?status=final", "created", "created", "auth.scope"),
        ("system/Observation.u system/Observation.c?status=amended", "auth.scope", "created", "updated"),
        ("system/Observation.rsd", "auth.scope", "auth.scope", "auth.scope"),
    ],
)
def test_an_update_is_one_also_where_it_creates(
    world: World, own: Resource, scope: str, create: str, put_new: str, put_again: str
) -> None:
    one = asked(world, scope)
    assert outcome(one, creation({**own, "id": new_id()})) == create
    assert outcome(one, replacement(own)) == put_new
    world.door("registrar").commit([own])
    assert outcome(one, replacement(own | {"status": "amended"})) == put_again


def test_a_conditional_update_that_finds_nothing_is_an_update(world: World, own: Resource) -> None:
    where = parse("Observation", [("identifier", "urn:test|1")], world.parameters)
    named = {**own, "identifier": [{"system": "urn:test", "value": "1"}]}
    bare = {name: value for name, value in named.items() if name != "id"}
    assert outcome(asked(world, "system/Observation.crs"), conditional_replacement(bare, where)) == "auth.scope"
    assert outcome(asked(world, "system/Observation.rus"), conditional_replacement(bare, where)) == "created"
    assert outcome(asked(world, "system/Observation.rus"), conditional_replacement(bare, where)) == "unchanged"


def test_an_update_within_limits_tells_nothing_of_what_is_beyond_them(world: World, own: Resource) -> None:
    world.door("registrar").commit([own | {"status": "amended"}])
    one = asked(world, "system/Observation.u?status=final")
    with pytest.raises(NotFound):
        one.transact(lambda _find: [Write(own, letter="u")], "update")


@pytest.mark.parametrize(("letter", "is_there"), [("u", False), ("c", True)])
def test_where_no_interaction_is_named_what_is_there_decides(
    world: World, own: Resource, letter: str, is_there: bool
) -> None:
    """As of what a source delivers: one that may only amend makes nothing new."""
    if is_there:
        world.door("registrar").commit([own])
    changed: dict[str, Any] = own | {"status": "amended"}
    with pytest.raises(Forbidden, match=r"auth\.scope"):
        asked(world, f"system/Observation.{letter}").commit([changed])
    other = "c" if letter == "u" else "u"
    [done] = asked(world, f"system/Observation.{other}").commit([changed])
    assert done.outcome == ("updated" if is_there else "created")
