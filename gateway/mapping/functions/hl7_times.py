"""Dates and times of HL7 v2 and DICOM: those that are told in full, as most are, and times of day.

See https://hl7.org/fhir/R4/datatypes.html#dateTime.
"""

import re
from datetime import date, datetime
from typing import Any

from gateway.mapping.functions.arguments import text_of
from gateway.mapping.scope import report

_SHORT, _LONG = 8, 19
"""How long texts are that end with the day, with the offset."""

_YEAR, _MONTH, _DAY, _HOUR, _MINUTE = slice(4), slice(4, 6), slice(6, 8), slice(8, 10), slice(10, 12)
_SECOND, _REST, _ZONE, _LOCAL = slice(12, 17), slice(17, 19), slice(15, 19), slice(19)
"""Seconds with sign and hours of the offset, its minutes, both; and of a FHIR dateTime what is before the offset."""

_TIME_OF_DAY = re.compile(r"([01]\d|2[0-3])([0-5]\d)([0-5]\d)?(\.\d+)?(?:[+-]\d{4})?\Z")


def full_day(text: str) -> str | None:
    """The FHIR date of `YYYYMMDD`; None for anything else, and for a day that there is not."""
    if len(text) != _SHORT or not (text.isascii() and text.isdigit()):
        return None
    told = f"{text[_YEAR]}-{text[_MONTH]}-{text[_DAY]}"
    try:
        date.fromisoformat(told)
    except ValueError:
        return None
    return told


def full_second(text: str) -> str | None:
    """The FHIR dateTime of `YYYYMMDDHHMMSS+ZZZZ`; None for anything else, and for a time that there is not."""
    if len(text) != _LONG or text[14] not in "+-" or not (text.isascii() and text[_ZONE].isdigit()):
        return None
    told = f"{text[_YEAR]}-{text[_MONTH]}-{text[_DAY]}T{text[_HOUR]}:{text[_MINUTE]}:{text[_SECOND]}:{text[_REST]}"
    try:
        datetime.fromisoformat(told[_LOCAL])
    except ValueError:
        return None
    return told


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
