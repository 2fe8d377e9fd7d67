"""The members of a grouped emit all at once, where they are as a device sends them: same shape, whole numbers, UTC.

What is not so is left to the members one by one.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from gateway.mapping.grouping import SECONDS, Points, are_plain_numbers, hour
from gateway.mapping.plan import Series

_SECOND: Final = 1_000_000
_DAY: Final = 86_400
_HEAD: Final = 14
_SECONDS_END: Final = 19


def gathered(
    times: list[Any], values: list[Any], keys: tuple[list[Any], ...], members: list[Any], series: Series, digits: bool
) -> dict[Any, Points] | None:
    """The groups of members; None where one of them is not as usual. `digits`: numbers are texts of digits."""
    different = set(values) if digits else ()
    if digits and not (set(map(type, different)) == {str} and are_plain_numbers(different)):
        return None
    if not digits and set(map(type, values)) != {int}:
        return None
    texts = values if digits else [*map(str, values)]
    parts: dict[Any, tuple[list[Any], list[Any], list[Any]]] = {}
    if all(key.count(key[0]) == len(key) for key in keys):
        parts[tuple(key[0] for key in keys)] = times, texts, members
    else:
        for time, text, member, *key in zip(times, texts, members, *keys, strict=True):
            found = parts.setdefault(tuple(key), ([], [], []))
            for column, entry in zip(found, (time, text, member), strict=True):
                column.append(entry)
    if any(part.__class__ is not str for key in parts for part in key):
        return None
    groups: dict[Any, Points] = {}
    for name, (at, written, found_members) in parts.items():
        if is_regular(at, series.period):
            groups[name] = Points([], written, found_members, True, different)
            continue
        instants = _instants(at)
        if instants is None:
            return None
        groups[name] = Points(instants, written, found_members, False, different)
    return groups


def are_absent(records: Sequence[Any], names: Sequence[str]) -> bool:
    """True when every record has nothing at any of the names; raises for records that are no objects."""
    return not any([1 for record in records if record.get(name) is not None] for name in names)


def is_regular(times: Sequence[Any], period: int) -> bool:
    """True for instants in whole seconds of UTC that are each one period (microseconds) after the other."""
    seconds, rest = divmod(period, _SECOND)
    first, told = times[0], 0
    wanted: list[str] = []
    try:
        start = datetime.fromisoformat(first[:_SECONDS_END])
        if rest or not seconds or f"{start.isoformat()}Z" != first:
            return False
        day, at = start.date(), (start.hour * 60 + start.minute) * 60 + start.second
        while told < len(times):
            here, phase = divmod(at, seconds)
            found = _in_day(phase, seconds)[here : here + len(times) - told]
            wanted.append(f"{day}T" + f"\n{day}T".join(found))
            told += len(found)
            ahead, at = divmod(at + len(found) * seconds, _DAY)
            day += timedelta(days=ahead)
        return "\n".join(wanted) == "\n".join(times)
    except (OverflowError, TypeError, ValueError):
        return False


@lru_cache(maxsize=64)
def _in_day(first: int, step: int) -> Sequence[str]:
    """How instants of a day go on after its date, in steps of seconds from its second `first`."""
    return [f"{at // 3600:02}:{at // 60 % 60:02}:{at % 60:02}Z" for at in range(first, _DAY, step)]


def _instants(times: list[Any]) -> list[int] | None:
    """The microseconds of instants in whole seconds of UTC; None where one is another text."""
    hours: dict[str, int] = {}
    found: list[int] = []
    for time in times:
        second = SECONDS.get(time[_HEAD:]) if time.__class__ is str else None
        if second is None:
            return None
        known = hours.get(time[:_HEAD])
        if known is None:
            known = hour(hours, time[:_HEAD])
        if known is None:
            return None
        found.append(known + second)
    return found
