"""A payload with members of several mappings: each reads its own, and no other way of reading one is changed."""

from functools import cache
from typing import Any

import pytest

from gateway.core.assets import asset_root
from gateway.core.errors import Unprocessable
from gateway.definitions import r4
from gateway.formats import Decoded, json_pointer
from gateway.mapping import MappingRegistry, part_of

AUTO_EXPORT = "wearable.apple-health.auto-export"
GARMIN = tuple(f"wearable.garmin.{name}" for name in ("activity", "sleep", "series", "details", "body"))
DAY, NIGHT, WEIGHT = (
    {"startTimeInSeconds": 1768176000, "calendarDate": "2026-01-12", "steps": 9},
    {"startTimeInSeconds": 1768170000, "durationInSeconds": 60, "deepSleepDurationInSeconds": 60},
    {"measurementTimeInSeconds": 1768176000, "weightInGrams": 75450},
)

CASES: dict[str, tuple[Any, tuple[str, ...], list[tuple[str, list[str]]]]] = {
    "of one mapping": ({"dailies": [DAY]}, GARMIN, [("activity", ["dailies"])]),
    "of two mappings": (
        {"dailies": [DAY], "epochs": [], "sleeps": [NIGHT]},
        GARMIN,
        [("activity", ["dailies", "epochs"]), ("sleep", ["epochs", "sleeps"])],
    ),
    "in the order of the source": (
        {"dailies": [DAY], "bodyComps": [WEIGHT], "sleeps": [NIGHT]},
        GARMIN[::-1],
        [("body", ["bodyComps"]), ("sleep", ["sleeps"]), ("activity", ["dailies"])],
    ),
    "beside what nobody calls their own": (
        {"dailies": [DAY], "sleeps": [NIGHT], "moons": [1]},
        GARMIN,
        [("activity", ["dailies", "moons"]), ("sleep", ["moons", "sleeps"])],
    ),
    "of a mapping that the source has not": (
        {"dailies": [DAY], "sleeps": [NIGHT]},
        GARMIN[:1],
        [("activity", ["dailies", "sleeps"])],
    ),
    "of mappings that have nothing in it": (
        {"dailies": [], "sleeps": [], "hrv": None},
        GARMIN,
        [("activity", ["dailies", "hrv", "sleeps"])],
    ),
    "without members": (DAY, GARMIN, [("activity", sorted(DAY))]),
    "for a mapping without members": (
        {"dailies": [DAY], "sleeps": [NIGHT], "data": {"metrics": []}},
        (AUTO_EXPORT, *GARMIN),
        [("auto-export", ["dailies", "data", "sleeps"])],
    ),
}


@cache
def registry() -> MappingRegistry:
    return MappingRegistry.load((asset_root("mappings"),), r4(), only=(AUTO_EXPORT, *GARMIN))


def decoded(tree: Any) -> Decoded:
    return Decoded(tree, json_pointer)


@pytest.mark.parametrize("name", CASES)
def test_each_mapping_reads_its_own(name: str) -> None:
    tree, mappings, wanted = CASES[name]
    found = registry().parts(mappings, decoded(tree), "json")
    assert [(part.mapping.id.rpartition(".")[2], sorted(part.decoded.tree)) for part in found] == wanted


def test_what_no_mapping_takes_is_refused_as_ever() -> None:
    trees: list[Any] = [{"moons": [1]}, [], {"summary": {}}]
    for tree in trees:
        with pytest.raises(Unprocessable) as refused:
            registry().parts(GARMIN, decoded(tree))
        assert refused.value.issues[0].rule == "mapping.no-match"


def test_a_mapping_that_is_asked_alone_leaves_what_others_read() -> None:
    activity = registry().get(GARMIN[0])
    both, alone = {"dailies": [DAY], "sleeps": [NIGHT]}, {"sleeps": [NIGHT]}
    assert part_of(activity, decoded(both), {"sleeps", "dailies"}).decoded.tree == {"dailies": [DAY]}
    assert part_of(activity, decoded(alone), {"sleeps"}).decoded.tree == alone
    assert part_of(activity, decoded([DAY]), {"sleeps"}).decoded.tree == [DAY]
