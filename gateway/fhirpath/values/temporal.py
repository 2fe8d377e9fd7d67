"""Date, DateTime and Time with the precision they were written in.

Two values compare part by part; where one ends before a difference shows, the answer is unknown (None).
See https://hl7.org/fhirpath/N1/#equals and https://hl7.org/fhirpath/N1/#comparison.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, Literal

Sort = Literal["Date", "DateTime", "Time"]

_FIELDS: Final = {"Date": 3, "DateTime": 6, "Time": 3}
_NANO: Final = 1_000_000_000
_MINUTE: Final = 60
_CLOCK = r"(\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d+))?)?)?"
_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?", re.ASCII)
_DATETIME = re.compile(rf"(\d{{4}})(?:-(\d\d)(?:-(\d\d))?)?(?:(T)(?:{_CLOCK}(Z|[+-]\d\d:\d\d)?)?)?", re.ASCII)
_TIME = re.compile(_CLOCK, re.ASCII)
_LIMITS: Final = ((1, 9999), (1, 12), (1, 31), (0, 23), (0, 59), (0, 59 * _NANO + _NANO - 1))
_MAX_OFFSET: Final = 14 * 60


@dataclass(frozen=True, slots=True)
class Temporal:
    """A Date, DateTime or Time.

    `parts` are year, month, day, hour, minute and nanoseconds of the minute (a Time starts at the hour), as many as
    were given; `digits` is how many digits the fraction of the second has; `offset` is minutes east of UTC, None
    where none was given.
    """

    sort: Sort
    parts: tuple[int, ...]
    digits: int = 0
    offset: int | None = None

    def __str__(self) -> str:
        clock = _clock_text(self.parts if self.sort == "Time" else self.parts[3:], self.digits)
        if self.sort == "Time":
            return clock
        date = "-".join(f"{part:0{4 if index == 0 else 2}d}" for index, part in enumerate(self.parts[:3]))
        return f"{date}T{clock}{_offset_text(self.offset)}" if clock else date


def _clock_text(parts: tuple[int, ...], digits: int) -> str:
    text = ":".join(f"{part:02d}" for part in parts[:2])
    if len(parts) < 3:
        return text
    second, rest = divmod(parts[2], _NANO)
    return f"{text}:{second:02d}" + (f".{rest:09d}"[: digits + 1] if digits else "")


def _offset_text(offset: int | None) -> str:
    if offset is None:
        return ""
    if offset == 0:
        return "Z"
    return f"{'-' if offset < 0 else '+'}{abs(offset) // 60:02d}:{abs(offset) % 60:02d}"


def parse_literal(text: str) -> Temporal | None:
    """The value of a literal with its `@`; None when there is no such date or time."""
    if text.startswith("@T"):
        return parse_time(text[2:])
    if "T" in text:
        return parse_datetime(text[1:])
    return parse_date(text[1:])


@lru_cache(maxsize=4096)
def parse_date(text: str) -> Temporal | None:
    """A Date from `2015`, `2015-02` or `2015-02-04`; None for anything else."""
    found = _DATE.fullmatch(text)
    return None if found is None else _checked("Date", _present(found.groups()))


@lru_cache(maxsize=4096)
def parse_datetime(text: str) -> Temporal | None:
    """A DateTime from a date, or from a date, `T` and a time with or without an offset; None for anything else."""
    found = _DATETIME.fullmatch(text)
    if found is None:
        return None
    year, month, day, _, hour, minute, second, fraction, zone = found.groups()
    if hour is not None and day is None:
        return None
    offset = _offset(zone)
    if offset is not None and abs(offset) > _MAX_OFFSET:
        return None
    return _checked("DateTime", _present((year, month, day, hour, minute, second)), fraction, offset)


@lru_cache(maxsize=1024)
def parse_time(text: str) -> Temporal | None:
    """A Time from `14`, `14:34`, `14:34:28` or `14:34:28.123`; None for anything else."""
    found = _TIME.fullmatch(text)
    return None if found is None else _checked("Time", _present(found.groups()[:3]), found.group(4))


def _present(groups: tuple[str | None, ...]) -> tuple[int, ...]:
    return tuple(int(group) for group in groups if group is not None)


def _offset(zone: str | None) -> int | None:
    if zone is None:
        return None
    if zone == "Z":
        return 0
    minutes = int(zone[1:3]) * 60 + int(zone[4:6])
    return -minutes if zone[0] == "-" else minutes


def _checked(
    sort: Sort, parts: tuple[int, ...], fraction: str | None = None, offset: int | None = None
) -> Temporal | None:
    if len(parts) == _FIELDS[sort] and sort != "Date":
        parts = (*parts[:-1], parts[-1] * _NANO + int((fraction or "")[:9].ljust(9, "0")))
    limits = _LIMITS[3:] if sort == "Time" else _LIMITS
    if any(not low <= part <= high for part, (low, high) in zip(parts, limits, strict=False)):
        return None
    if sort != "Time" and len(parts) > 2 and parts[2] > days_in_month(parts[0], parts[1]):
        return None
    return Temporal(sort, parts, min(len(fraction or ""), 9), offset)


def days_in_month(year: int, month: int) -> int:
    """How many days the month has."""
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


def from_datetime(instant: datetime) -> Temporal:
    """The DateTime of a Python datetime, to the millisecond, with its offset."""
    shift = instant.utcoffset()
    offset = None if shift is None else int(shift.total_seconds()) // _MINUTE
    nanos = instant.second * _NANO + instant.microsecond // 1000 * 1_000_000
    return Temporal(
        "DateTime", (instant.year, instant.month, instant.day, instant.hour, instant.minute, nanos), 3, offset
    )


def in_utc(value: Temporal) -> tuple[int, ...]:
    """The parts of a DateTime with an offset, moved to UTC; other values' parts as they are."""
    if not value.offset or len(value.parts) < 5:
        return value.parts
    year, month, day, hour, minute, *rest = value.parts
    try:
        moved = datetime(year, month, day, hour, minute, tzinfo=UTC) - timedelta(minutes=value.offset)
    except OverflowError:
        return value.parts
    return (moved.year, moved.month, moved.day, moved.hour, moved.minute, *rest)


