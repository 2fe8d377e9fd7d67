"""Each way through the door leaves its own event, when it is granted and when it is refused."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gateway.access import Delete, Door, Page, Write
from gateway.consent import ConsentRequest
from gateway.core.errors import FhirError, Forbidden, Gone, NotFound, PreconditionFailed
from gateway.core.event import Event
from gateway.core.instants import micros
from gateway.core.issues import issue
from gateway.search import Query
from gateway.study.parts import Role
from tests.unit.access.conftest import World
from tests.unit.access.observations import observation

EVERY = ("system/*.cruds",)
ALL = Role("all", EVERY, operates=True, enrols=True)
OBSERVATIONS = Query("Observation")
PAGE = Page(5)


@pytest.fixture
def world(world: World) -> World:
    """Two Observations, one of them deleted again."""
    person = world.person("101-001")
    world.door("registrar").commit([observation(person, "o1"), observation(person, "gone")])
    world.door("registrar").commit([Delete("Observation", "gone")])
    return world


def door(world: World, scopes: tuple[str, ...] = EVERY, role: Role = ALL, **changes: Any) -> Door:
    access, principal = world.acting(role, scopes=scopes, **changes)
    return access.door(principal, request="here")


def told(world: World) -> list[tuple[str, str, tuple[str, ...], int]]:
    return [(one.action, one.operation, tuple(one.targets), one.count) for one in events(world)]


def events(world: World) -> list[Event]:
    return [one for one in world.events() if one.request == "here"]


def asked(world: World) -> ConsentRequest:
    return ConsentRequest("telecare", "access", "TREAT", micros(world.now))


Call = Callable[[Door, World], Any]
O1 = ("Observation/o1",)
READS: dict[str, tuple[Call, tuple[str, str, tuple[str, ...], int], tuple[str, str, tuple[str, ...], int]]] = {
    "read": (
        lambda door, _: door.read("Observation", "o1"),
        ("R", "read", O1, 1),
        ("R", "read", O1, 0),
    ),
    "a version": (
        lambda door, _: door.read("Observation", "o1", 1),
        ("R", "vread", O1, 1),
        ("R", "vread", O1, 0),
    ),
    "history of one": (
        lambda door, _: door.history("Observation", "o1"),
        ("R", "history", O1, 1),
        ("R", "history", O1, 0),
    ),
    "history of a type": (
        lambda door, _: door.history("Observation"),
        ("R", "history", ("Observation/gone", "Observation/gone", "Observation/o1"), 3),
        ("R", "history", ("Observation",), 0),
    ),
    "search": (
        lambda door, _: door.search(OBSERVATIONS, PAGE),
        ("E", "search", O1, 1),
        ("E", "search", ("Observation",), 0),
    ),
    "search by another name": (
        lambda door, _: door.search(OBSERVATIONS, PAGE, operation="everything", action="disclose"),
        ("E", "everything", O1, 1),
        ("E", "everything", ("Observation",), 0),
    ),
    "newest": (
        lambda door, _: door.newest(OBSERVATIONS, 1),
        ("E", "lastn", O1, 1),
        ("E", "lastn", ("Observation",), 0),
    ),
    "plan": (
        lambda door, _: door.explain_search(OBSERVATIONS, PAGE),
        ("E", "explain-search", ("Observation",), 0),
        ("E", "explain-search", ("Observation",), 0),
    ),
    "explain": (
        lambda door, world: door.explain("Observation", "o1", asked(world)),
        ("E", "explain-access", O1, 1),
        ("E", "explain-access", O1, 1),
    ),
    "operation": (
        lambda door, _: door.permit("expand", "ValueSet"),
        ("E", "expand", ("ValueSet",), 0),
        ("E", "expand", ("ValueSet",), 0),
    ),
}


@pytest.mark.parametrize(("call", "granted"), [one[:2] for one in READS.values()], ids=READS.keys())
def test_what_is_granted_is_told(world: World, call: Call, granted: Any) -> None:
    call(door(world), world)
    [event] = events(world)
    assert event.outcome == "success"
    assert told(world) == [granted]


REFUSED = {name: one for name, one in READS.items() if name != "explain"}


@pytest.mark.parametrize(("call", "denied"), [(one[0], one[2]) for one in REFUSED.values()], ids=REFUSED.keys())
def test_what_is_refused_is_told(world: World, call: Call, denied: Any) -> None:
    with pytest.raises(Forbidden):
        call(door(world, ("system/Patient.rs",)), world)
    [event] = events(world)
    assert (event.outcome, event.reason) == ("denied", "auth.scope")
    assert told(world) == [denied]


def test_reads_and_searches_that_wait_are_told_alike(world: World) -> None:
    both = door(world)
    bodies = both.begin_search(OBSERVATIONS, PAGE)
    stored, ticket = both.begin_read("Observation", "o1", 1)
    assert bodies
    assert (list(bodies[0].ids), stored.version) == (["o1"], 1)
    world.trail.wake()
    bodies[1].result()
    ticket.result()
    assert told(world) == [("E", "search", O1, 1), ("R", "vread", O1, 1)]
    assert both.begin_search(Query("Consent"), PAGE) is None
    with pytest.raises(Forbidden):
        door(world, ("system/Patient.rs",)).begin_search(OBSERVATIONS, PAGE)
    assert told(world)[2:] == [("E", "search", ("Observation",), 0)]


def test_what_is_not_there_is_told_by_its_type_and_what_is_hidden_by_its_name(world: World) -> None:
    world.give(world.consent_of(world.person("101-001"), "norte-research-only"))
    for id, target in (("o1", "Observation/o1"), ("unheard-of", "Observation")):
        for call in (door(world).read, door(world).history):
            with pytest.raises(NotFound):
                call("Observation", id)
            assert told(world)[-1][2:] == ((target,), 0)
    with pytest.raises(NotFound):
        door(world).read("Observation", "o1", 9)


def test_a_deletion_is_told_to_who_may_know_of_it(world: World) -> None:
    with pytest.raises(Gone, match=r"auth\.deleted"):
        door(world).read("Observation", "gone")
    assert told(world) == [("R", "read", ("Observation/gone",), 0)]
    assert events(world)[0].outcome == "failure"


def test_the_history_of_everything_needs_every_type(world: World) -> None:
    found = door(world).history(page=Page(3))
    assert len(found.rows) == 3
    assert told(world)[0][1:] == ("history", tuple(row.key.reference for row in found.rows), 3)
    with pytest.raises(Forbidden, match=r"auth\.scope"):
        door(world, ("system/Observation.r",)).history()
    assert told(world)[1] == ("R", "history", (), 0)


@pytest.mark.parametrize(
    ("scope", "asked"), [("system/*.r", ()), ("system/*.r", ("Observation",)), ("system/*.s", ("Observation", "o1"))]
)
def test_to_read_one_resource_is_not_to_list_them(world: World, scope: str, asked: tuple[str, ...]) -> None:
    with pytest.raises(Forbidden, match=r"auth\.scope"):
        door(world, (scope,)).history(*asked)
    other = "system/*.s" if scope.endswith("r") else "system/*.r"
    assert door(world, (other,)).history(*asked).rows


def test_the_history_is_of_the_instants_that_are_asked(world: World) -> None:
    now = micros(world.now)
    one = door(world)
    assert [row.version for row in one.history("Observation", "o1", since=now).rows] == [1]
    assert one.history("Observation", "o1", since=now + 1).rows == ()
    assert [row.version for row in one.history("Observation", "o1", at=(now, now + 1)).rows] == [1]
    assert one.history("Observation", "o1", at=(0, now)).rows == ()


def test_several_searches_are_those_that_may_be_asked(world: World) -> None:
    queries = [Query("Patient"), OBSERVATIONS]
    found = door(world, ("system/Observation.rs",)).search_each(queries, PAGE)
    assert [row.key.reference for row in found.rows] == ["Observation/o1"]
    assert told(world) == [("E", "search", O1, 1)]
    assert door(world, ("system/Goal.rs",)).search_each(queries, PAGE).rows == ()
    assert len(door(world).search_each(queries, PAGE, operation="everything", action="disclose").rows) == 3
    assert [one[1] for one in told(world)] == ["search", "search", "everything"]


def test_an_export_is_told_before_and_after(world: World) -> None:
    one = door(world)
    assert [row.key.id for row in one.stream("Observation")] == ["o1"]
    assert [batch.count for batch in one.batches(OBSERVATIONS)] == [1]
    kinds = [("E", word, ("Observation",)) for word in ("export", "disclose", "exported")]
    assert [event[:3] for event in told(world)] == [*kinds, *kinds]
    assert [event[3] for event in told(world)] == [0, 0, 1, 0, 0, 1]
    with pytest.raises(Forbidden):
        door(world, ("system/Observation.r",)).stream(OBSERVATIONS)
    assert told(world)[-1] == ("E", "export", ("Observation",), 0)
    assert events(world)[-1].outcome == "denied"


def test_an_export_that_is_broken_off_tells_how_much_left(world: World) -> None:
    world.door("registrar").commit([observation(world.person("101-001"), "o2")])
    rows = door(world).stream("Observation")
    next(rows)
    rows.close()  # type: ignore[attr-defined]
    assert told(world)[-1] == ("E", "exported", ("Observation",), 1)


WHOLE = ["CodeSystem", "ConceptMap", "StructureDefinition", "ValueSet"]


def test_writes_are_decided_by_what_the_writer_may_see_of_before(world: World) -> None:
    """With scopes of one participant, whose limits reading has alone: a write asks for its own."""
    first = world.person("101-001")
    own = door(world, ("patient/Observation.cru",), Role("app", EVERY), patient=first.patient)
    [done] = own.commit([observation(first, "o1", status="amended")])
    assert done.outcome == "updated"


@pytest.mark.parametrize("kind", WHOLE)
def test_operations_on_definitions_need_the_whole_type(world: World, kind: str) -> None:
    narrow = door(world, (f"system/{kind}.rs?status=active", "system/Observation.rs?code=1"))
    with pytest.raises(Forbidden, match=r"auth\.scope"):
        narrow.permit("expand", kind)
    narrow.permit("stats", "Observation")
    narrow.permit("stats", "Observation", "rs")
    with pytest.raises(Forbidden):
        narrow.permit("stats", "Observation", "rc")


def test_who_may_write_nothing_is_told_so_before_a_body_is_read(world: World) -> None:
    door(world).require_write("Observation")
    door(world, ("system/Observation.u",)).require_write("Observation")
    door(world, ("system/Observation.d",)).require_write("Observation", "d")
    assert told(world) == []
    for scopes, letters in ((("system/Observation.rs",), "cu"), (("system/Observation.cu",), "d")):
        with pytest.raises(Forbidden, match=r"auth\.scope"):
            door(world, scopes).require_write("Observation", letters)
    assert told(world) == [("U", "write", ("Observation",), 0)] * 2
    with pytest.raises(Forbidden, match=r"rest\.source-writes"):
        door(world, source="withings").require_write("Observation")


def test_what_a_source_asks_for_is_told(world: World) -> None:
    person = world.person("101-001")
    source = door(world, source="withings")
    system = f"urn:trial-fhir-gateway:study:{world.study.id}:subject"
    key = source.resolve(system, person.id)
    assert key
    assert key.id == person.patient
    assert source.resolve(system, "nobody") is None
    source.commit([observation(person, "o2")])
    assert [one[:2] + one[3:] for one in told(world)] == [
        ("E", "resolve", 1),
        ("E", "resolve", 0),
        ("C", "ingest", 1),
    ]
    with pytest.raises(Forbidden, match=r"auth\.not-a-source"):
        door(world).resolve(system, person.id)
    assert told(world)[-1] == ("E", "resolve", (), 0)
    for write in (source.transact, source.begin_transact):
        with pytest.raises(Forbidden, match=r"rest\.source-writes"):
            write(lambda _find: [], "update")


def test_writes_are_told_with_whose_data_they_are(world: World) -> None:
    person = world.person("101-001")
    door(world).commit([observation(person, "o2"), Write(observation(person, "o1", status="amended"))])
    door(world).commit([Delete("Observation", "o2")])
    first, second = events(world)
    assert told(world) == [
        ("U", "write", ("Observation/o2", "Observation/o1"), 2),
        ("D", "delete", ("Observation/o2",), 1),
    ]
    assert first.patients == [person.patient]  # type: ignore[comparison-overlap]
    assert second.outcome == "success"
    with pytest.raises(Forbidden):
        door(world, ("system/Observation.rs",)).commit([observation(person, "o3"), observation(person, "o4")])
    assert told(world)[-1] == ("U", "write", (), 0)


def test_a_transaction_begins_again_when_another_writer_was_faster(world: World) -> None:
    person, tries = world.person("101-001"), []

    def plan(_find: Any) -> list[Write]:
        tries.append(1)
        return [Write(observation(person, "o1", status="amended"), if_match=1 if len(tries) > 2 else 7)]

    [done] = door(world).transact(plan, "patch", attempts=3)
    assert done
    assert len(tries) == 3
    assert told(world) == [("U", "patch", O1, 1)]
    for attempts, count in ((1, 1), (2, 2)):
        tries.clear()
        with pytest.raises(PreconditionFailed):
            door(world).transact(plan, "patch", action="C", attempts=attempts)
        assert len(tries) == count
    assert told(world)[1:] == [("C", "patch", (), 0)] * 2


@pytest.mark.parametrize(
    "refusal",
    [NotFound(), PreconditionFailed(issue("store.version-conflict", type="Patient"))],
    ids=["not found", "a precondition"],
)
def test_a_refusal_of_the_plan_is_not_tried_again(world: World, refusal: FhirError) -> None:
    tries = []

    def plan(_find: Any) -> list[Any]:
        tries.append(1)
        raise refusal

    with pytest.raises(FhirError):
        door(world).transact(plan, "patch", attempts=5)
    assert len(tries) == 1


def test_a_door_knows_who_goes_through_it(world: World) -> None:
    one = door(world, ("system/Observation.r",))
    assert one.principal == replace(one.principal, role="all", scopes=("system/Observation.r",))
    assert one.may("Observation", "r")
    assert not one.may("Observation", "r", "s")
    assert one.may("Observation")
