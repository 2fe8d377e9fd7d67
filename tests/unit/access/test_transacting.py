"""What a transaction plans, tells and answers: told with whose data it is where that is known, or with a refusal."""

import gc
from collections.abc import Sequence
from typing import Any

import pytest

from gateway.access import Delete, Finder, Write
from gateway.access.writing.own import own_consents, participant
from gateway.access.writing.transaction import Begun, Step
from gateway.auth.scopes import Letter
from gateway.core.errors import Forbidden, NotFound, Unavailable
from gateway.core.event import Event, Seen
from gateway.core.issues import issue
from gateway.core.resources import Key, Placement, Stored
from gateway.search import Query
from gateway.search.query import HasClause, IdClause, Include, ReferenceClause
from gateway.study import withdraw
from tests.unit.access.conftest import World
from tests.unit.access.observations import observation
from tests.unit.access.writers import WRITER


def begun(world: World, steps: Sequence[Step], **changes: Any) -> Begun:
    access, principal = world.acting(WRITER, **changes)
    return access.door(principal, request="here").begin_transact(lambda _find: steps, "update", action="C")


def committed(world: World, *steps: Step, **changes: Any) -> tuple[Any, Any]:
    """What became of the steps, and what the trail is told."""
    one = begun(world, steps, **changes)
    done = one.store.commit(one.unit)
    assert one.unit.report
    [told] = one.unit.report(done)
    return one.answer(done), told


def events(world: World) -> list[Event]:
    return [event for event in world.events() if event.request == "here"]


@pytest.fixture
def first(world: World) -> Stored:
    """An Observation that is there."""
    [done] = world.door("registrar").commit([observation(world.person("101-001"))])
    return done.stored


def test_what_is_placed_is_told_with_whose_data_of_which_domain_it_is(world: World, first: Stored) -> None:
    one, other = world.person("101-001"), world.person("201-001")
    patient = one.patient
    both = sorted(["lab", "wearable"])
    amended = Write(observation(one, status="amended"))
    laboratory = Write(observation(one, "o2", "laboratory"))
    second = Write(observation(other, "o3"))
    cases: list[tuple[list[Step], list[tuple[str, str]]]] = [
        ([amended], [(patient, "wearable")]),
        ([laboratory, Write(observation(one, "o4"))], [(patient, domain) for domain in both]),
        ([None, second], [(other.patient, "wearable")]),
    ]
    for steps, pairs in cases:
        _, told = committed(world, *steps)
        assert isinstance(told, Seen)
        assert told.pairs == tuple(pairs)
        assert told.event.count == len([step for step in steps if step])
        assert (told.event.action, told.event.operation, told.event.request) == ("C", "update", "here")
    assert [list(event.patients) for event in events(world)] == [[patient], [patient], [other.patient]]


def test_where_more_is_told_than_was_placed_the_trail_looks_itself(world: World, first: Stored) -> None:
    person = world.person("101-001")
    again, gone = Write(observation(person)), Delete("Observation", "o1")
    cases: list[tuple[list[Step], int]] = [
        ([again], 1),
        ([first], 1),
        ([Write(observation(person, "o2")), first], 2),
        ([Write(observation(person, "o3")), again], 2),
        ([None], 0),
        ([gone], 1),
    ]
    for steps, count in cases[:4]:
        _, told = committed(world, *steps)
        assert isinstance(told, Event)
        assert told.count == len(told.targets) == count
    _, nothing = committed(world, None)
    assert isinstance(nothing, Seen)
    assert (nothing.pairs, nothing.event.count) == ((), 0)
    assert isinstance(committed(world, gone)[1], Event)


def test_each_step_is_answered_in_its_place(world: World, first: Stored) -> None:
    person = world.person("101-001")
    steps: list[Step] = [None, Write(observation(person, "o2")), first, Delete("Observation", "o1"), None]
    answer, told = committed(world, *steps)
    assert answer[0] is answer[4] is None
    assert (answer[1].outcome, answer[2], answer[3].outcome) == ("created", first, "deleted")
    assert (told.targets, told.count) == (("Observation/o2", "Observation/o1", "Observation/o1"), 3)


def test_a_plan_finds_what_its_writer_sees(world: World, first: Stored) -> None:
    access, principal = world.acting(WRITER)
    found = []

    def plan(find: Finder) -> list[Step]:
        found.append((find.current("Observation", "o1"), find.search(Query("Observation"), 2)))
        return [found[-1][0]]

    [answer] = access.door(principal).transact(plan, "update")
    assert (answer, found) == (first, [(first, [first])])
    world.give(world.consent_of(world.person("101-001"), "norte-research-only"))
    access.door(principal).transact(plan, "update")
    assert found[1:] == [(None, [])]


