"""A newer Consent takes the place of the older one of the same policy, in its own transaction."""

from typing import Any

import pytest

from gateway.access import Write
from gateway.core.codec import loads
from gateway.core.resources import Key
from tests.unit.access.conftest import World


def newer(world: World, **changes: Any) -> dict[str, Any]:
    """The first participant's Consent signed again, at a later date, by the template for one organisation."""
    person = world.person("101-001")
    consent = world.consent_of(person, "wearables-only")
    return {**consent, "id": "again", "dateTime": "2026-05-01", **changes}


def statuses(world: World) -> dict[str, tuple[str, str]]:
    """Status and version of the first participant's two Consents."""
    ids = {"old": world.consent_of(world.person("101-001"))["id"], "again": "again"}
    found = {name: world.store.read(Key(world.study.id, "Consent", id), None) for name, id in ids.items()}
    bodies = {name: loads(row.body) for name, row in found.items() if row}
    return {name: (body["status"], body["meta"]["versionId"]) for name, body in bodies.items()}


@pytest.mark.parametrize("by_transaction", [False, True], ids=["commit", "transact"])
def test_the_older_becomes_inactive_and_keeps_its_history(either_world: World, *, by_transaction: bool) -> None:
    world = either_world
    door = world.door("registrar")
    if by_transaction:
        door.transact(lambda _finder: [Write(newer(world))], "update")
    else:
        door.commit([newer(world)])
    assert statuses(world) == {"old": ("inactive", "2"), "again": ("active", "1")}


@pytest.mark.parametrize(
    "changes",
    [
        {"policy": [{"uri": "urn:another"}]},
        {"status": "draft"},
        {"dateTime": "2027-01-01"},
        {"dateTime": "2020-01-01"},
    ],
    ids=str,
)
def test_others_stay(world: World, changes: dict[str, Any]) -> None:
    world.door("registrar").commit([newer(world, **changes)])
    assert statuses(world)["old"] == ("active", "1")


def test_writing_the_same_consent_again_replaces_nothing(world: World) -> None:
    world.door("registrar").commit([world.consent_of(world.person("101-001"))])
    assert statuses(world) == {"old": ("active", "1")}
