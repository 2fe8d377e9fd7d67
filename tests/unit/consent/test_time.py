"""Bounds of time: dates are whole days of the study's zone, to the second, over changes of the clocks too."""

from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.consent import ConsentRequest, compile_grants, decide, permits
from gateway.core.instants import parse_interval
from gateway.core.resources import Placement
from tests.compliance.decision_table import cases

CASE = next(case for case in cases() if case.id == "2")


def answer(provision: dict[str, Any], zone: str, now: str = "2026-06-01T12:00:00Z", when: str = "2026-03-01") -> bool:
    """What both say for one permit with the given elements beside its study."""
    policy = replace(CASE.policy, zone=ZoneInfo(zone))
    consent = CASE.consents[0] | {"provision": CASE.consents[0]["provision"] | provision}
    at, content = parse_interval(now), parse_interval(when, policy.zone)
    assert at
    assert content
    asked = ConsentRequest("A", "access", "HRESCH", at.low)
    placed = Placement(("P1",), ("heart",), low=content.low, high=content.high)
    decided = decide([consent], asked, placed, policy).permit
    assert permits(compile_grants("P1", [consent], policy), asked, placed) == decided
    return decided


@pytest.mark.parametrize(
    ("zone", "last", "after"),
    [
        ("UTC", "2026-06-01T23:59:59Z", "2026-06-02T00:00:00Z"),
        ("Europe/Madrid", "2026-06-01T21:59:59Z", "2026-06-01T22:00:00Z"),
        ("Asia/Kolkata", "2026-06-01T18:29:59Z", "2026-06-01T18:30:00Z"),
        ("America/New_York", "2026-06-02T03:59:59Z", "2026-06-02T04:00:00Z"),
    ],
)
def test_the_last_day_of_a_period_ends_with_the_study_s_day(zone: str, last: str, after: str) -> None:
    period = {"period": {"end": "2026-06-01"}}
    assert answer(period, zone, last)
    assert not answer(period, zone, after)


@pytest.mark.parametrize(
    ("start", "before", "at"),
    [
        ("2026-03-29", "2026-03-28T22:59:59Z", "2026-03-28T23:00:00Z"),
        ("2026-03-30", "2026-03-29T21:59:59Z", "2026-03-29T22:00:00Z"),
        ("2026-10-25", "2026-10-24T21:59:59Z", "2026-10-24T22:00:00Z"),
        ("2026-10-26", "2026-10-25T22:59:59Z", "2026-10-25T23:00:00Z"),
    ],
)
def test_a_period_starts_with_the_day_also_where_clocks_change(start: str, before: str, at: str) -> None:
    period = {"period": {"start": start}}
    assert not answer(period, "Europe/Madrid", before)
    assert answer(period, "Europe/Madrid", at)


@pytest.mark.parametrize(
    ("data", "when", "permitted"),
    [
        ({"start": "2026-03-01"}, "2026-03-01", True),
        ({"start": "2026-03-01"}, "2026-02-28T23:00:00Z", True),
        ({"start": "2026-03-01"}, "2026-02-28T22:59:59Z", False),
        ({"end": "2026-03-01"}, "2026-03-01T22:59:59.999999Z", True),
        ({"end": "2026-03-01"}, "2026-03-01T23:00:00Z", False),
        ({"end": "2026-03"}, "2026-03-31", True),
        ({"start": "2026-03-02"}, "2026-03", False),
        ({}, "2026-03-01", False),
        ({"start": "2026-04-01", "end": "2026-03-01"}, "2026-03-15", False),
        ({"start": "soon"}, "2026-03-15", False),
        ({"start": "2026-01-01", "extension": []}, "2026-03-15", False),
    ],
)
def test_data_must_lie_wholly_inside_a_window_that_is_understood(
    data: dict[str, Any], when: str, permitted: bool
) -> None:
    assert answer({"dataPeriod": data}, "Europe/Madrid", when=when) == permitted


def test_two_windows_that_touch_do_not_make_one() -> None:
    halves = [{"type": "permit", "dataPeriod": {"end": "2026-03-15"}}]
    halves.append({"type": "permit", "dataPeriod": {"start": "2026-03-16"}})
    provision = {"type": "deny", "provision": halves}
    assert answer(provision, "UTC", when="2026-03-10")
    assert answer(provision, "UTC", when="2026-03-20")
    assert not answer(provision, "UTC", when="2026-03")
