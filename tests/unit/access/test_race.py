"""A withdrawal against writers: once it is committed, nothing more is collected."""

import threading

from gateway.core.errors import Forbidden
from gateway.core.resources import Key
from gateway.study import withdraw
from tests.unit.access.conftest import World
from tests.unit.access.observations import observation


def test_no_delivery_is_committed_after_a_withdrawal(either_world: World) -> None:
    world = either_world
    person = world.person("101-001")
    withdrawn, collected, failures = threading.Event(), [], []

    def deliver(name: str) -> None:
        door = world.door("google-health")
        for number in range(400):
            began_after = withdrawn.is_set()
            try:
                door.commit([observation(person, f"{name}-{number}")])
            except Forbidden:
                return
            collected.append(f"{name}-{number}")
            if began_after:
                failures.append(f"{name}-{number}")

    writers = [threading.Thread(target=deliver, args=(name,)) for name in ("a", "b", "c")]
    for writer in writers:
        writer.start()
    while len(collected) < 10:
        pass
    consent = withdraw(world.consent_of(person), "no-further-use", "2026-05-01T00:00:00Z")
    [done] = world.door("registrar").commit([consent])
    withdrawn.set()
    for writer in writers:
        writer.join()
    assert failures == []
    chained = [row.event for row in world.store.rows(world.study.id)]
    reference = done.stored.key.reference.encode()
    moment = max(index for index, event in enumerate(chained) if reference in event)
    assert not any(b'"ingest"' in event and b'"success"' in event for event in chained[moment:])
    assert all(world.store.read(Key(world.study.id, "Observation", id), None) for id in collected)
