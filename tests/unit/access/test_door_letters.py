"""Each way through the door keeps to the scopes of its own letters, asks Consents for its own action, and is told in
the words that nobody need give."""

from typing import Any

import pytest
from msgspec import structs

from gateway.access import Delete, Door, Finder, Page, ScopeLimits, Write
from gateway.access.door import HISTORY_PAGE
from gateway.core.errors import Forbidden, NotFound, PreconditionFailed
from gateway.core.event import MAX_TARGETS, Event
from gateway.core.instants import micros
from gateway.core.resources import Visibility
from gateway.search import Query, parse
from gateway.store.port import Statement
from gateway.study import withdraw
from gateway.study.parts import Role
from tests.unit.access.conftest import World
from tests.unit.access.observations import observation, provenance

OBSERVATIONS = Query("Observation")
PAGE = Page(9)
OPERATOR = Role("operator", ("system/*.rs",), operates=True)
READ, SEARCH, BOTH = "system/Observation.r?_id=o1", "system/Observation.s?_id=o2", "system/Observation.rs?_id=o3"


@pytest.fixture
def world(world: World) -> World:
    """Four Observations of one participant."""
    person = world.person("101-001")
    world.door("registrar").commit([observation(person, f"o{number}") for number in range(1, 5)])
    return world


def door(world: World, *scopes: str, role: Role = OPERATOR, **changes: Any) -> Door:
    access, principal = world.acting(role, scopes=scopes or role.scopes, **changes)
    return access.door(principal, request="here")


def events(world: World) -> list[Event]:
    return [event for event in world.events() if event.request == "here"]


def ids(rows: Any) -> set[str]:
    return {row.key.id for row in rows}


def test_each_way_of_reading_keeps_to_its_letters(world: World) -> None:
    one = door(world, READ, SEARCH, BOTH)
    assert ids(one.search(OBSERVATIONS, PAGE).rows) == {"o2", "o3"}
    assert ids(one.search_each([OBSERVATIONS], PAGE).rows) == {"o2", "o3"}
    assert ids(one.newest(OBSERVATIONS, 9)) == {"o2", "o3"}
    found = one.begin_search(OBSERVATIONS, PAGE)
    assert found is None or set(found[0].ids) == {"o2", "o3"}
    assert ids(one.stream("Observation")) == ids(one.stream(OBSERVATIONS)) == {"o3"}
    assert ids(one.history("Observation").rows) == {"o2", "o3"}
    assert [one.read("Observation", id).key.id for id in ("o1", "o3")] == ["o1", "o3"]
    assert ids(one.history("Observation", "o1").rows) == {"o1"}
    for call in (one.read, one.history):
        with pytest.raises(NotFound, match=r"auth\.not-found"):
            call("Observation", "o2")


def test_how_a_search_is_answered_is_told_of_the_search_that_this_reader_makes(world: World) -> None:
    access, principal = world.acting(OPERATOR, scopes=(READ, SEARCH, BOTH))
    limits = ScopeLimits(world.parameters).of(principal, "s")
    eyes = Visibility(world.study.id, principal.organisation, "access", principal.purpose, micros(world.now), limits)

    def texts(found: tuple[Statement, ...]) -> list[str]:
        return [statement.text for statement in found]

    told = texts(access.door(principal).explain_search(OBSERVATIONS, PAGE))
    assert told == texts(world.store.explain(OBSERVATIONS, world.study.id, eyes, PAGE))
    assert told != texts(world.store.explain(OBSERVATIONS, world.study.id, structs.replace(eyes, limits=()), PAGE))