def order(left: Temporal, right: Temporal) -> int | None:
    """-1, 0 or 1; None where the precisions or the missing offset leave it open.

    Raises ValueError for a Time beside a Date or DateTime.
    """
    if (left.sort == "Time") != (right.sort == "Time"):
        raise ValueError("a time of day and a date do not compare")
    if left.sort != "Time" and (left.offset is None) != (right.offset is None):
        return _order_unzoned(left, right)
    ours, theirs = in_utc(left), in_utc(right)
    for mine, other in zip(ours, theirs, strict=False):
        if mine != other:
            return -1 if mine < other else 1
    return 0 if len(ours) == len(theirs) else None


def _order_unzoned(left: Temporal, right: Temporal) -> int | None:
    """One side has no offset: decided only where every offset from -12 to +14 hours gives the same answer."""
    (low, high), (other_low, other_high) = _span(left), _span(right)
    if high <= other_low:
        return -1
    return 1 if low >= other_high else None


def _span(value: Temporal) -> tuple[int, int]:
    """Seconds from the earliest to the latest moment that the value may name."""
    parts = value.parts
    year, month, day = (*parts[:3], 1, 1)[:3]
    start = datetime(year, month, day, tzinfo=UTC).toordinal() * 86400
    width = (366 * 86400, 31 * 86400, 86400, 3600, 60, 1)[len(parts) - 1]
    for part, seconds in zip(parts[3:5], (3600, 60), strict=False):
        start += part * seconds
    start += parts[5] // _NANO if len(parts) > 5 else 0
    if value.offset is None:
        return start - 14 * 3600, start + width + 12 * 3600
    return start - value.offset * 60, start - value.offset * 60 + width
