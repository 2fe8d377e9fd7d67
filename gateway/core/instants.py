"""FHIR date, dateTime and instant as intervals on the time line.

A partial value is the whole interval it names: `2024-05` is all of May. Times are microseconds since 1970-01-01
UTC, so that they compare as integers in Python and in SQL.
See https://hl7.org/fhir/R4/datatypes.html#dateTime and https://hl7.org/fhir/R4/search.html#date.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
FOREVER_BEFORE: Final = -(2**62)
FOREVER_AFTER: Final = 2**62

_PATTERN = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:[0-5]\d)?)?)?)?\Z"
)
_SECOND = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?!24)[0-9]{2}:[0-9]{2}:[0-5][0-9](?:Z|[+-][0-9]{2}:[0-5][0-9])\Z")
"""Whole seconds with an offset, no leap second."""
_LONGEST: Final = len("2026-06-29T22:00:05.123456789+02:00")


@dataclass(frozen=True, slots=True)
class Interval:
    """Microseconds from `low` (inclusive) to `high` (exclusive)."""

    low: int
    high: int


def micros(instant: datetime) -> int:
    """Microseconds since the epoch of a zone-aware datetime."""
    since = instant - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def from_micros(value: int) -> datetime:
    """The UTC datetime of microseconds since the epoch."""
    return EPOCH + timedelta(microseconds=value)


def format_instant(instant: datetime) -> str:
    """The FHIR instant of a zone-aware datetime, in UTC with milliseconds: `2026-06-29T22:00:05.000Z`."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_interval(text: str, zone: tzinfo = UTC) -> Interval | None:
    """The interval that a FHIR date, dateTime or instant names; None when the text is none of them.

    `zone` applies to values without an offset (dates and partial dates).
    """
    return _interval(text, zone) if len(text) <= _LONGEST else None


@lru_cache(maxsize=1 << 12)
def _interval(text: str, zone: tzinfo) -> Interval | None:
    """The same; the resources of a unit name the same times, and several ask it of one resource."""
    if _SECOND.match(text):
        return _second(text)
    found = _PATTERN.match(text)
    if not found:
        return None
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    try:
        if offset == "Z":
            zone = UTC
        elif offset:
            size = timedelta(hours=int(offset[1:3]), minutes=int(offset[4:6]))
            zone = timezone(-size if offset[0] == "-" else size)
        leap = second == "60"
        low = datetime(
            int(year),
            int(month or 1),
            int(day or 1),
            int(hour or 0),
            int(minute or 0),
            59 if leap else int(second or 0),
            int((fraction or "0")[:6].ljust(6, "0")),
            tzinfo=zone,
        )
        return Interval(micros(low), _end(low, month, day, minute, second, fraction))
    except (ValueError, OverflowError):
        return None


def _second(text: str) -> Interval | None:
    """The interval of a text of the commonest form, which Python reads by itself."""
    try:
        low = micros(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        return None
    return Interval(low, low + 1_000_000)


def _end(
    low: datetime,
    month: str | None,
    day: str | None,
    minute: str | None,
    second: str | None,
    fraction: str | None,
) -> int:
    """The first microsecond after the interval that starts at `low` with the precision of the parts given."""
    if fraction:
        return micros(low) + int(10 ** (6 - min(len(fraction), 6)))
    if second:
        return micros(low) + 1_000_000
    if minute:
        return micros(low) + 60_000_000
    try:
        if day:
            return micros(low + timedelta(days=1))
        if month:
            return micros(low.replace(year=low.year + low.month // 12, month=low.month % 12 + 1))
        return micros(low.replace(year=low.year + 1))
    except (ValueError, OverflowError):
        return FOREVER_AFTER
