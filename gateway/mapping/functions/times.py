"""Times: offsets and zones kept as the subject had them, HL7 and vendor forms into FHIR texts.

Results are texts with the precision of the source: fractions keep their digits, a date stays a date. FHIR wants
seconds as soon as there is a time, so that missing ones are written as zero.
See https://hl7.org/fhir/R4/datatypes.html#dateTime.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from gateway.core.instants import EPOCH
from gateway.mapping.functions.arguments import argument, number_of, text_of
from gateway.mapping.functions.hl7_times import full_day, full_second, hl7_time_of_day
from gateway.mapping.plan import MEMORY, remember
from gateway.mapping.scope import current, report

_ISO = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(:\d\d)?(\.\d+)?(Z|[+-]\d\d:\d\d)?\Z")
_HOUR = re.compile(r"(\d{4}-\d\d-\d\dT\d\d):\Z", re.ASCII)
_WHOLE_SECONDS: Mapping[str, str] = MappingProxyType(
    {f"{at // 60:02}:{at % 60:02}Z": f"{at // 60:02}:{at % 60:02}" for at in range(3600)}
)
_HL7 = re.compile(r"(\d{4})(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(\.\d+)?)?)?)?)?)?([+-]\d{4})?\Z")
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)\Z")
_SECONDS = re.compile(r"([+-]?\d{1,6})(?:\.0*)?s?\Z")
_PARTIAL = re.compile(r"\d{4}(-\d\d(-\d\d)?)?\Z")
_DAY_SECONDS = 86_400
_LONGEST = 40
"""How long a text may be for its result to be remembered."""

_PER_SECOND = {"s": 0, "ms": 3, "us": 6}
_NO_FOCUS: list[Any] = []


def _offset_seconds(text: str) -> int | None:
    return _known_offset(text) if len(text) <= _LONGEST else None


@lru_cache(maxsize=512)
def _known_offset(text: str) -> int | None:
    if text == "Z":
        return 0
    found = _OFFSET.match(text)
    if found:
        sign, hours, minutes = found.groups()
        seconds = (int(hours) * 60 + int(minutes)) * 60 * (-1 if sign == "-" else 1)
    else:
        plain = _SECONDS.match(text)
        if not plain:
            return None
        seconds = int(plain[1])
    return seconds if abs(seconds) < _DAY_SECONDS and seconds % 60 == 0 else None


@lru_cache(maxsize=512)
def _delta(seconds: int) -> timedelta:
    return timedelta(seconds=seconds)


@lru_cache(maxsize=512)
def _offset_text(seconds: int) -> str:
    minutes = abs(seconds) // 60
    return f"{'-' if seconds < 0 else '+'}{minutes // 60:02}:{minutes % 60:02}"


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # a name that is not known is a KeyError
        return None


def at_offset(focus: list[Any], offset: list[Any]) -> list[Any]:
    """An instant shown at the offset; a local time declared to be at it; a date as it is."""
    given = argument(offset, "atOffset()")
    if given is None or not focus:
        return []
    seconds = _offset_seconds(str(given))
    if seconds is None:
        report("mapping.wrong-value", what="atOffset()")
        return []
    moved = (_shown(value, seconds) for value in focus)
    return [text for text in moved if text is not None]


def _shown(value: Any, seconds: int) -> str | None:
    if value.__class__ is str and len(value) == 20 and value[10] == "T" and value[-1] == "Z":
        try:  # the usual case, without a regular expression
            return (datetime.fromisoformat(value[:19]) + _delta(seconds)).isoformat() + _offset_text(seconds)
        except (ValueError, OverflowError):
            pass
    text = text_of(value, "atOffset()")
    if text is None:
        return None
    found = _ISO.match(text)
    if not found:
        return _date_or_report(text, "atOffset()")
    day, minute, second, fraction, offset = found.groups()
    try:
        local = datetime.fromisoformat(f"{day}T{minute}{second or ':00'}")
        if offset:
            local += timedelta(seconds=seconds - (_offset_seconds(offset) or 0))
    except (ValueError, OverflowError):
        report("mapping.wrong-value", what="atOffset()")
        return None
    return f"{local.isoformat()}{fraction or ''}{_offset_text(seconds)}"


def at_offset_of(value: Any, offset: Any) -> str | None:
    """As `at_offset`, for one item or none."""
    if value.__class__ is str and offset.__class__ is str and len(offset) <= _LONGEST:
        rest, hour = _WHOLE_SECONDS.get(value[14:]), _hour_at(value[:14], offset)
        if rest is not None and hour is not None:
            return hour[0] + rest + hour[1]
    if value is None or offset is None:
        return None
    found = at_offset([value], [offset])
    return str(found[0]) if found else None


@lru_cache(maxsize=4096)
def _hour_at(hour: str, offset: str) -> tuple[str, str] | None:
    """`2026-01-01T08:` of UTC at an offset of whole hours, and the text of the offset; None where it is neither."""
    found, seconds = _HOUR.match(hour), _offset_seconds(offset)
    if found is None or seconds is None or seconds % 3600:
        return None
    try:
        moved = datetime.fromisoformat(found[1]) + _delta(seconds)
    except (ValueError, OverflowError):
        return None
    return moved.isoformat()[:14], _offset_text(seconds)


def _date_or_report(text: str, what: str) -> str | None:
    if _PARTIAL.match(text):
        return text
    report("mapping.wrong-value", what=what)
    return None


def at_zone(focus: list[Any], zone: list[Any] = _NO_FOCUS) -> list[Any]:
    """An instant shown in the zone; a local time declared to be in it; a date as it is."""
    results = []
    for value in focus:
        text = text_of(value, "atZone()")
        found = _ISO.match(text) if text is not None else None
        if text is None or not found:
            results.append(None if text is None else _date_or_report(text, "atZone()"))
            continue
        day, minute, second, fraction, offset = found.groups()
        results.append(_in_zone(f"{day}T{minute}{second or ':00'}", fraction or "", offset, zone, "atZone()"))
    return [text for text in results if text is not None]


def _in_zone(local_text: str, fraction: str, offset: str | None, zone: list[Any], what: str) -> str | None:
    """The text with the zone's offset; reports unknown zones and times that do not exist."""
    name = argument(zone, what) or current.get().zone
    info = _zone(str(name)) if name else None
    try:
        local = datetime.fromisoformat(local_text)
        fixed = _offset_seconds(str(name)) if name and info is None else None
        if fixed is not None:
            if offset:
                local += timedelta(seconds=fixed - (_offset_seconds(offset) or 0))
            return f"{local.isoformat()}{fraction}{_offset_text(fixed)}"
        if info is None:
            report("mapping.wrong-value", what=f"{what}, which needs a known zone")
            return None
        if offset:
            utc = (local - timedelta(seconds=_offset_seconds(offset) or 0)).replace(tzinfo=EPOCH.tzinfo)
            return _with_offset(utc.astimezone(info), fraction)
        settled = _settle(local, info)
    except (ValueError, OverflowError):
        report("mapping.wrong-value", what=what)
        return None
    return _with_offset(settled, fraction) if settled is not None else None


