"""Statistics of measured values, exact in Decimal where the formula allows.

The codes are those of http://terminology.hl7.org/CodeSystem/observation-statistics.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, localcontext
from types import MappingProxyType
from typing import Final, TypeAlias

SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/observation-statistics"
COUNTS: Final = frozenset({"count", "total-count"})
"""Statistics without a unit."""

Statistic: TypeAlias = Callable[[Sequence[Decimal]], Decimal | None]
"""Of values in rising order, at least one; None where there are too few."""

_DIGITS: Final = 12


def _average(values: Sequence[Decimal]) -> Decimal:
    return sum(values, Decimal(0)) / len(values)


def _variance(values: Sequence[Decimal]) -> Decimal | None:
    """Of a sample."""
    if len(values) < 2:
        return None
    mean = _average(values)
    return sum(((value - mean) ** 2 for value in values), Decimal(0)) / (len(values) - 1)


def _deviation(values: Sequence[Decimal]) -> Decimal | None:
    variance = _variance(values)
    return None if variance is None else variance.sqrt()


def _quantile(values: Sequence[Decimal], share: Decimal) -> Decimal:
    """Linear between the two nearest values."""
    place = share * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (place - low)


def _skew(values: Sequence[Decimal]) -> Decimal | None:
    return _moment(values, 3)


def _kurtosis(values: Sequence[Decimal]) -> Decimal | None:
    return _moment(values, 4)


def _moment(values: Sequence[Decimal], power: int) -> Decimal | None:
    mean = _average(values)
    spread = sum(((value - mean) ** 2 for value in values), Decimal(0)) / len(values)
    if not spread:
        return None
    return sum(((value - mean) ** power for value in values), Decimal(0)) / len(values) / spread.sqrt() ** power


STATISTICS: Final[Mapping[str, Statistic]] = MappingProxyType(
    {
        "average": _average,
        "maximum": lambda values: values[-1],
        "minimum": lambda values: values[0],
        "count": lambda values: Decimal(len(values)),
        "total-count": lambda values: Decimal(len(values)),
        "median": lambda values: _quantile(values, Decimal("0.5")),
        "std-dev": _deviation,
        "sum": lambda values: sum(values, Decimal(0)),
        "variance": _variance,
        "20-percent": lambda values: _quantile(values, Decimal("0.2")),
        "80-percent": lambda values: _quantile(values, Decimal("0.8")),
        "4-lower": lambda values: _quantile(values, Decimal("0.25")),
        "4-upper": lambda values: _quantile(values, Decimal("0.75")),
        "5-1": lambda values: _quantile(values, Decimal("0.2")),
        "5-2": lambda values: _quantile(values, Decimal("0.4")),
        "5-3": lambda values: _quantile(values, Decimal("0.6")),
        "5-4": lambda values: _quantile(values, Decimal("0.8")),
        "skew": _skew,
        "kurtosis": _kurtosis,
    }
)


def statistic(code: str, values: Sequence[Decimal]) -> Decimal | None:
    """The statistic of `values`, rounded to twelve digits where it does not end; None without enough values."""
    if not values:
        return Decimal(0) if code in COUNTS else None
    with localcontext(prec=50):
        found = STATISTICS[code](sorted(values))
    if found is None:
        return None
    with localcontext(prec=_DIGITS if len(found.as_tuple().digits) > _DIGITS + 8 else 50):
        return +found
