"""Which counts of a table may be shown so that no other can be computed from them.

The table has a count for each group (one value of every column; groups without anybody are not in it and known to be
empty), a total for each value of each column where there are several columns, and a grand total. Counts add up:
nobody is in two groups. A count below the minimum is small, and is not shown; of whom it is the difference of counts
that are shown, it must not be computable either. So more counts are hidden beside each small one, until there is
another table, a witness, that prints exactly what this one prints, has the same groups, and in which the small count
reaches the minimum. A witness is this table with `lift` people moved, `lift` being what the small count lacks:

1. a rectangle: two groups gain, the two groups with one value exchanged between them lose. No total changes, and
   only the four counts are hidden. The cheapest rectangle (fewest people newly hidden) is taken.
2. a pair: the small group gains, another loses. The totals of the values in which they differ are hidden too.
3. alone: the small group gains; its totals and the grand total are hidden.

Every group that loses must keep somebody. Every count that is hidden changes in a witness, therefore none can be
computed: neither by one difference, nor by equations over several lines, nor from bounds; and hiding more for another
small count leaves a witness valid. A total below the minimum is of small counts alone, none of which can be lifted
while it stays; so it is hidden with them. The price is more hiding than an optimal choice would need.

The idea of rectangles is that of the hypercube method of tau-ARGUS, https://research.cbs.nl/casc/tau.htm. There is no
answer here to who knows the algorithm and argues from why a count was chosen, nor to the difference of two tables.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

Group: TypeAlias = tuple[str | None, ...]
"""One value of each column."""

Value: TypeAlias = tuple[int, str | None]
"""The position of a column, and one of its values: what a total is of."""


@dataclass(frozen=True, slots=True)
class Suppression:
    """What must not be shown: counts of groups, totals of values, and whether the grand total."""

    groups: frozenset[Group]
    totals: frozenset[Value]
    grand: bool


@dataclass(frozen=True, slots=True)
class _Witness:
    """What a witness changes, and therefore hides."""

    groups: tuple[Group, ...]
    totals: tuple[Value, ...] = ()
    grand: bool = False


@dataclass(slots=True)
class _Table:
    """The counts and what of them is hidden so far."""

    counts: Mapping[Group, int]
    totals: Mapping[Value, int]
    groups: set[Group] = field(default_factory=set)
    values: set[Value] = field(default_factory=set)
    grand: bool = False

    def hide(self, found: _Witness) -> None:
        self.groups.update(found.groups)
        self.values.update(found.totals)
        self.grand |= found.grand

    def cheapest(self, found: Iterable[_Witness]) -> _Witness | None:
        """The witness that newly hides the fewest people, the first of several; None without any."""
        return min(found, key=self._price, default=None)

    def _price(self, found: _Witness) -> int:
        groups = sum(self.counts[group] for group in set(found.groups) - self.groups)
        return groups + sum(self.totals[value] for value in set(found.totals) - self.values)


def totals_of(counts: Mapping[Group, int]) -> dict[Value, int]:
    """The total of each value of each column; none of a table with one column, whose groups they would be."""
    totals: dict[Value, int] = {}
    for group, count in counts.items():
        for value in _values(group):
            totals[value] = totals.get(value, 0) + count
    return totals


def suppress(counts: Mapping[Group, int], minimum: int) -> Suppression:
    """What of a table must be hidden, see above. Counts are above 0, a table without groups hides its total.

    Takes time in groups times small counts: some 10 seconds for 2,000 groups, most of them small.
    """
    table = _Table(counts, totals_of(counts))
    if sum(counts.values()) < minimum:
        return Suppression(frozenset(counts), frozenset(table.totals), True)
    for group, count in sorted(counts.items(), key=lambda item: item[1]):
        if count < minimum:
            table.hide(_for_group(table, group, minimum - count))
    return Suppression(frozenset(table.groups), frozenset(table.values), table.grand)


def _for_group(table: _Table, group: Group, lift: int) -> _Witness:
    found = table.cheapest(_rectangles(table.counts, group, lift))
    return found or table.cheapest(_pairs(table.counts, group, lift)) or _alone(group)


def _rectangles(counts: Mapping[Group, int], group: Group, lift: int) -> Iterator[_Witness]:
    for other in counts:
        differing = [column for column, value in enumerate(group) if other[column] != value]
        if len(differing) < 2:
            continue
        for column in differing:
            first, second = _exchanged(group, other, column), _exchanged(other, group, column)
            if counts.get(first, 0) > lift and counts.get(second, 0) > lift:
                yield _Witness((group, other, first, second))


def _exchanged(group: Group, other: Group, column: int) -> Group:
    """The group, with the other's value in one column."""
    return (*group[:column], other[column], *group[column + 1 :])


def _pairs(counts: Mapping[Group, int], group: Group, lift: int) -> Iterator[_Witness]:
    for other, count in counts.items():
        if other != group and count > lift:
            changed = set(_values(group)) ^ set(_values(other))
            yield _Witness((group, other), tuple(changed))


def _alone(group: Group) -> _Witness:
    return _Witness((group,), _values(group), True)


def _values(group: Group) -> tuple[Value, ...]:
    return tuple(enumerate(group)) if len(group) > 1 else ()
