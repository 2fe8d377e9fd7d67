"""The members of a grouped emit all at once, where they are as a device sends them: same shape, whole numbers, UTC.

What is not so is left to the members one by one.
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from gateway.mapping.columns import Columns
from gateway.mapping.grouping import SECONDS, Points, are_plain_numbers, hour, small_numbers
from gateway.mapping.plan import Series

_SECOND: Final = 1_000_000
_DAY: Final = 86_400
_HEAD: Final = 14
_DATE_END: Final = 10
_SECONDS_END: Final = 19
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)


def gathered(
    times: list[Any], values: list[Any], keys: tuple[list[Any], ...], members: list[Any], series: Series, digits: bool
) -> dict[Any, Points] | None:
    """The groups of members; None where one of them is not as usual. `digits`: numbers are texts of digits.

    A key may have a single part, which is that of all members.
    """
    different = set(values) if digits else set()
    if not digits and set(map(type, values)) != {int}:
        return None
    if not different <= small_numbers(series.lower, series.upper) and not (
        set(map(type, different)) == {str} and are_plain_numbers(different)
    ):
        return None
    texts = values if digits else [*map(str, values)]
    parts: dict[Any, tuple[list[Any], list[Any], list[Any]]] = {}
    if all(len(key) == 1 or key.count(key[0]) == len(key) for key in keys):
        parts[tuple([key[0] for key in keys])] = times, texts, members
    else:
        each = [key if len(key) > 1 else key * len(times) for key in keys]
        for time, text, member, *key in zip(times, texts, members, *each, strict=True):
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


def keys_below(columns: Columns, members: list[Any], names: tuple[str, ...], held: list[Any], name: str) -> list[Any]:
    """What stands at the name in each of the objects that stand at a path below the members; one where all are alike.

    Raises `LookupError` or `TypeError` where one has no such name.
    """
    columns.keep(members, names, held)
    return [held[0][name]] if columns.are_alike(members, names) else [one[name] for one in held]


def are_absent(records: Sequence[Any], names: Sequence[str], columns: Columns) -> bool:
    """True when every record has nothing at any of the names; raises for records that are no objects.

    Of no names and of those that `columns` knows to be absent nothing is asked.
    """
    known = columns.absent(records)
    for name in names:
        if name not in known and [1 for record in records if record.get(name) is not None]:
            return False
    return True


def is_regular(times: Sequence[Any], period: int) -> bool:
    """True for instants in whole seconds of UTC that are each one period (microseconds) after the other."""
    seconds, rest = divmod(period, _SECOND)
    first, told = times[0], 0
    wanted: list[str] = []
    try:
        if rest or not seconds or not _INSTANT.fullmatch(first):
            return False
        start, day = datetime.fromisoformat(first[:_SECONDS_END]), first[:_DATE_END]
        at = (start.hour * 60 + start.minute) * 60 + start.second
        while True:
            here, phase = divmod(at, seconds)
            found = _in_day(phase, seconds)[here : here + len(times) - told]
            wanted.append(f"{day}T" + f"\n{day}T".join(found))
            told += len(found)
            if told == len(times):
                return "\n".join(wanted) == "\n".join(times)
            ahead, at = divmod(at + len(found) * seconds, _DAY)
            start += timedelta(days=ahead)
            day = start.isoformat()[:_DATE_END]
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
