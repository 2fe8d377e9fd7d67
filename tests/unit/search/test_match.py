"""The prefixes of dates, on intervals: https://hl7.org/fhir/R4/search.html#prefix."""

import pytest

from gateway.search.compare import compares
from gateway.search.query import Moment, Prefix

LOW, HIGH = 100, 200
INTERVALS = {
    "before": (50, 60),
    "touching-before": (90, 100),
    "over-start": (90, 110),
    "inside": (120, 130),
    "same": (100, 200),
    "around": (90, 210),
    "over-end": (190, 210),
    "touching-after": (200, 210),
    "after": (260, 270),
    "nearly": (205, 206),
}
TRUE: dict[Prefix, set[str]] = {
    "eq": {"inside", "same"},
    "ne": set(INTERVALS) - {"inside", "same"},
    "gt": {"around", "over-end", "touching-after", "after", "nearly"},
    "lt": {"before", "touching-before", "over-start", "around"},
    "ge": {"around", "over-end", "touching-after", "after", "nearly", "inside", "same"},
    "le": {"before", "touching-before", "over-start", "around", "inside", "same"},
    "sa": {"touching-after", "after", "nearly"},
    "eb": {"before", "touching-before"},
    "ap": set(INTERVALS) - {"before", "after"},
}


@pytest.mark.parametrize("prefix", list(TRUE))
def test_prefixes(prefix: Prefix) -> None:
    value = Moment(prefix, LOW, HIGH)
    assert {name for name, interval in INTERVALS.items() if compares(value, *interval)} == TRUE[prefix]