def test_a_transaction_asks_the_consents_that_hold_when_it_ends(world: World) -> None:
    person = world.person("101-001")
    one = begun(world, [Write(observation(person))])
    world.give(withdraw(world.consent_of(person), "no-further-use", "2026-05-01T00:00:00Z"))
    with pytest.raises(Forbidden, match=r"consent\.collection-not-permitted"):
        one.store.commit(one.unit)
    assert world.store.read(Key(world.study.id, "Observation", "o1"), None) is None


def test_what_is_replaced_is_what_the_writer_may_see_of_before(world: World, first: Stored) -> None:
    """A scope of one participant limits reading to it; a write asks for its own."""
    person, other = world.person("101-001"), world.person("201-001")
    own = {"scopes": ("patient/Observation.cru",), "patient": person.patient}
    answer, _ = committed(world, Write(observation(person, status="amended")), **own)
    assert answer[0].outcome == "updated"
    own["patient"] = other.patient
    with pytest.raises(NotFound):
        committed(world, Write(observation(person, status="corrected")), **own)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (Forbidden(issue("auth.scope", interaction="create", type="Goal")), "denied"),
        (NotFound(issue("auth.not-found")), "denied"),
        (Unavailable(issue("audit.unavailable")), None),
        (ValueError("x"), None),
        (KeyboardInterrupt(), None),
    ],
    ids=lambda found: type(found).__name__ if isinstance(found, BaseException) else "",
)
def test_what_was_not_written_is_told_when_it_was_refused(
    world: World, error: BaseException, outcome: str | None
) -> None:
    assert begun(world, []).answer(error) is error
    told = [(event.action, event.operation, event.outcome, event.count) for event in events(world)]
    assert told == ([("C", "update", outcome, 0)] if outcome else [])


@pytest.mark.parametrize(
    ("patient", "user", "scopes", "letter", "found"),
    [
        ("p", "Patient/p", ("patient/Consent.r",), "r", "p"),
        ("p", "Patient/p", ("patient/*.rus",), "u", "p"),
        ("p", "Patient/p", ("patient/Consent.r?status=active", "patient/*.r"), "r", "p"),
        ("p", "Patient/p", ("patient/Consent.r",), "u", ""),
        ("p", "Patient/p", ("patient/Consent.r?status=active",), "r", ""),
        ("p", "Patient/p", ("patient/Observation.r",), "r", ""),
        ("p", "Patient/q", ("patient/Consent.r",), "r", ""),
        ("p", "Practitioner/p", ("patient/Consent.r",), "r", ""),
        ("p", "", ("patient/Consent.r",), "r", ""),
        ("", "Patient/", ("patient/Consent.r",), "r", ""),
    ],
)
def test_who_is_a_participant(
    world: World, patient: str, user: str, scopes: tuple[str, ...], letter: Letter, found: str
) -> None:
    _, principal = world.acting(WRITER, scopes=scopes, patient=patient, user=user)
    assert participant(principal, letter) == found


def test_own_consents_are_a_search_of_consents_and_nothing_else(world: World) -> None:
    _, principal = world.acting(WRITER, scopes=("patient/*.s",), patient="p", user="Patient/p")
    mine, one = ReferenceClause("patient", ("Patient/p",)), IdClause(("c",))
    assert own_consents(Query("Consent", (one,)), principal) == Query("Consent", (one, mine))
    for query in (
        Query("Observation"),
        Query("Consent", (HasClause("Observation", "subject", one),)),
        Query("Consent", includes=(Include("Consent", "patient"),)),
        Query("Consent", types=("Consent",)),
    ):
        assert own_consents(query, principal) is None
    _, reader = world.acting(WRITER, scopes=("patient/*.r",), patient="p", user="Patient/p")
    assert own_consents(Query("Consent"), reader) is None


def test_what_a_transaction_held_is_given_back_at_once(world: World) -> None:
    """Nothing that it made refers to itself, which would keep its resources until somebody looks for garbage."""
    committed(world, Write(observation(world.person("101-001"))))  # what is kept for the next one is there then
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        committed(world, Write(observation(world.person("101-001")) | {"status": "amended"}))
        gc.collect()
        left = [one for one in gc.garbage if isinstance(one, Placement)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
    assert not left
