"""What is about others moves with them: in time, domain and content, without a version of its own."""

from typing import Any

import pytest
from sqlalchemy import text

from gateway.access import Delete, Write
from gateway.core.resources import Key
from tests.unit.access.conftest import World
from tests.unit.access.observations import observation, provenance


def listing(*entries: str, id: str = "l1") -> dict[str, Any]:
    items = [{"item": {"reference": entry}} for entry in entries]
    return {"resourceType": "List", "id": id, "status": "current", "mode": "working", "entry": items}


def where(world: World, kind: str, id: str) -> dict[str, Any]:
    """Where the current version stands, and which version it is."""
    columns = "level, subject, domain, low, high, kind, version"
    with world.store.database.engine.connect() as connection:
        found = connection.execute(
            text(f"SELECT {columns} FROM resource WHERE study = :study AND type = :kind AND id = :id"),
            {"study": world.study.id, "kind": kind, "id": id},
        )
        return dict(found.mappings().one())


def written_anew(world: World, resource: dict[str, Any]) -> dict[str, Any]:
    """Where a resource of the same content stands when it is written now; Lists and Provenance under another id."""
    world.door("registrar").commit([resource | {"id": "anew"}])
    return where(world, resource["resourceType"], "anew") | {"version": 1}


CHANGES = {
    "time": {"effectiveDateTime": "2026-04-01T10:00:00Z"},
    "domain": {"category": [{"coding": [{"code": "laboratory"}]}], "code": {"coding": [{"code": "x"}]}},
    "content": {"code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]}},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("by_transaction", [False, True], ids=["commit", "transact"])
def test_they_move_with_what_they_are_about(either_world: World, change: Any, *, by_transaction: bool) -> None:
    world, person = either_world, either_world.person("101-001")
    about = [listing("Observation/o1"), listing("List/l1", id="l2"), provenance("Observation/o1/_history/1")]
    world.door("registrar").commit([observation(person), *about])
    before = {one["id"]: where(world, one["resourceType"], one["id"]) for one in about}
    door = world.door("registrar")
    moved = Write(observation(person, **change), if_match=1)
    if by_transaction:
        door.transact(lambda _finder: [moved], "update")
    else:
        door.commit([moved])
    for one in about:
        now = where(world, one["resourceType"], one["id"])
        assert now["version"] == 1
        assert now != before[one["id"]]
        assert now == written_anew(world, one)


def test_what_stays_where_it_is_moves_nothing(world: World) -> None:
    person = world.person("101-001")
    world.door("registrar").commit([observation(person), listing("Observation/o1")])
    before = where(world, "List", "l1")
    world.door("registrar").commit([observation(person, status="amended")])
    world.door("registrar").commit([observation(person, status="amended")])
    assert where(world, "List", "l1") == before


def test_a_list_of_several_spans_them_all(world: World) -> None:
    person = world.person("101-001")
    world.door("registrar").commit(
        [observation(person), observation(person, "o2"), listing("Observation/o1", "Observation/o2")]
    )
    world.door("registrar").commit([observation(person, "o2", effectiveDateTime="2026-05-01T10:00:00Z")])
    own, first, second = (
        where(world, *one) for one in (("List", "l1"), ("Observation", "o1"), ("Observation", "o2"))
    )
    assert (own["low"], own["high"]) == (first["low"], second["high"])


def test_what_the_same_transaction_writes_is_placed_there(world: World) -> None:
    person = world.person("101-001")
    world.door("registrar").commit([observation(person), observation(person, "o2"), listing("Observation/o1")])
    later = observation(person, effectiveDateTime="2026-04-01T10:00:00Z")
    world.door("registrar").commit([later, listing("Observation/o2")])
    assert where(world, "List", "l1")["low"] == where(world, "Observation", "o2")["low"]
    assert where(world, "List", "l1")["version"] == 2


def test_one_whose_other_target_is_gone_stays(world: World) -> None:
    person = world.person("101-001")
    world.door("registrar").commit(
        [observation(person), observation(person, "o2"), listing("Observation/o1", "Observation/o2")]
    )
    before = where(world, "List", "l1")
    world.door("registrar").commit([Delete("Observation", "o2")])
    world.door("registrar").commit([observation(person, effectiveDateTime="2026-04-01T10:00:00Z")])
    assert where(world, "List", "l1") == before


def test_what_comes_back_after_a_deletion_takes_them_along(world: World) -> None:
    person = world.person("101-001")
    world.door("registrar").commit([observation(person), provenance("Observation/o1")])
    world.door("registrar").commit([Delete("Observation", "o1")])
    world.door("registrar").commit([observation(person, effectiveDateTime="2026-04-01T10:00:00Z")])
    assert where(world, "Provenance", "p1")["low"] == where(world, "Observation", "o1")["low"]
    assert world.store.read(Key(world.study.id, "Provenance", "p1"), None)
