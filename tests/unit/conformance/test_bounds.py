"""Bounds of a profile that are relative to now, and bounds of quantities."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from gateway.conformance.profile.bounds import bound_check
from gateway.conformance.run import Location, Run, Scope

AT: Location = (None, "Patient", -1)
NOW = datetime(2026, 3, 1, tzinfo=UTC)
YEARS = {"value": 10, "system": "http://unitsofmeasure.org", "code": "a"}


def rules(bound: tuple[str, Any], value: Any, *, lower: bool, now: datetime | None = NOW) -> list[str]:
    run = Run(Scope({}, {}), now=now)
    bound_check(bound, lower=lower)(value, AT, run)
    return [found.rule.removeprefix("conformance.") for found in run.issues]


@pytest.mark.parametrize(
    ("value", "lower", "expected"),
    [
        ("2017-01-01", True, []),
        ("2016", True, []),
        ("2015", True, ["below-minimum"]),
        ("2035", False, []),
        ("2036-03-02", False, ["above-maximum"]),
        ("yesterday", True, []),
    ],
)
def test_a_duration_bounds_dates_relative_to_now(value: str, lower: bool, expected: list[str]) -> None:
    assert rules(("Duration", YEARS), value, lower=lower) == expected


def test_without_a_moment_or_a_unit_of_time_it_is_said_that_nobody_looked() -> None:
    assert rules(("Duration", YEARS), "2015", lower=True, now=None) == ["bound-unchecked"]
    assert rules(("Quantity", {**YEARS, "code": "kg"}), "2015", lower=True) == ["bound-unchecked"]
    assert rules(("Quantity", {**YEARS, "value": Decimal("NaN")}), "2015", lower=True) == ["bound-unchecked"]


def test_quantities_of_the_same_unit_compare() -> None:
    assert rules(("Quantity", YEARS), {**YEARS, "value": 9}, lower=True) == ["below-minimum"]
    assert rules(("Quantity", YEARS), {**YEARS, "value": 9}, lower=False) == []
    assert rules(("Quantity", YEARS), {**YEARS, "code": "mo", "value": 9}, lower=True) == []
