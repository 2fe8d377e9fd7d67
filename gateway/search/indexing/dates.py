"""Dates: date, dateTime, instant, Period, Timing, as intervals.

See https://hl7.org/fhir/R4/search.html#date.
"""

from collections.abc import Sequence
from typing import Any

from gateway.core.instants import FOREVER_AFTER, FOREVER_BEFORE, parse_interval
from gateway.search.entries import DateEntry, IndexEntry
from gateway.search.parameters import Indexed


def add_dates(entries: list[IndexEntry], parameter: Indexed, values: Sequence[Any]) -> None:
    """Adds the interval that each value spans; of a Timing only the outer limits count."""
    for value in values:
        is_timing = isinstance(value, dict) and ("event" in value or "repeat" in value)
        bounds = _timing(value) if is_timing else _bounds(value)
        if bounds:
            entries.append(DateEntry(parameter.code, *bounds))


def _bounds(value: Any) -> tuple[int, int] | None:
    if isinstance(value, str):
        interval = parse_interval(value)
        return (interval.low, interval.high) if interval else None
    if not isinstance(value, dict) or not ("start" in value or "end" in value):
        return None
    start, end = value.get("start"), value.get("end")
    first = parse_interval(start) if isinstance(start, str) else None
    last = parse_interval(end) if isinstance(end, str) else None
    low = first.low if first else FOREVER_BEFORE
    high = last.high if last else FOREVER_AFTER
    return (low, high) if low < high else None


def _timing(value: dict[str, Any]) -> tuple[int, int] | None:
    """A Timing is the span of its events, or its bounds; one that has neither has no date."""
    events = value.get("event")
    found = [bounds for event in events if (bounds := _bounds(event))] if isinstance(events, list) else []
    repeat = value.get("repeat")
    if isinstance(repeat, dict):
        bounds = _bounds(repeat.get("boundsPeriod"))
        found += [bounds] if bounds else []
    return (min(low for low, _ in found), max(high for _, high in found)) if found else None
