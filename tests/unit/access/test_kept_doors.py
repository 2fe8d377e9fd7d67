"""What doors are made of is kept for each token; nobody comes through what was made for another."""

from dataclasses import replace

import pytest

from gateway.access import access
from gateway.core.errors import Forbidden
from gateway.search import Query
from gateway.store.port import Page
from gateway.study.parts import Role
from tests.unit.access.conftest import World

READS = Role("doctor", ("system/*.rs",))
RESEARCHER = Role("researcher-de", ("system/*.rs",), deidentify="safe-harbor")


def test_a_door_is_of_the_same_gate_for_the_same_principal_alone(world: World) -> None:
    made, principal = world.acting(READS)
    first = made.door(principal)._gate
    assert made.door(principal)._gate is first
    other = replace(principal, scopes=("system/Patient.rs",))  # the same token says something else
    assert other.token == principal.token
    assert made.door(other)._gate.principal is other


def test_a_way_that_is_open_to_exports_stays_shut_for_all_else(world: World) -> None:
    made, principal = world.acting(RESEARCHER)
    made.door(principal, deidentifies=True)
    with pytest.raises(Forbidden, match=r"export\.deidentified-only"):
        made.door(principal).search(Query("Observation"), Page(1))
    made.door(principal, deidentifies=True).search(Query("Observation"), Page(1))


def test_what_is_kept_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "_KEPT", 2)
    made, principal = world.acting(READS)
    callers = [replace(principal, token=str(number)) for number in range(3)]
    gates = [made.door(one)._gate for one in callers[:2]]
    assert [made.door(one)._gate for one in callers[:2]] == gates
    assert made.door(callers[0])._gate is gates[0]
    made.door(callers[2])
    assert made.door(callers[0])._gate is not gates[0]
