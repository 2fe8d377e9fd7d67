"""What SDTM makes of FHIR values: dates and times by the participant's clock, and study days."""

import re
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_DATE_TIME: Final = re.compile(
    r"(\d{4}(?:-\d\d(?:-\d\d)?)?)(?:T(\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d:\d\d)?)?\Z", re.ASCII
)
_DAY: Final = 10
"""Characters of a whole date."""


def local_date_time(value: str, zone: str) -> str | None:
    """A FHIR date, dateTime or instant as --DTC: the participant's local date and time, as exact as it was told.

    The offset is left out. One told in UTC is moved to the participant's `zone` (IANA; "" keeps UTC); any other
    offset is that of a clock near the participant, and its time is kept. None for text of another form.
    """
    found = _DATE_TIME.match(value)
    if found is None:
        return None
    day, time, offset = found.groups()
    if time is None:
        return day
    if offset in ("Z", "+00:00") and zone:
        try:
            moved = datetime.fromisoformat(f"{day}T{time[:8]}+00:00").astimezone(ZoneInfo(zone))
        except (ValueError, OverflowError, ZoneInfoNotFoundError):
            return None
        return moved.strftime("%Y-%m-%dT%H:%M:%S")[: len(day) + 1 + len(time[:8])] + time[8:]
    return f"{day}T{time}"


def study_day(local: str, reference: str) -> int | None:
    """--DY of a local date: 1 is the day of the reference start, -1 the day before; there is no day 0.

    None when either is not a whole date.
    """
    try:
        days = (date.fromisoformat(local[:_DAY]) - date.fromisoformat(reference[:_DAY])).days
    except ValueError:
        return None
    return days + 1 if days >= 0 else days
