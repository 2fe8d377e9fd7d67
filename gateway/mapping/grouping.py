"""Members of a grouped emit into groups and runs, and the points of a run into SampledData.

A run is what one resource is made of: the whole group or, with a series, the points of it that are one period apart.
See https://hl7.org/fhir/R4/datatypes.html#SampledData.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from itertools import repeat
from operator import sub
from typing import Any, NamedTuple, cast

from gateway.core.instants import parse_interval
from gateway.fhirpath import Env
from gateway.mapping.plan import Formula, Group, Series

FIRST, LAST, COUNT, RECORDS, DATA, ONE = "first", "last", "count", "records", "data", "one"
"""The names that the template of a grouped emit sees, beside the facts; `data` and `one` are for the series node."""

_HOUR = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\Z")
_MAX_HOURS = 4096
_SHORT = 18
_DIGITS = re.compile(r"0|[1-9]\d*\Z", re.ASCII)
_ALL_DIGITS = re.compile(r"(?:0|[1-9]\d*)(?: (?:0|[1-9]\d*))*", re.ASCII)
SECONDS: Mapping[str, int] = {f"{second // 60:02}:{second % 60:02}Z": second * 1_000_000 for second in range(3600)}
"""How an instant in whole seconds and UTC goes on after its hour, and the microseconds of it."""


@dataclass(slots=True)
class Points:
    """The members of one group as they come: instants in microseconds, texts of values (None for none).

    Of `regular` ones, which have a value each and are one period apart, the instants are not told. `different` are
    the values without repetitions, where all are known to be texts of whole numbers.
    """

    times: list[int] = field(default_factory=list)
    values: list[str | None] = field(default_factory=list)
    members: list[Any] = field(default_factory=list)
    regular: bool = False
    different: Collection[str] = ()


class Run(NamedTuple):
    """The members of one resource; `texts` are their values, empty without a series."""

    members: Sequence[Any]
    texts: Sequence[str]


def moment(values: list[Any], *, numbers: bool = True) -> int | None:
    """The microseconds of a time, or, where `numbers` may be, a whole number as it is; None for anything else."""
    value = values[0] if len(values) == 1 else None
    if numbers and type(value) is int:
        return value
    interval = parse_interval(value) if isinstance(value, str) else None
    return interval.low if interval else None


def hour(hours: dict[str, int], text: str) -> int | None:
    """The microseconds of `2026-01-01T08:`, kept in `hours`; None when it is no such text."""
    if not _HOUR.match(text):
        return None
    interval = parse_interval(text + "00:00Z")
    if interval is None:
        return None
    if len(hours) < _MAX_HOURS:
        hours[text] = interval.low
    return interval.low


def is_plain_number(text: str) -> bool:
    """True for the text of a whole number that is written as it is read."""
    return _DIGITS.fullmatch(text) is not None


def are_plain_numbers(texts: Collection[str]) -> bool:
    """True when each is the text of a whole number that is written as it is read."""
    joined = " ".join(texts)
    return joined.count(" ") == len(texts) - 1 and _ALL_DIGITS.fullmatch(joined) is not None


@lru_cache(maxsize=256)
def small_numbers(lower: Decimal | None, upper: Decimal | None) -> frozenset[str]:
    """The texts of whole numbers from zero to 999 that are within limits; None is no limit."""
    return frozenset(
        str(number)
        for number in range(1000)
        if (lower is None or number >= lower) and (upper is None or number <= upper)
    )


def is_number(values: list[Any]) -> bool:
    """True for no value or one number."""
    return not values or (len(values) == 1 and type(values[0]) in (int, Decimal))


def number_text(values: list[Any]) -> str | None:
    """The text of a number as SampledData writes it; None for none."""
    if not values:
        return None
    return str(values[0]) if type(values[0]) is int else format(values[0], "f")


def runs(points: Points, series: Series | None) -> tuple[list[Run], bool]:
    """The runs of a group in the order of time, and whether a point is not where the period wants it."""
    if series is None:
        order = sorted(range(len(points.times)), key=points.times.__getitem__)
        return [Run([points.members[index] for index in order], ())], False
    if points.regular or _is_regular(points, series):
        return [Run(points.members, _texts(points.values, series, points.different))], False
    return _split(points, series)


def _is_regular(points: Points, series: Series) -> bool:
    times = points.times
    return None not in points.values and list(map(sub, times[1:], times)) == list(
        repeat(series.period, len(times) - 1)
    )


def _split(points: Points, series: Series) -> tuple[list[Run], bool]:
    found: list[list[int]] = []
    start = slot = 0
    irregular = open_run = False
    before: tuple[int, str | None] | None = None
    for index in sorted(range(len(points.times)), key=points.times.__getitem__):
        point = (points.times[index], points.values[index])
        if point == before:
            continue
        before = point
        if point[1] is None and not series.marks:
            open_run = False
            continue
        if open_run:
            place = _slot(point[0] - start, series)
            if place == slot + 1:
                found[-1].append(index)
                slot = place
                continue
            irregular = irregular or place is None or place <= slot
        found.append([index])
        start, slot, open_run = point[0], 0, True
    texts = [_texts([points.values[index] for index in run], series) for run in found]
    made = [Run([points.members[index] for index in run], text) for run, text in zip(found, texts, strict=True)]
    return made, irregular


def _slot(offset: int, series: Series) -> int | None:
    """The number of the place of a point, periods after the start of the run; None when it has none."""
    slot, rest = divmod(offset, series.period)
    if rest == 0:
        return slot
    if series.tolerance is None:
        return None
    slot = (offset + series.period // 2) // series.period
    return slot if abs(offset - slot * series.period) <= series.tolerance else None


def _texts(values: Sequence[str | None], series: Series, different: Collection[str] = ()) -> Sequence[str]:
    if series.lower is None and series.upper is None:
        return ["E" if text is None else text for text in values] if None in values else cast(list[str], values)
    if _are_within(different, series):
        return cast(list[str], values)
    shown = {text: "E" if text is None else _limited(text, series) for text in set(values)}
    if all(text == other for text, other in shown.items()):
        return cast(list[str], values)
    return [shown[text] for text in values]


def _are_within(texts: Collection[str], series: Series) -> bool:
    """True for texts of whole numbers within the limits; False for none, and for long ones."""
    if texts and small_numbers(series.lower, series.upper).issuperset(texts):
        return True
    if not texts or max(map(len, texts)) > _SHORT:
        return False
    numbers, low, high = [*map(int, texts)], series.lower, series.upper
    return (low is None or min(numbers) >= low) and (high is None or max(numbers) <= high)


def _limited(text: str, series: Series) -> str:
    number = Decimal(text)
    if series.lower is not None and number < series.lower:
        return "L"
    return "U" if series.upper is not None and number > series.upper else text


def described(group: Group, member: Any, variables: dict[str, Any], env: Env) -> dict[str, Any]:
    """What `first` or `last` is: the variables of the member, and itself as `record`."""
    variables["record"] = variables["item"] = member
    for name, formula in group.vars:
        variables[name] = formula.expression.evaluate(member, env)
    return as_object(group.vars, member, variables)


def as_object(names: Sequence[tuple[str, Formula]], member: Any, variables: Mapping[str, Any]) -> dict[str, Any]:
    """The variables as an object: one value as it is, several as a list, none absent."""
    made: dict[str, Any] = {"record": member}
    for name, _ in names:
        values = variables[name]
        if values:
            made[name] = values[0] if len(values) == 1 else values
    return made


def focus_of(run: Run, first: dict[str, Any], last: dict[str, Any]) -> dict[str, Any]:
    """What the template of a grouped emit sees."""
    focus = {FIRST: first, LAST: last, COUNT: len(run.members), RECORDS: run.members}
    if run.texts:
        focus[DATA] = " ".join(run.texts)
        focus[ONE] = len(run.texts) == 1
    return focus


def sampled(series: Series, key: str, focus: Any) -> tuple[str, dict[str, Any]]:
    """The JSON name and value of a series: SampledData, or a Quantity of a single point where that is wanted."""
    if series.alone and focus[ONE] and focus[DATA] not in ("E", "L", "U"):
        origin = {name: value for name, value in series.head["origin"].items() if name != "value"}
        return series.alone, {"value": Decimal(focus[DATA]), **origin}
    return key, {**series.head, "data": focus[DATA]}