def test_a_search_is_told_as_it_was_asked_and_the_rest_without_words(world: World) -> None:
    one, asked = door(world), Query("Observation", count=3)
    one.search(asked, PAGE)
    one.search_each([asked, OBSERVATIONS], PAGE)
    begun = one.begin_search(asked, PAGE)
    assert begun
    world.trail.wake()
    begun[1].result()
    one.newest(asked, 1)
    one.history("Observation")
    first, second = "Observation?_count=3", "Observation?"
    assert [event.query for event in events(world)] == [first, f"{first} {second}", first, "", ""]
    with pytest.raises(Forbidden):
        door(world, "system/Goal.rs").search(Query("", types=("Patient",)), PAGE)
    with pytest.raises(Forbidden):
        door(world, "system/Goal.rs").begin_search(Query("", types=("Patient",)), PAGE)
    assert [(event.operation, event.targets, event.outcome) for event in events(world)][5:] == [
        ("search", (), "denied")
    ] * 2


def test_a_search_of_several_is_refused_with_its_event(world: World) -> None:
    role = Role("blind", ("system/*.rs",), redacts=("identity",))
    with pytest.raises(Forbidden, match=r"consent\.redacted-search"):
        door(world, role=role).search_each([parse("Patient", [("name", "x")], world.parameters)], PAGE)
    [event] = events(world)
    assert (event.action, event.operation, event.outcome, event.count) == ("E", "search", "denied", 0)


def test_what_nobody_says_is_the_least(world: World) -> None:
    """The words that a caller may leave out, of every method that has any."""
    person = world.person("101-001")
    reader = door(world, "system/*.s", "system/Observation.r")
    reader.permit("stats", "Observation")
    assert len(reader.history().rows) > len(reader.history("Observation").rows) == 4
    assert HISTORY_PAGE.count == 100
    assert [(event.count, event.targets) for event in events(world)][:1] == [(0, ("Observation",))]
    assert [event.operation for event in events(world)] == ["stats", "history", "history"]
    assert ids(reader.search(OBSERVATIONS, PAGE).rows) == {"o1", "o2", "o3", "o4"}
    assert ids(reader.search_each([OBSERVATIONS], PAGE).rows) == {"o1", "o2", "o3", "o4"}
    assert [event.operation for event in events(world)][3:] == ["search", "search"]
    for narrow in ("CodeSystem", "ConceptMap", "StructureDefinition", "ValueSet"):
        with pytest.raises(Forbidden, match=r"auth\.scope"):
            door(world, f"system/{narrow}.rs?status=active").permit("expand", narrow)
    writer, tries = door(world, role=Role("writer", ("system/*.cruds",))), []

    def late(_find: Any) -> list[Write]:
        tries.append(1)
        return [Write(observation(person, "o1", status="amended"), if_match=1 if len(tries) == 3 else 7)]

    with pytest.raises(PreconditionFailed):
        writer.transact(late, "patch")
    assert len(tries) == 1
    assert [(event.action, event.outcome) for event in events(world)][-1] == ("U", "failure")
    [done] = writer.transact(late, "patch", attempts=2)
    assert done
    assert len(tries) == 3
    begun = writer.begin_transact(lambda _find: [], "patch")
    error = NotFound()
    assert begun.answer(error) is error
    told = [(event.action, event.outcome) for event in events(world) if event.operation == "patch"]
    assert sorted(told) == [("U", "denied"), ("U", "failure"), ("U", "success")]


@pytest.mark.parametrize(
    ("scope", "letters", "missing"),
    [
        ("system/Observation.rs", "cu", "create"),
        ("system/Observation.rs", "uc", "update"),
        ("system/Observation.rs", "d", "delete"),
        ("system/Observation.crsd", "u", "update"),
    ],
)
def test_who_may_not_write_is_told_of_the_first_letter(world: World, scope: str, letters: str, missing: str) -> None:
    with pytest.raises(Forbidden) as refused:
        door(world, scope).require_write("Observation", letters)
    assert f"the interaction {missing} on Observation" in refused.value.issues[0].message
    [event] = events(world)
    assert (event.action, event.operation, event.outcome) == ("U", "write", "denied")


