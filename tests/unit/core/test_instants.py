"""FHIR dates are intervals; their ends depend on the precision that was written."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.instants import FOREVER_AFTER, format_instant, from_micros, micros, parse_interval

CASES = [
    ("2024", "2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z"),
    ("2024-02", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"),
    ("2024-12", "2024-12-01T00:00:00Z", "2025-01-01T00:00:00Z"),
    ("2024-02-29", "2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z"),
    ("2024-05-01T10:00+02:00", "2024-05-01T08:00:00Z", "2024-05-01T08:01:00Z"),
    ("2024-05-01T10:00:00Z", "2024-05-01T10:00:00Z", "2024-05-01T10:00:01Z"),
    ("2024-05-01T10:00:00.25-05:00", "2024-05-01T15:00:00.25Z", "2024-05-01T15:00:00.26Z"),
    ("2024-12-31T23:59:60Z", "2024-12-31T23:59:59Z", "2025-01-01T00:00:00Z"),
]


@pytest.mark.parametrize(("text", "low", "high"), CASES)
def test_the_interval_that_a_value_names(text: str, low: str, high: str) -> None:
    found = parse_interval(text)
    assert found is not None
    assert (from_micros(found.low), from_micros(found.high)) == (
        datetime.fromisoformat(low),
        datetime.fromisoformat(high),
    )


def test_a_date_without_offset_takes_the_zone_given_across_a_clock_change() -> None:
    found = parse_interval("2026-03-29", ZoneInfo("Europe/Madrid"))
    assert found is not None
    assert found.high - found.low == 23 * 3600 * 1_000_000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "2024-13",
        "2024-02-30",
        "0000",
        "2024-1-1",
        "2024-01-01T25:00:00Z",
        "2024-01-01 10:00",
        "20240101",
        "2024-01-01T10:00:00+99:00",
    ],
)
def test_what_is_no_date_has_no_interval(text: str) -> None:
    assert parse_interval(text) is None


def test_the_last_year_ends_never() -> None:
    found = parse_interval("9999")
    assert found is not None
    assert found.high == FOREVER_AFTER


@given(st.text(max_size=40))
def test_never_raises(text: str) -> None:
    parse_interval(text)


@given(st.datetimes(min_value=datetime(1900, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_micros_round_trip(instant: datetime) -> None:
    assert from_micros(micros(instant)) == instant
    found = parse_interval(format_instant(instant))
    assert found is not None
    assert found.low <= micros(instant) < found.high
