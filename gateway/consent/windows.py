"""Sets of intervals as families of windows: an interval belongs when it lies wholly inside one of them."""

from collections.abc import Iterable
from typing import TypeAlias

from gateway.core.instants import FOREVER_AFTER, FOREVER_BEFORE, Interval

Window: TypeAlias = tuple[int, int]
Family: TypeAlias = tuple[Window, ...]

ALWAYS: Family = ((FOREVER_BEFORE, FOREVER_AFTER),)
NEVER: Family = ()


def either(*families: Family) -> Family:
    """The intervals that belong to at least one family; windows inside another window are left out."""
    windows = sorted({window for family in families for window in family}, key=lambda found: (found[0], -found[1]))
    kept: list[Window] = []
    for window in windows:
        if not kept or window[1] > kept[-1][1]:
            kept.append(window)
    return tuple(kept)


def both(left: Family, right: Family) -> Family:
    """The intervals that belong to both families."""
    if left == ALWAYS:
        return right
    if right == ALWAYS:
        return left
    return either(
        tuple((max(a[0], b[0]), min(a[1], b[1])) for a in left for b in right if max(a[0], b[0]) < min(a[1], b[1]))
    )


def every(families: Iterable[Family]) -> Family:
    """The intervals that belong to all families; all intervals when there is no family."""
    result = ALWAYS
    for family in families:
        result = both(result, family)
    return result


def inside(interval: Interval | None) -> Family:
    """The intervals inside `interval`; all of them for None, none for an empty one."""
    if interval is None:
        return ALWAYS
    return ((interval.low, interval.high),) if interval.low < interval.high else NEVER


def outside(interval: Interval | None) -> Family:
    """The intervals that do not touch `interval`; none of them for None."""
    if interval is None:
        return NEVER
    parts = ((FOREVER_BEFORE, interval.low), (interval.high, FOREVER_AFTER))
    return tuple(part for part in parts if part[0] < part[1])
