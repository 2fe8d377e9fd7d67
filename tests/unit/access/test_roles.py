"""What a role opens and shuts beside scopes: de-identified data alone, the broken glass, one site, the database."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from gateway.access import Delete, Door, Page, Write
from gateway.consent import ConsentRequest
from gateway.core.errors import FhirError, Forbidden, NotFound
from gateway.core.event import BREAK_GLASS
from gateway.core.instants import micros
from gateway.search import Query
from gateway.study.parts import Role
from tests.unit.access.conftest import World
from tests.unit.access.observations import observation

ALL = Query("Observation", total="accurate")
EVERY = ("system/*.cruds",)
LAKE = Role("lake", EVERY, deidentify="safe")
DOCTOR = Role("doctor", EVERY, break_glass=True)
MONITOR = Role("monitor", EVERY)
OPERATOR = Role("operator", EVERY, operates=True)
ENROLLING = Role("enrolling", EVERY, enrols=True)


@pytest.fixture
def world(world: World) -> World:
    """Two participants of two sites with an Observation each, kept from the clinic by their Consents."""
    for number, id in enumerate(("101-001", "201-001"), 1):
        world.door("registrar").commit([observation(world.person(id), f"o{number}")])
        world.give(world.consent_of(world.person(id), "norte-research-only"))
    return world


def patient(world: World, id: str = "101-001") -> str:
    return world.person(id).patient


def refusal(call: Callable[[], Any], error: type[FhirError] = Forbidden) -> str:
    with pytest.raises(error) as refused:
        call()
    return refused.value.issues[0].rule


def seen(door: Door) -> set[str]:
    return {row.key.id for row in door.search(ALL, Page(10)).rows}


def permit_all(world: World) -> None:
    for id in ("101-001", "201-001"):
        world.give(world.consent_of(world.person(id)))


def test_a_role_of_deidentified_data_has_a_door_that_stays_shut(world: World) -> None:
    permit_all(world)
    access, principal = world.acting(LAKE)
    door, rule = access.door(principal), "export.deidentified-only"
    assert refusal(lambda: door.read("Observation", "o1")) == rule
    assert refusal(lambda: door.search(ALL, Page(1))) == rule
    assert refusal(lambda: list(door.stream("Observation"))) == rule
    assert refusal(lambda: door.commit([observation(world.person("101-001"))])) == rule
    assert refusal(lambda: door.permit("expand", "ValueSet")) == rule
    for operation in ("bulk-export", "bulk-download"):
        door.permit(operation, "Observation")
    assert seen(access.door(principal, deidentifies=True)) == {"o1", "o2"}


def test_who_is_not_deidentified_may_be_deidentified_all_the_same(world: World) -> None:
    permit_all(world)
    access, principal = world.acting(MONITOR)
    assert seen(access.door(principal, deidentifies=True)) == {"o1", "o2"}
    access.door(principal).permit("expand", "ValueSet")


@pytest.mark.parametrize("about", ["patient", "broken"])
def test_deidentified_data_are_of_nobody(world: World, about: str) -> None:
    access, principal = world.acting(LAKE, **{about: patient(world)})
    assert refusal(lambda: access.door(principal, deidentifies=True)) == "export.deidentified-only"


def test_the_broken_glass_shows_one_participant_past_the_consents(world: World) -> None:
    access, principal = world.acting(DOCTOR, purpose=BREAK_GLASS, broken=patient(world))
    door = access.door(principal, why="unconscious")
    assert seen(door) == {"o1"}
    assert door.read("Observation", "o1").version == 1
    assert door.read("Patient", patient(world)).version == 1
    assert refusal(lambda: door.read("Observation", "o2"), NotFound) == "auth.not-found"
    consent = world.consent_of(world.person("101-001"))["id"]
    assert refusal(lambda: door.read("Consent", consent), NotFound) == "auth.not-found"
    assert list(door.stream("Observation")) == []
    assert list(door.stream("Patient")) == []
    for write in (observation(world.person("101-001"), "o9"), Delete("Observation", "o1")):
        assert refusal(partial(door.commit, [write])) == "consent.break-glass"
    assert {event.why for event in world.events() if event.client == "ehr-app"} == {"unconscious"}


def test_the_broken_glass_exports_not_even_what_consents_permit(world: World) -> None:
    permit_all(world)
    access, principal = world.acting(DOCTOR, purpose=BREAK_GLASS, broken=patient(world))
    assert list(access.door(principal).stream("Observation")) == []
    whole, monitor = world.acting(MONITOR, purpose=BREAK_GLASS)
    assert len(list(whole.door(monitor).stream("Observation"))) == 2


def test_consents_are_explained_behind_the_glass_for_that_participant(world: World) -> None:
    role = Role("head", EVERY, enrols=True, break_glass=True)
    access, principal = world.acting(role, purpose=BREAK_GLASS, broken=patient(world))
    asked = ConsentRequest("norte-research", "access", "HRESCH", micros(world.now))
    assert access.door(principal).explain("Observation", "o1", asked).permit
    assert refusal(lambda: access.door(principal).explain("Observation", "o2", asked), NotFound) == "auth.not-found"


@pytest.mark.parametrize(
    ("role", "purpose"),
    [(MONITOR, BREAK_GLASS), (DOCTOR, "TREAT"), (MONITOR, "TREAT")],
    ids=["role", "purpose", "both"],
)
def test_who_may_not_break_the_glass_has_no_door(world: World, role: Role, purpose: str) -> None:
    access, principal = world.acting(role, purpose=purpose, broken=patient(world))
    assert refusal(lambda: access.door(principal)) == "consent.break-glass"


def test_the_broken_glass_keeps_to_the_scopes_and_the_site(world: World) -> None:
    broken = {"purpose": BREAK_GLASS, "broken": patient(world)}
    access, narrow = world.acting(DOCTOR, scopes=("system/Patient.rs",), **broken)
    assert refusal(lambda: access.door(narrow).read("Observation", "o1")) == "auth.scope"
    access, elsewhere = world.acting(DOCTOR, site="201", **broken)
    assert seen(access.door(elsewhere)) == set()
    access, here = world.acting(DOCTOR, site="101", **broken)
    assert seen(access.door(here)) == {"o1"}


def test_nothing_departs_behind_the_glass(world: World) -> None:
    access, principal = world.acting(DOCTOR, purpose=BREAK_GLASS, broken=patient(world))
    assert refusal(lambda: access.departing(principal, 0, 1)) == "consent.break-glass"


@pytest.mark.parametrize(("site", "ids"), [("101", {"o1"}), ("201", {"o2"}), ("999", set()), ("", {"o1", "o2"})])
def test_a_client_of_a_site_sees_its_own_participants(world: World, site: str, ids: set[str]) -> None:
    permit_all(world)
    access, principal = world.acting(MONITOR, site=site)
    door = access.door(principal)
    assert seen(door) == ids
    assert {row.key.id for row in door.stream("Observation")} == ids
    assert len(seen(door) | {row.key.id for row in door.search(Query("Organization"), Page(9)).rows}) > len(ids)
    for id, person in (("o1", "101-001"), ("o2", "201-001")):
        changed = observation(world.person(person), id, status="amended")
        if id in ids:
            assert door.commit([changed])[0].outcome == "updated"
        else:
            assert refusal(partial(door.commit, [changed]), NotFound) == "auth.not-found"
            created = observation(world.person(person), f"new-{id}")
            assert refusal(partial(door.commit, [created])) == "auth.scope"


@pytest.mark.parametrize("changes", [{"role": "nobody"}, {"study": "none"}], ids=str)
def test_who_is_nobody_has_no_door_of_any_kind(world: World, changes: dict[str, str]) -> None:
    access, principal = world.acting(MONITOR)
    stranger = replace(principal, role=changes.get("role", "monitor"), study=changes.get("study", world.study.id))
    opened: tuple[Callable[[], Any], ...] = (
        lambda: access.door(stranger),
        lambda: access.withholding(stranger),
        lambda: access.departing(stranger, 0, 1),
    )
    for call in opened:
        assert refusal(call) == "auth.client-unknown"


@pytest.mark.parametrize("changes", [{"site": "101"}, {"patient": "x"}, {"broken": "x", "purpose": BREAK_GLASS}])
def test_who_is_concerned_with_some_participants_is_not_shown_the_database(world: World, changes: Any) -> None:
    role = Role("operator", EVERY, operates=True, break_glass=True)
    access, principal = world.acting(role, **changes)
    assert refusal(lambda: access.door(principal).explain_search(ALL, Page(1))) == "search.explain-role"


def test_who_operates_is_shown_how_the_database_answers(world: World) -> None:
    access, principal = world.acting(OPERATOR)
    assert access.door(principal).explain_search(ALL, Page(1))
    other, manager = world.acting(MONITOR)
    assert refusal(lambda: other.door(manager).explain_search(ALL, Page(1))) == "search.explain-role"
    assert [event.outcome for event in world.events() if event.operation == "explain-search"][:2] == [
        "success",
        "denied",
    ]


def test_consents_are_explained_to_who_manages_them(world: World) -> None:
    asked = ConsentRequest("norte-research", "access", "HRESCH", micros(world.now))
    access, manager = world.acting(ENROLLING)
    door = access.door(manager)
    assert door.explain("Observation", "o1", asked).permit
    clinic = ConsentRequest("telecare", "access", "HRESCH", micros(world.now))
    assert not door.explain("Observation", "o1", clinic).permit
    assert refusal(lambda: door.explain("Observation", "none", asked), NotFound) == "auth.not-found"
    other, monitor = world.acting(MONITOR)
    assert refusal(lambda: other.door(monitor).explain("Observation", "o1", asked)) == "consent.explain-role"
    access, here = world.acting(ENROLLING, site="101")
    assert access.door(here).explain("Observation", "o1", asked).permit
    assert refusal(lambda: access.door(here).explain("Observation", "o2", asked), NotFound) == "auth.not-found"
    told = [
        (event.targets, event.count, event.outcome) for event in world.events() if event.operation == "explain-access"
    ]
    assert told[0] == (("Observation/o1",), 1, "success")
    assert told[2] == (("Observation",), 0, "denied")


def test_an_event_that_waits_is_written_when_the_installation_is_flushed(world: World) -> None:
    permit_all(world)
    access, principal = world.acting(MONITOR)
    stored, ticket = access.door(principal, request="r7").begin_read("Observation", "o1")
    access.flush()
    ticket.result()
    [event] = [one for one in world.events() if one.request == "r7"]
    assert (stored.version, event.operation, list(event.versions)) == (1, "read", [1])


def test_a_door_carries_request_and_reason(world: World) -> None:
    access, principal = world.acting(ENROLLING)
    access.door(principal, "r8", "a typing error").commit([Write(observation(world.person("101-001"), "o3"))])
    access.door(principal).commit([Write(observation(world.person("101-001"), "o4"))])
    assert [(event.request, event.why) for event in world.events()][-2:] == [("r8", "a typing error"), ("", "")]