@pytest.mark.parametrize(("action", "looks", "leaves"), [("access", True, False), ("disclose", False, True)])
def test_consents_are_asked_for_the_action(world: World, action: str, looks: bool, leaves: bool) -> None:
    """The participant lets the clinic look and take nothing along, or take along what it may not look at."""
    consent = world.consent_of(world.person("101-001"))
    coded = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentaction", "code": action}]}
    world.give({**consent, "provision": _with_action(consent["provision"], coded)})
    one, (seen, taken) = door(world), ([set(), {"o1", "o2", "o3", "o4"}][is_so] for is_so in (looks, leaves))
    assert ids(one.stream("Observation")) == ids(one.stream(OBSERVATIONS)) == taken
    assert sum(batch.count for batch in one.batches("Observation")) == len(taken)
    assert ids(one.search(OBSERVATIONS, PAGE).rows) == ids(one.newest(OBSERVATIONS, 9)) == seen
    assert ids(one.history("Observation").rows) == ids(one.search_each([OBSERVATIONS], PAGE).rows) == seen
    assert ids(one.search(OBSERVATIONS, PAGE, action="disclose").rows) == taken
    assert ids(one.search_each([OBSERVATIONS], PAGE, action="disclose").rows) == taken
    begun = one.begin_search(OBSERVATIONS, PAGE)
    assert begun
    assert set(begun[0].ids) == seen
    found: list[set[str]] = []

    def plan(find: Finder) -> list[Any]:
        found.append(ids(find.search(OBSERVATIONS, 9)))
        return []

    one.transact(plan, "update")
    assert found[-1] == seen
    if looks:
        assert one.read("Observation", "o1").version == 1
        return
    with pytest.raises(NotFound):
        one.read("Observation", "o1")


def test_a_participant_is_told_once_of_an_export_of_many_rows(world: World) -> None:
    person = world.person("101-001")
    world.door("registrar").commit([observation(person, f"more-{number}") for number in range(MAX_TARGETS)])
    one = door(world)
    assert len(list(one.stream("Observation"))) == sum(batch.count for batch in one.batches("Observation")) == 104
    told = [(event.operation, event.count, list(event.patients)) for event in events(world)]
    assert told == [("export", 0, []), ("disclose", 0, [person.patient]), ("exported", 104, [])] * 2


def _with_action(provision: dict[str, Any], action: dict[str, Any]) -> dict[str, Any]:
    """A provision whose permits, at any depth, are of one action."""
    inner = [_with_action(one, action) for one in provision.get("provision", [])]
    return {**provision, **({"action": [action]} if provision.get("type") == "permit" else {})} | (
        {"provision": inner} if inner else {}
    )


def test_what_goes_along_is_of_what_was_written(world: World) -> None:
    person = world.person("101-001")
    writer = door(world, role=Role("writer", ("system/*.cruds",)))
    [done] = writer.commit(
        [observation(person, "o9")],
        accompany=lambda done: [provenance(one.stored.key.reference, id="p9") for one in done],
    )
    assert done.outcome == "created"
    assert writer.read("Provenance", "p9").version == 1
    [gone] = writer.commit([Delete("Observation", "o9")])
    assert gone.outcome == "deleted"
    [first, *_] = events(world)
    assert (first.count, first.targets, list(first.patients)) == (1, ("Observation/o9",), [person.patient])


def test_a_deletion_for_good_deletes_in_its_own_unit(world: World) -> None:
    person = world.person("101-001")
    consent = withdraw(world.consent_of(person), "delete", "2026-05-01T00:00:00Z")
    marked = observation(person, "o1", status="inactive", extension=consent["extension"])
    registrar = world.door("registrar")
    registrar.commit([marked])
    assert len(registrar.history("Observation").rows) == 5
    registrar.commit([consent])
    assert registrar.search(OBSERVATIONS, PAGE).rows == ()
    assert list(world.store.stream("Observation", world.study.id, None)) == []
