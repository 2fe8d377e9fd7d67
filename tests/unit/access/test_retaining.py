"""The door of a role that sees what is retained: that alone, to read and to search."""

from typing import Any

import pytest

from gateway.access import Delete, Door
from gateway.access.reading.retaining import OfRetained
from gateway.core.codec import loads
from gateway.core.errors import Forbidden, NotFound
from gateway.core.resources import Limit, Placement
from gateway.search import Query
from gateway.store import Page
from gateway.study import withdraw
from gateway.study.parts import Role
from tests.unit.access.conftest import World
from tests.unit.access.observations import observation

AT = "2026-05-01T00:00:00Z"
KEEPER = Role("keeper", ("system/*.cruds",), sees_retained=True)
ONE_TYPE = ("system/Observation.rs",)


def door(world: World, **changes: Any) -> Door:
    access, principal = world.acting(KEEPER, **changes)
    return access.door(principal)


@pytest.fixture
def kept(world: World) -> World:
    """The first participant withdrew, the second did not; both have an Observation."""
    one, two = world.person("101-001"), world.person("201-001")
    world.door("registrar").commit([observation(one), observation(two, "o2")])
    world.give(withdraw(world.consent_of(one), "no-further-use", AT))
    return world


@pytest.mark.parametrize("scopes", [KEEPER.scopes, ONE_TYPE], ids=["all", "one type"])
def test_it_reads_and_searches_what_is_retained(kept: World, scopes: tuple[str, ...]) -> None:
    keeper = door(kept, scopes=scopes)
    assert loads(keeper.read("Observation", "o1").body)["id"] == "o1"
    assert keeper.history("Observation", "o1").rows
    found = keeper.search(Query("Observation", total="accurate"), Page(10))
    assert ([row.key.id for row in found.rows], found.total) == (["o1"], 1)
    with pytest.raises(NotFound):
        keeper.read("Observation", "o2")


def test_it_does_nothing_else(kept: World) -> None:
    keeper, one = door(kept), kept.person("101-001")
    for change in (observation(one, status="amended"), observation(one, "new"), Delete("Observation", "o1")):
        with pytest.raises(Forbidden, match=r"consent\.retention-reads"):
            keeper.commit([change])
    assert list(keeper.stream("Observation")) == []
    for operation in ("bulk-export", "bulk-download"):
        with pytest.raises(Forbidden, match=r"consent\.retention-reads"):
            keeper.permit(operation, "Observation", "rs")
    keeper.permit("expand", "ValueSet")


def test_the_limits_of_a_keeper(kept: World) -> None:
    class Of:
        """Limits that say what they were asked."""

        def of(self, principal: Any, letters: str) -> tuple[Limit, ...] | None:
            return None if principal is None else (Limit("Observation", "p1"), Limit(letters))

        def permits(self, limits: Any, resource: Any, placement: Placement) -> bool:
            return limits is None and resource == {} and placement.study_level

    limits: Any = OfRetained(Of())
    whole = Limit("*", retained=True)
    assert limits.of(None, "r") == limits.of(None, "s") == (whole,)
    assert limits.of("x", "s") == (Limit("Observation", "p1", retained=True), Limit("s", retained=True))
    for letters in ("", "c", "u", "d", "rs", "sr"):
        assert limits.of(None, letters) == ()
    assert limits.permits(None, {}, Placement(study_level=True))
    assert not limits.permits((), {}, Placement(study_level=True))
