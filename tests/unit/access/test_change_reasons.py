"""Who must say why: people who change or delete what is stored of a participant, as far as the study wants it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs

from gateway.access import Access, Delete, Door, ScopeLimits, Write
from gateway.core.codec import loads
from gateway.core.errors import BadRequest, NotFound
from gateway.core.resources import Key
from gateway.study import withdraw
from gateway.study.parts import Interactions, Reasoned
from tests.unit.access.conftest import World
from tests.unit.access.observations import observation

RULE = "rest.change-reason-missing"
PERSON = "Practitioner/1"
AT = "2026-05-01T00:00:00Z"

Change = Callable[[World], Any]
"""What one commits, made from the world as it is."""


def door(
    world: World, *, of: Reasoned = "people", client: str = "site-app", user: str = PERSON, why: str = ""
) -> Door:
    """The door of a client, used by a person, in the study with this setting."""
    study = replace(world.study, interactions=Interactions(change_reason=of))
    access = Access(world.store, world.trail, {study.id: study}, lambda: world.now, ScopeLimits(world.parameters))
    return access.door(replace(study.principal(study.clients[client]), user=user), why=why)


def reading(world: World, **changes: Any) -> dict[str, Any]:
    return observation(world.person("101-001"), "o1") | changes


def consent(world: World, **changes: Any) -> Write:
    """A change of the first participant's Consent."""
    id = world.consent_of(world.person("101-001"))["id"]
    stored = world.store.read(Key(world.study.id, "Consent", id), None)
    assert stored
    return Write({**loads(stored.body), **changes}, if_match=stored.version)


def withdrawn(world: World) -> Write:
    now = consent(world)
    return structs.replace(now, resource=withdraw(now.resource, "no-further-use", AT))


EDITS: dict[str, Change] = {
    "an update": lambda world: reading(world, status="amended"),
    "a deletion": lambda world: Delete("Observation", "o1"),
}


@pytest.fixture
def stored(world: World) -> World:
    world.door("site-app").commit([reading(world)])
    return world


@pytest.mark.parametrize("edit", EDITS)
def test_a_person_who_changes_data_says_why(stored: World, edit: str) -> None:
    with pytest.raises(BadRequest) as refused:
        door(stored).commit([EDITS[edit](stored)])
    assert refused.value.issues[0].rule == RULE
    event = stored.events()[-1]
    assert (event.outcome, event.reason, event.user) == ("failure", RULE, PERSON)
    door(stored, why="Transcription error").commit([EDITS[edit](stored)])
    assert (stored.events()[-1].outcome, stored.events()[-1].why) == ("success", "Transcription error")


def test_all_of_a_unit_is_refused_for_one_change(stored: World) -> None:
    with pytest.raises(BadRequest):
        door(stored).commit([observation(stored.person("101-001"), "new"), reading(stored, status="amended")])
    assert stored.store.read(Key(stored.study.id, "Observation", "new"), None) is None


def test_what_is_new_or_stays_as_it_is_needs_none(stored: World) -> None:
    [done] = door(stored).commit([observation(stored.person("101-001"), "new")])
    assert done.outcome == "created"
    [done] = door(stored).commit([reading(stored)])
    assert done.outcome == "unchanged"


def test_a_deletion_undone_is_a_change(stored: World) -> None:
    stored.door("site-app").commit([Delete("Observation", "o1")])
    with pytest.raises(BadRequest):
        door(stored).commit([reading(stored)])
    [done] = door(stored, why="Deleted by mistake").commit([reading(stored)])
    assert done.stored.version == 3


def test_a_transaction_is_asked_alike(stored: World) -> None:
    with pytest.raises(BadRequest):
        door(stored).transact(lambda _: [Write(reading(stored, status="amended"))], "patch")
    [done] = door(stored, why="Typo").transact(lambda _: [Write(reading(stored, status="amended"))], "patch")
    assert done is not None
    assert "Typo" in [event.why for event in stored.events() if event.outcome == "success"]


@pytest.mark.parametrize(
    ("of", "user", "client", "is_asked"),
    [("people", "", "site-app", False), ("people", PERSON, "site-app", True), ("everyone", "", "site-app", True),
     ("everyone", "", "withings", False), ("nobody", PERSON, "site-app", False)],
)  # fmt: skip
def test_the_study_says_of_whom_it_is_wanted(
    stored: World, of: Reasoned, user: str, client: str, is_asked: bool
) -> None:
    asked = door(stored, of=of, client=client, user=user)
    if is_asked:
        with pytest.raises(BadRequest):
            asked.commit([reading(stored, status="amended")])
    else:
        assert asked.commit([reading(stored, status="amended")])[0].outcome == "updated"


def test_of_what_is_no_participants_nobody_says_why(world: World) -> None:
    [study] = [one for one in world.study.enrolment() if one["resourceType"] == "ResearchStudy"]
    [done] = door(world, client="registrar").commit([study | {"title": "Another title"}])
    assert done.outcome == "updated"


def test_who_withdraws_a_consent_need_not_say_why(world: World) -> None:
    with pytest.raises(BadRequest):
        door(world, client="registrar").commit([consent(world, dateTime="2026-01-01")])
    [done] = door(world, client="registrar").commit([withdrawn(world)])
    assert done.outcome == "updated"


def test_what_is_hidden_is_not_there_with_and_without_a_reason(stored: World) -> None:
    person = stored.person("101-001")
    stored.give(stored.consent_of(person, "norte-research-only"))
    for why in ("", "Because"):
        with pytest.raises(NotFound):
            door(stored, why=why).commit([Delete("Observation", "o1")])
