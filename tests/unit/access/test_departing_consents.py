"""What departs is judged by the Consents and enrolments that there were at each instant, and by no other."""

from gateway.access import Delete
from gateway.core.resources import Change, Key, Unit
from tests.unit.access.conftest import World
from tests.unit.access.observations import observation
from tests.unit.access.test_departing import PEOPLE, Reader


def begun(world: World) -> Reader:
    found = Reader(world)
    found.write(*(observation(world.person(id), f"o{n}") for n, id in enumerate(PEOPLE, 1)))
    found.later()
    found.since = world.now
    return found


def test_a_consent_that_came_later_says_nothing_of_before(world: World) -> None:
    reader, person = begun(world), world.person("101-001")
    newer = {**world.consent_of(person, "norte-research-only"), "id": "again", "dateTime": "2026-05-01"}
    reader.write(newer)
    assert reader.gone() == ["o1"]


def test_an_enrolment_that_is_no_more_says_nothing(world: World) -> None:
    reader, person = begun(world), world.person("101-001")
    reader.later()
    subject = Key(world.study.id, "ResearchSubject", world.enrolment_of(person)[2]["id"])
    world.store.commit(Unit(world.study.id, (Change(subject, None),)))
    assert reader.gone() == []
    reader.write(Delete("Observation", "o1"))
    assert reader.gone() == ["o1"]
