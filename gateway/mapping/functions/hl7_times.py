"""Dates and times of HL7 v2 and DICOM: those that are told in full, as most are, and times of day.

See https://hl7.org/fhir/R4/datatypes.html#dateTime.
"""

import re
from calendar import isleap, monthrange
from collections.abc import Mapping
from typing import Any, Final

from gateway.mapping.functions.arguments import text_of
from gateway.mapping.scope import report

_SHORT, _LONG = 8, 19
"""How long texts are that end with the day, with the offset."""

_YEAR, _DAY, _MINUTE, _SECOND, _ZONE = slice(4), slice(4, 8), slice(8, 12), slice(12, 14), slice(14, 19)

_DAYS: Final[Mapping[bool, Mapping[str, str]]] = {
    leap: {
        f"{month:02}{day:02}": f"-{month:02}-{day:02}"
        for month in range(1, 13)
        for day in range(1, monthrange(2000 if leap else 2001, month)[1] + 1)
    }
    for leap in (False, True)
}
_DAYS_OF: Final[Mapping[str, Mapping[str, str]]] = {str(year): _DAYS[isleap(year)] for year in range(1800, 2200)}
_MINUTES: Final[Mapping[str, str]] = {
    f"{at // 60:02}{at % 60:02}": f"T{at // 60:02}:{at % 60:02}:" for at in range(24 * 60)
}
_SECONDS: Final[Mapping[str, str]] = {text: text for text in (f"{at:02}" for at in range(60))}
_ZONES: Final[Mapping[str, str]] = {
    f"{sign}{hour:02}{minute}": f"{sign}{hour:02}:{minute}"
    for sign in "+-"
    for hour in range(15)
    for minute in ("00", "15", "30", "45")
}
"""What stands in a dateTime for a day of its year, a minute of the day, a second, and an offset that is in use."""

_TIME_OF_DAY = re.compile(r"([01]\d|2[0-3])([0-5]\d)([0-5]\d)?(\.\d+)?(?:[+-]\d{4})?\Z")


def full_day(text: str) -> str | None:
    """The FHIR date of `YYYYMMDD`; None for anything else, a day that there is not, and a year far away."""
    if len(text) != _SHORT:
        return None
    try:
        year = text[_YEAR]
        return year + _DAYS_OF[year][text[_DAY]]
    except KeyError:
        return None


def full_second(text: str) -> str | None:
    """The FHIR dateTime of `YYYYMMDDHHMMSS+ZZZZ`; None for anything else, and for a time that there is not.

    None as well for an offset that is not in use, and for a year far away.
    """
    if len(text) != _LONG:
        return None
    try:
        year = text[_YEAR]
        day, minute, second = _DAYS_OF[year][text[_DAY]], _MINUTES[text[_MINUTE]], _SECONDS[text[_SECOND]]
        return f"{year}{day}{minute}{second}{_ZONES[text[_ZONE]]}"
    except KeyError:
        return None


def hl7_time_of_day(focus: list[Any]) -> list[Any]:
    """The FHIR time of an HL7 TM or DICOM TM (`HHMM[SS[.S]]`)."""
    results = []
    for value in focus:
        text = text_of(value, "hl7TimeOfDay()")
        if not text:
            continue
        found = _TIME_OF_DAY.match(text.strip())
        if found:
            results.append(f"{found[1]}:{found[2]}:{found[3] or '00'}{found[4] or ''}")
        else:
            report("mapping.wrong-value", what="hl7TimeOfDay()")
    return results
