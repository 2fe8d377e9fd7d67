"""A date or time moved by a duration.

See https://hl7.org/fhirpath/N1/#datetime-arithmetic.
"""

from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN
from typing import Final

from gateway.fhirpath.errors import Fault
from gateway.fhirpath.values.quantity import CALENDAR_UNITS, Quantity
from gateway.fhirpath.values.temporal import Temporal, days_in_month

_OF_UCUM: Final = {"wk": "week", "d": "day", "h": "hour", "min": "minute", "s": "second", "ms": "millisecond"}
_MILLISECONDS: Final = {
    "week": 604_800_000,
    "day": 86_400_000,
    "hour": 3_600_000,
    "minute": 60_000,
    "second": 1_000,
    "millisecond": 1,
}
_NANO: Final = 1_000_000_000
_MILLI: Final = 1_000_000
_DAY: Final = 86_400_000


def shift(moment: Temporal, duration: Quantity, sign: int) -> Temporal | None:
    """`moment` plus (sign 1) or minus (sign -1) a duration, in the precision of the moment.

    The duration counts in whole units, its fraction is ignored; what is finer than the moment's precision counts only
    where it fills a whole unit of it. The end of a month stays within the month. None when the result is out of
    range. Raises `Fault` for a unit that is no duration, or a UCUM year or month, which are no calendar spans.
    """
    unit = _unit(duration)
    if moment.sort == "Time":
        return _shift_time(moment, _milliseconds(duration, unit) * sign)
    if unit in ("year", "month"):
        whole = int(duration.value.to_integral_value(ROUND_DOWN)) * sign
        return _shift_months(moment, whole * 12 if unit == "year" else whole)
    return _shift_milliseconds(moment, _milliseconds(duration, unit) * sign)


def _unit(duration: Quantity) -> str:
    if duration.calendar:
        return CALENDAR_UNITS[duration.unit]
    # The suite takes the quoted calendar word, '1 \'month\'', as the calendar unit.
    unit = _OF_UCUM.get(duration.unit) or CALENDAR_UNITS.get(duration.unit)
    if unit is None:
        raise Fault("fhirpath.operand", operation="Date arithmetic")
    return unit


def _milliseconds(duration: Quantity, unit: str) -> int:
    if unit in ("year", "month"):
        raise Fault("fhirpath.operand", operation="Time arithmetic")
    return int(duration.value.to_integral_value(ROUND_DOWN)) * _MILLISECONDS[unit]


def _shift_months(moment: Temporal, months: int) -> Temporal | None:
    parts = list(moment.parts)
    if len(parts) == 1:
        parts[0] += int(months / 12)
    else:
        total = parts[0] * 12 + parts[1] - 1 + months
        parts[0], parts[1] = divmod(total, 12)
        parts[1] += 1
    if not 1 <= parts[0] <= 9999:
        return None
    if len(parts) > 2:
        parts[2] = min(parts[2], days_in_month(parts[0], parts[1]))
    return Temporal(moment.sort, tuple(parts), moment.digits, moment.offset)


def _shift_milliseconds(moment: Temporal, milliseconds: int) -> Temporal | None:
    parts = moment.parts
    if len(parts) < 3:
        days = int(milliseconds / _DAY)
        return _shift_months(moment, int(days / 365) * 12 if len(parts) == 1 else int(days / 30))
    step = (_DAY, 3_600_000, 60_000)[len(parts) - 3] if len(parts) < 6 else 1
    milliseconds = int(milliseconds / step) * step
    year, month, day, hour, minute, nanos = (*parts, 0, 0, 0)[:6]
    try:
        start = datetime(year, month, day, hour, minute, tzinfo=UTC)
        moved = start + timedelta(milliseconds=milliseconds + nanos // _MILLI)
    except (OverflowError, ValueError):
        return None
    rest = moved.second * _NANO + moved.microsecond * 1000 + nanos % _MILLI
    full = (moved.year, moved.month, moved.day, moved.hour, moved.minute, rest)
    return Temporal(moment.sort, full[: len(parts)], moment.digits, moment.offset)


def _shift_time(moment: Temporal, milliseconds: int) -> Temporal:
    hour, minute, nanos = (*moment.parts, 0, 0)[:3]
    step = (3_600_000, 60_000, 1)[len(moment.parts) - 1]
    total = (hour * 3600 + minute * 60) * _NANO + nanos + int(milliseconds / step) * step * _MILLI
    total %= 86_400 * _NANO
    minutes, rest = divmod(total, 60 * _NANO)
    return Temporal("Time", (minutes // 60, minutes % 60, rest)[: len(moment.parts)], moment.digits)
