"""The Period of a provision as an interval."""

from datetime import tzinfo
from typing import Any

from gateway.core.instants import FOREVER_AFTER, FOREVER_BEFORE, Interval, parse_interval


def read_period(period: Any, zone: tzinfo) -> tuple[Interval | None, bool]:
    """The interval of a Period, None for none, and whether it is not understood; an end date is inclusive to its end.

    `zone` applies to dates without an offset.
    """
    if period is None:
        return None, False
    if not isinstance(period, dict) or not period or not {"start", "end"}.issuperset(period):
        return None, True
    start = parse_interval(str(period["start"]), zone) if "start" in period else None
    end = parse_interval(str(period["end"]), zone) if "end" in period else None
    if ("start" in period and not start) or ("end" in period and not end):
        return None, True
    interval = Interval(start.low if start else FOREVER_BEFORE, end.high if end else FOREVER_AFTER)
    return (None, True) if interval.low >= interval.high else (interval, False)
