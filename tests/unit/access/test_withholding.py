"""What is kept back from a reader, and why: each resource once, under its reason, with its participants."""

from typing import Any

import pytest

from gateway.access.reading.withholding import Kept, Withheld
from gateway.core.resources import Change, Key, Unit
from gateway.study.parts import Role
from tests.unit.access.conftest import World
from tests.unit.access.observations import observation, provenance

READS = ("system/*.rs",)
READER = Role("reader", READS)
KINDS = ("Observation", "Patient", "Organization", "Provenance", "Goal")


@pytest.fixture
def world(world: World) -> World:
    """Three Observations and a Provenance; the second participant lets another organisation alone read."""
    first, second = world.person("101-001"), world.person("201-001")
    world.door("registrar").commit(
        [observation(first, "o1"), observation(first, "o2"), observation(second, "o3")],
        accompany=lambda _: [provenance("Observation/o1")],
    )
    world.door("registrar").commit([provenance("Provenance/p1", id="p2")])
    world.give(world.consent_of(second, "norte-research-only"))
    return world


def people(world: World, *ids: str) -> set[str]:
    return {world.person(id).patient for id in ids}


def kept(world: World, role: Role = READER, **changes: Any) -> dict[str, Kept]:
    access, principal = world.acting(role, **changes)
    return access.withholding(principal).of(KINDS)


def test_every_resource_is_counted_once_under_its_reason(world: World) -> None:
    found = kept(world)
    second = people(world, "201-001")
    denied = {"consent.not-permitted": Withheld(1, second)}
    assert found["Observation"] == Kept(3, 2, 0, denied)
    assert found["Patient"] == Kept(2, 1, 0, denied)
    assert found["Organization"] == Kept(7, 7)
    assert found["Provenance"] == Kept(2, 2)
    assert found["Goal"] == Kept()


def test_what_is_about_others_is_kept_back_with_them(world: World) -> None:
    world.give(world.consent_of(world.person("101-001"), "norte-research-only"))
    first = people(world, "101-001")
    assert kept(world)["Provenance"] == Kept(2, 0, 0, {"consent.not-permitted": Withheld(2, first)})
    gone = Change(Key(world.study.id, "Observation", "o1"), None)
    world.store.commit(Unit(world.study.id, (gone,)))
    assert kept(world)["Provenance"] == Kept(2, 0, 0, {"consent.no-subject": Withheld(2, set())})


def test_what_is_about_others_is_followed_three_times(world: World) -> None:
    p3, p4 = (provenance(f"Provenance/p{number - 1}", id=f"p{number}") for number in (3, 4))
    world.door("registrar").commit([p3], accompany=lambda _: [p4])
    world.give(world.consent_of(world.person("101-001"), "norte-research-only"))
    first = people(world, "101-001")
    denied = {"consent.not-permitted": Withheld(3, first), "consent.no-subject": Withheld(1, set())}
    assert kept(world)["Provenance"] == Kept(4, 0, 0, denied)


def test_a_type_beyond_the_scopes_is_kept_back_whole(world: World) -> None:
    both = people(world, "101-001", "201-001")
    for scopes in (("system/Patient.rs",), ("system/Observation.r", "system/Patient.rs"), ("system/Observation.s",)):
        found = kept(world, scopes=scopes)["Observation"]
        assert found == Kept(3, 0, 0, {"auth.scope": Withheld(3, both)})
    assert kept(world, scopes=("system/Patient.rs",))["Organization"].withheld == {"auth.scope": Withheld(7, set())}


def test_what_the_limits_of_scopes_or_the_site_leave_out(world: World) -> None:
    first, second = people(world, "101-001"), people(world, "201-001")
    narrow = kept(world, scopes=("system/Observation.rs?_id=o1",))["Observation"]
    assert narrow == Kept(
        3, 1, 0, {"auth.scope-limit": Withheld(1, first), "consent.not-permitted": Withheld(1, second)}
    )
    site = kept(world, site="201")["Observation"]
    assert site == Kept(
        3, 0, 0, {"auth.scope-limit": Withheld(2, first), "consent.not-permitted": Withheld(1, second)}
    )


def test_what_leaves_without_its_identity_is_counted(world: World) -> None:
    found = kept(world, Role("blind", READS, redacts=("identity",)))
    assert (found["Patient"].leaves, found["Patient"].redacted) == (1, 1)
    assert (found["Organization"].leaves, found["Organization"].redacted) == (7, 0)


def test_what_came_a_moment_ago_is_not_counted(world: World) -> None:
    """It would leave, and was not there when it was asked what does."""
    access, principal = world.acting(READER)
    withholding = access.withholding(principal)
    rows = list(world.store.stream("Observation", world.study.id, None))
    tally = Kept()
    eyes = access.door(principal)._visibility("disclose", "rs")
    assert [withholding._why(tally, row, eyes) for row in rows] == [False, False, True]
    assert tally == Kept(0, 0, 0, {"consent.not-permitted": Withheld(1, people(world, "201-001"))})


def test_an_event_names_the_types(world: World) -> None:
    before = len(world.events())
    kept(world)
    [event] = world.events()[before:]
    assert (event.action, event.operation, event.targets, event.why) == ("E", "report-withheld", KINDS, "")
    assert event.request == ""
