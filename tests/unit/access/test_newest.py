"""The newest observations of each code: what is one code, in which order, and how many."""

from typing import Any

import pytest

from gateway.access.reading.newest import MAX_CODES
from gateway.core.errors import Unprocessable
from gateway.core.instants import micros
from gateway.core.resources import Change, Key, Placement, Unit
from gateway.search import Query
from tests.unit.access.conftest import World
from tests.unit.access.observations import observation


def coded(*codings: tuple[str, str], text: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {"coding": [{"system": system, "code": code} for system, code in codings]}
    return {"text": text, **found} if text else found


A, B, C = ("s", "a"), ("s", "b"), ("t", "a")

CASES: dict[str, tuple[list[Any], int, list[str]]] = {
    "one of each code": ([coded(A), coded(B), coded(A)], 1, ["o2", "o1"]),
    "two of each code": ([coded(A), coded(B), coded(A), coded(A)], 2, ["o3", "o2", "o1"]),
    "a code of another system": ([coded(A), coded(C)], 1, ["o1", "o0"]),
    "a coding in common": ([coded(A), coded(A, B)], 1, ["o1"]),
    "the same text": ([{"text": "Pulse"}, {"text": " p u l s e "}], 1, ["o1"]),
    "another text": ([{"text": "pulse"}, {"text": "weight"}], 1, ["o1", "o0"]),
    "a text beside a coding": ([{"text": "x"}, coded(A, text="x")], 1, ["o1", "o0"]),
    "no code at all": ([{}, {}], 1, ["o1"]),
    "codings without a code": ([{"coding": [{"system": "s"}], "text": "x"}, {"text": "x"}], 1, ["o1"]),
    "codings that are none": ([{"coding": ["a", {"code": 5}], "text": "x"}, {"text": "x"}], 1, ["o1"]),
    "codings beside others that are none": (
        [{"coding": [{"system": "s"}, {"system": "s", "code": "a"}]}, coded(A)],
        1,
        ["o1"],
    ),
    "a system that is none": ([{"coding": [{"code": "a"}]}, coded(("", "a"))], 1, ["o1"]),
    "a text that is none": ([{}, {"text": ""}], 1, ["o1"]),
    "most of one code, and then another": ([coded(B), coded(A), coded(A), coded(A)], 2, ["o3", "o2", "o0"]),
    "two of a code with another between": ([coded(A), coded(B), coded(A)], 2, ["o2", "o0", "o1"]),
    "codings without a code, newest": ([{"text": "x"}, {"coding": [{"system": "s"}], "text": "x"}], 1, ["o1"]),
    "codings that are none, newest": ([{"text": "x"}, {"coding": ["a", {"code": 5}], "text": "x"}], 1, ["o1"]),
    "a system that is none beside another": (
        [{"coding": [{"code": "a"}, {"code": "b"}]}, coded(("", "a"))],
        1,
        ["o1"],
    ),
    "no text and one of spaces": ([{}, {"text": " "}], 1, ["o1"]),
    "no system": ([{"coding": [{"code": "a"}]}, {"coding": [{"code": "a"}]}, coded(A)], 1, ["o2", "o1"]),
}


@pytest.mark.parametrize(("codes", "most", "ids"), CASES.values(), ids=CASES.keys())
def test_the_newest_of_each_code(world: World, codes: list[Any], most: int, ids: list[str]) -> None:
    person = world.person("101-001")
    for number, code in enumerate(codes):
        when = {"effectiveDateTime": f"2026-03-{number + 1:02}T10:00:00Z"}
        world.door("registrar").commit([observation(person, f"o{number}", code=code, **when)])
    found = world.door("ehr-app").newest(Query("Observation"), most)
    assert [row.key.id for row in found] == ids
    event = world.events()[-1]
    assert (event.operation, event.count, event.targets) == (
        "lastn",
        len(ids),
        tuple(f"Observation/{id}" for id in ids),
    )


def test_too_many_codes_are_refused(world: World) -> None:
    person = world.person("101-001")
    placed = Placement((person.patient,), ("wearable",), low=micros(world.now) - 1, high=micros(world.now))

    def rows(first: int, last: int) -> Unit:
        made = [observation(person, f"o{n}", code=coded(("s", str(n)))) for n in range(first, last)]
        return Unit(
            world.study.id, tuple(Change(Key(world.study.id, "Observation", one["id"]), one, placed) for one in made)
        )

    world.store.commit(rows(0, MAX_CODES))
    door = world.door("ehr-app")
    assert len(door.newest(Query("Observation"), 1)) == MAX_CODES == 1000
    world.store.commit(rows(MAX_CODES, MAX_CODES + 1))
    with pytest.raises(Unprocessable, match=r"rest\.too-many-codes"):
        door.newest(Query("Observation"), 1)
    event = world.events()[-1]
    assert (event.operation, event.outcome, event.targets) == ("lastn", "failure", ("Observation",))