def _with_offset(moment: datetime, fraction: str) -> str:
    offset = moment.utcoffset() or timedelta()
    return f"{moment.replace(tzinfo=None).isoformat()}{fraction}{_offset_text(int(offset.total_seconds()))}"


def _settle(local: datetime, zone: ZoneInfo) -> datetime | None:
    """The instant that a local time names, by the mapping's policy where it names two or none."""
    first, second = local.replace(tzinfo=zone), local.replace(tzinfo=zone, fold=1)
    if first.utcoffset() == second.utcoffset():
        return first
    scope = current.get()
    there_and_back = first.astimezone(EPOCH.tzinfo).astimezone(zone)
    if there_and_back.replace(tzinfo=None) != local:
        if scope.gap == "shift":
            return there_and_back
    elif scope.ambiguous != "error":
        return first if scope.ambiguous == "earlier" else second
    report("mapping.local-time")
    return None


def from_epoch(focus: list[Any], unit: list[Any] = _NO_FOCUS) -> list[Any]:
    """The instant, in UTC, of a number of seconds, `ms` or `us` since 1970."""
    digits = _PER_SECOND.get(argument(unit, "fromEpoch()") or "s")
    results = []
    for value in focus:
        number = number_of(value, "fromEpoch()")
        if number is None:
            continue
        try:
            if digits is None:
                raise ValueError
            seconds = Decimal(number).scaleb(-digits)
            whole = int(seconds // 1)
            fraction = f"{seconds - whole:f}"[1:].rstrip("0").rstrip(".")
            moment = EPOCH + timedelta(seconds=whole)
        except (ValueError, ArithmeticError):
            report("mapping.wrong-value", what="fromEpoch()")
            continue
        results.append(f"{moment.replace(tzinfo=None).isoformat()}{fraction}Z")
    return results


def date_only(focus: list[Any]) -> list[Any]:
    """The local date of dates and dateTimes."""
    texts = (text_of(value, "dateOnly()") for value in focus)
    return [text[:10] for text in texts if text]


def hl7_time(focus: list[Any], zone: list[Any] = _NO_FOCUS) -> list[Any]:
    """The FHIR dateTime of an HL7 DTM (`YYYY[MM[DD[HH[MM[SS[.S]]]]]][+ZZZZ]`); "" gives nothing."""
    results = (_hl7(value, zone) for value in focus)
    return [text for text in results if text is not None]


def hl7_time_of(value: Any) -> str | None:
    """As `hl7_time` in the default zone, for one item or none; remembered in the unit, where it comes again."""
    if value is None:
        return None
    if value.__class__ is str:
        told = full_second(value)
        if told is not None:
            times = current.get().times
            if len(times) < MEMORY:
                times[value] = told
            return told
    found = _hl7(value, _NO_FOCUS)
    if found is not None:
        remember(current.get().times, value, found)
    return found


def _hl7(value: Any, zone: list[Any]) -> str | None:
    text = text_of(value, "hl7Time()")
    if not text:
        return None
    told = full_second(text)
    if told is not None:
        return told
    found = _HL7.match(text.strip())
    if not found:
        report("mapping.wrong-value", what="hl7Time()")
        return None
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    if not hour:
        return _day(year, month, day, "hl7Time()")
    local = f"{year}-{month}-{day}T{hour}:{minute or '00'}:{second or '00'}"
    if not offset:
        return _in_zone(local, fraction or "", None, zone, "hl7Time()")
    try:
        datetime.fromisoformat(local)
    except ValueError:
        report("mapping.wrong-value", what="hl7Time()")
        return None
    return f"{local}{fraction or ''}{offset[:3]}:{offset[3:]}"


def hl7_date(focus: list[Any]) -> list[Any]:
    """The FHIR date of an HL7 DT or DTM, with its precision."""
    results = (hl7_date_of(value) for value in focus)
    return [text for text in results if text is not None]


def hl7_date_of(value: Any) -> str | None:
    """As `hl7_date`, for one item or none."""
    if value is None:
        return None
    told = full_day(value) if value.__class__ is str else None
    if told is not None:
        return told
    text = text_of(value, "hl7Date()")
    if not text:
        return None
    told = full_day(text)
    if told is not None:
        return told
    found = _HL7.match(text.strip())
    if not found:
        report("mapping.wrong-value", what="hl7Date()")
        return None
    year, month, day = found.group(1, 2, 3)
    return _day(year, month, day, "hl7Date()")


def _day(year: str, month: str | None, day: str | None, function: str) -> str | None:
    """The date as far as it is told; None, and reported, for a day that its month does not have."""
    if day and day > "28":
        try:
            date(int(year), int(month or 0), int(day))
        except ValueError:
            report("mapping.wrong-value", what=function)
            return None
    return "-".join(part for part in (year, month, day) if part)


_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_TOKENS = {
    "YYYY": r"(?P<year>\d{4})",
    "MMM": r"(?P<name>[A-Za-z]{3})",
    "MM": r"(?P<month>\d{1,2})",
    "DD": r"(?P<day>\d{1,2})",
    "HH": r"(?P<hour>\d{1,2})",
    "hh": r"(?P<half>\d{1,2})",
    "mm": r"(?P<minute>\d\d)",
    "ss": r"(?P<second>\d\d)(?P<fraction>\.\d+)?",
    "A": r"(?P<noon>[AaPp][Mm])",
}
_TOKEN = re.compile("|".join(_TOKENS))
_LETTER = re.compile("[A-SU-Ya-z]")


@lru_cache(maxsize=64)
def time_pattern(pattern: str) -> re.Pattern[str] | None:
    """The regular expression of a `parseTime` pattern; None when a token is there twice, there is no year, or a
    letter is no token, T or Z."""
    if _LETTER.search(_TOKEN.sub("", pattern)):
        return None
    parts, last = [], 0
    for token in _TOKEN.finditer(pattern):
        parts += [re.escape(pattern[last : token.start()]), _TOKENS[token[0]]]
        last = token.end()
    try:
        compiled = re.compile("".join(parts) + re.escape(pattern[last:]) + r"\Z")
    except re.error:
        return None
    return compiled if "year" in compiled.groupindex else None


def parse_time(focus: list[Any], pattern: list[Any], zone: list[Any] = _NO_FOCUS) -> list[Any]:
    """The FHIR date or dateTime of texts that are written in exactly this pattern."""
    compiled = time_pattern(str(argument(pattern, "parseTime()")))
    results: list[str | None] = []
    for value in focus:
        text = text_of(value, "parseTime()")
        if not text:
            continue
        found = compiled.match(text.strip()) if compiled else None
        if found is None:
            report("mapping.wrong-value", what="parseTime()")
            continue
        results.append(_parsed(found.groupdict(), zone))
    return [text for text in results if text is not None]


def _parsed(part: dict[str, str | None], zone: list[Any]) -> str | None:
    month = part.get("month")
    name = (part.get("name") or "").upper()
    if name:
        month = str(_MONTHS.index(name) + 1) if name in _MONTHS else "99"
    date = "-".join(text.zfill(2) for text in (part["year"], month, part.get("day")) if text)
    hour = part.get("hour") or part.get("half")
    try:
        if not hour:
            datetime.fromisoformat((date + "-01-01")[:10])
            return date
        number = int(hour)
        if part.get("noon"):
            number = number % 12 + (12 if str(part["noon"]).upper() == "PM" else 0)
    except ValueError:
        report("mapping.wrong-value", what="parseTime()")
        return None
    local = f"{date}T{number:02}:{part.get('minute') or '00'}:{part.get('second') or '00'}"
    return _in_zone(local, part.get("fraction") or "", None, zone, "parseTime()")


TIMES: dict[str, tuple[int, int, Callable[..., list[Any]]]] = {
    "atOffset": (1, 1, at_offset),
    "atZone": (0, 1, at_zone),
    "fromEpoch": (0, 1, from_epoch),
    "dateOnly": (0, 0, date_only),
    "hl7Time": (0, 1, hl7_time),
    "hl7Date": (0, 0, hl7_date),
    "hl7TimeOfDay": (0, 0, hl7_time_of_day),
    "parseTime": (1, 2, parse_time),
}
