"""Which Consents a unit retires, and what is told of one that is hidden."""

from gateway.core.codec import loads
from gateway.core.errors import NotFound
from gateway.core.resources import Key
from tests.unit.access.conftest import World
from tests.unit.access.observations import observation
from tests.unit.access.writers import ENROLLING, door, refusal


def test_a_consent_is_retired_beside_something_else_with_its_id(world: World) -> None:
    person = world.person("101-001")
    old = world.consent_of(person)
    newer = {**world.consent_of(person, "wearables-only"), "id": "again", "dateTime": "2026-05-01"}
    world.door("registrar").commit([newer, observation(person, old["id"])])
    stored = world.store.read(Key(world.study.id, "Consent", old["id"]), None)
    assert stored
    assert loads(stored.body)["status"] == "inactive"


def test_a_hidden_consent_is_not_told_of_by_asking_for_its_version(world: World) -> None:
    """Who may not see it is told what is told of one that is not there."""
    consent = world.consent_of(world.person("101-001"))
    narrow = door(world, ENROLLING, scopes=("system/Consent.cru?_id=other", "system/Observation.cruds"))
    assert refusal(NotFound, narrow, {**consent, "language": "en"}).rule == "auth.not-found"
