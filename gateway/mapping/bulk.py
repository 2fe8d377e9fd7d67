"""The members of a grouped emit all at once, where they are as a device sends them: same shape, whole numbers, UTC.

What is not so is left to the members one by one.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from gateway.mapping.grouping import SECONDS, Points, are_plain_numbers, hour
from gateway.mapping.plan import Series

_IN_HOUR: Final = list(SECONDS)
_HOUR: Final = 3600
_SECOND: Final = 1_000_000
_DAY: Final = 24
_DATE: Final = 10
_HEAD: Final = 14


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
    parts: dict[Any, tuple[list[Any], list[str], list[Any]]] = {}
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
            groups[name] = Points([], [*written], found_members, True, different)
            continue
        instants = _instants(at)
        if instants is None:
            return None
        groups[name] = Points(instants, [*written], found_members, False, different)
    return groups


def are_absent(records: Sequence[Any], names: Sequence[str]) -> bool:
    """True when no record has one of the names, as far as that is told cheaply; raises for records of other kinds."""
    if not names:
        return True
    first = records[0] if records else {}
    return not any(name in first for name in names) and set().union(*records).isdisjoint(names)


def is_regular(times: Sequence[Any], period: int) -> bool:
    """True for instants in whole seconds of UTC that are each one period (microseconds) after the other."""
    seconds, rest = divmod(period, _SECOND)
    first = times[0]
    at = SECONDS.get(first[_HEAD:]) if first.__class__ is str and not rest and seconds else None
    if at is None or hour({}, first[:_HEAD]) is None:
        return False
    midnight, number = datetime.fromisoformat(first[:_DATE]), int(first[_DATE + 1 : _HEAD - 1])
    date, second, told = first[: _DATE + 1], at // _SECOND, 0
    wanted: list[str] = []
    try:
        while told < len(times):
            ends, head = _IN_HOUR[second::seconds][: len(times) - told], f"{date}{number:02}:"
            wanted.append(head + f"\n{head}".join(ends))
            told += len(ends)
            hours, second = divmod(second + len(ends) * seconds, _HOUR)
            days, number = divmod(number + hours, _DAY)
            if days:
                midnight += timedelta(days=days)
                date = midnight.isoformat()[: _DATE + 1]
        return "\n".join(wanted) == "\n".join(times)
    except (OverflowError, TypeError):
        return False


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
