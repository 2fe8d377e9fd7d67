"""A withdrawal with mode delete leaves nothing of the participant but tombstones and the Consents that tell why."""

from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from gateway.access import Write
from gateway.core.errors import FhirError, Forbidden, NotFound
from gateway.core.receipt import Payload, Receipt
from gateway.core.resources import Key
from gateway.search import Query
from gateway.store import Page
from gateway.study import withdraw
from tests.unit.access.conftest import World
from tests.unit.access.observations import observation, provenance

CANARY = "Zzcanary"
AT = "2026-05-01T00:00:00Z"
TYPES = ("Patient", "ResearchSubject", "Observation", "Provenance")


def land(world: World, id: str, body: bytes, status: Any, name: str = CANARY) -> str:
    """A receipt and its payload; the digest of the body."""
    digest = sha256(body).hexdigest()
    received = datetime(2026, 4, 1, tzinfo=UTC)
    receipt = Receipt(id, world.study.id, "withings", status, received, digest, len(body), "text/plain", name)
    payload = Payload(world.study.id, "withings", body, "text/plain", received, {"user": name}, name)
    world.store.land(payload, receipt)
    return digest


def fill(world: World) -> None:
    """Data of the first participant with planted values: two versions, a deletion, a Provenance, payloads."""
    person, other = world.person("101-001"), world.person("201-001")
    door = world.door("google-health")
    door.commit([observation(person, note=[{"text": f"{CANARY} one"}]), observation(other, id="other")])
    door.commit([observation(person, note=[{"text": f"{CANARY} two"}], valueString=f"{CANARY} three")])
    door.commit([observation(person, id="o2", note=[{"text": f"{CANARY} four"}])])
    digest = land(world, "r1", f"{CANARY} payload".encode(), "stored")
    own = provenance("Observation/o1")
    own["entity"] = [
        {
            "role": "source",
            "what": {"identifier": {"system": "urn:trial-fhir-gateway:payload-sha256", "value": digest}},
        }
    ]
    door.commit([own])
    land(world, "r2", f"{CANARY} quarantined of {person.id}".encode(), "quarantined")
    land(world, "r3", b"of somebody else", "quarantined", "else")


def delete(world: World, *, hold: str = "", by_transaction: bool = False) -> None:
    consent = withdraw(world.consent_of(world.person("101-001")), "delete", AT)
    if hold:
        consent["extension"][-1]["extension"].append({"url": "legalHold", "valueString": hold})
    door = world.door("registrar")
    if by_transaction:
        door.transact(lambda _finder: [Write(consent)], "update")
    else:
        door.commit([consent])


def bodies(world: World) -> bytes:
    """All that the tables with contents hold."""
    tables = ("version", "payload", "receipt", "search_string", "search_reference", "audit_event")
    with world.store.database.engine.connect() as connection:
        rows = [row for table in tables for row in connection.execute(text(f"SELECT * FROM {table}"))]
    return b"\n".join(
        bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
        for row in rows
        for value in row
    )


@pytest.mark.parametrize("by_transaction", [False, True], ids=["commit", "transact"])
def test_nothing_of_the_participant_is_left(either_world: World, *, by_transaction: bool) -> None:
    world = either_world
    fill(world)
    assert CANARY.encode() in bodies(world)
    delete(world, by_transaction=by_transaction)
    assert CANARY.encode() not in bodies(world)
    person = world.person("101-001")
    study = world.study.id
    for type in TYPES:
        left = world.store.search(Query(type), study, None, Page(100)).rows
        assert not any(person.patient.encode() in row.body for row in left)
    assert world.store.read(Key(study, "Observation", "other"), None).body  # type: ignore[union-attr]
    assert world.store.payload(study, "r3").body == b"of somebody else"
    assert (world.store.payload(study, "r1").body, world.store.payload(study, "r2").body) == (b"", b"")


def test_tombstones_stay_and_are_seen_by_nobody(either_world: World) -> None:
    world = either_world
    fill(world)
    delete(world)
    [tombstone] = world.store.history(Key(world.study.id, "Observation", "o1"), None)
    assert (tombstone.version, tombstone.deleted, tombstone.body) == (3, True, b"")
    for client in ("registrar", "data-manager", "ehr-app"):
        for version in (None, 1, 2, 3):
            with pytest.raises(NotFound):
                world.door(client).read("Observation", "o1", version)
        with pytest.raises(NotFound):
            world.door(client).history("Observation", "o1")


def test_a_legal_hold_keeps_the_data_and_hides_it(world: World) -> None:
    fill(world)
    delete(world, hold="an inspection is announced")
    assert CANARY.encode() in bodies(world)
    with pytest.raises(NotFound):
        world.door("data-manager").read("Observation", "o1")


def test_nothing_more_is_collected(world: World) -> None:
    fill(world)
    delete(world)
    with pytest.raises(Forbidden):
        world.door("google-health").commit([observation(world.person("101-001"))])


def test_a_refused_deletion_deletes_nothing(world: World) -> None:
    fill(world)
    consent = withdraw(world.consent_of(world.person("101-001")), "delete", AT)
    with pytest.raises(FhirError):
        world.door("registrar").commit([Write(consent, if_match=7)])
    with pytest.raises(Forbidden):
        world.door("site-app").commit([consent])
    assert CANARY.encode() in bodies(world)


def test_the_database_file_and_its_log_hold_nothing(new_world: World, tmp_path: Path) -> None:
    fill(new_world)
    delete(new_world)
    new_world.trail.close()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.name.endswith("-wal") for path in files)
    assert [path.name for path in files if CANARY.encode() in path.read_bytes()] == []
