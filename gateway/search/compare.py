"""How values of a resource compare with what is asked for, by prefix.

See https://hl7.org/fhir/R4/search.html#prefix. A store compares the same way, in SQL.
"""

from gateway.search.query import Moment, QuantityEntry, QuantityValue, Range


def compares(value: Moment, low: int, high: int) -> bool:
    """Whether the interval [low, high) of a resource compares with the value by its prefix.

    `ap` widens the value by a tenth of its length on both sides.
    """
    inside = value.low <= low and high <= value.high
    margin = (value.high - value.low) // 10
    answers = {
        "eq": inside,
        "ne": not inside,
        "gt": high > value.high,
        "lt": low < value.low,
        "ge": high > value.high or inside,
        "le": low < value.low or inside,
        "sa": low >= value.high,
        "eb": high <= value.low,
        "ap": low < value.high + margin and high > value.low - margin,
    }
    return answers[value.prefix]


def compares_numbers(value: Range, low: float, high: float) -> bool:
    """Whether the number or range of a resource, both ends in it, compares with the value by its prefix."""
    inside = value.low <= low and high < value.high
    answers = {
        "eq": inside,
        "ne": not inside,
        "gt": high > value.high,
        "lt": low < value.low,
        "ge": high >= value.low,
        "le": low <= value.high,
        "sa": low > value.high,
        "eb": high < value.low,
        "ap": low <= value.high and high >= value.low,
    }
    return answers[value.prefix]


def compares_quantity(value: QuantityValue, entry: QuantityEntry) -> bool:
    """Whether a quantity of a resource is the one asked for, its unit included."""
    if value.canonical_range is not None:
        same = entry.canonical == value.canonical
        return same and compares_numbers(value.canonical_range, entry.canonical_low, entry.canonical_high)
    if value.system is not None and value.system != entry.system:
        return False
    names = (entry.code,) if value.system is not None else (entry.code, entry.unit)
    if value.code is not None and value.code not in names:
        return False
    return compares_numbers(value.range, entry.low, entry.high)
