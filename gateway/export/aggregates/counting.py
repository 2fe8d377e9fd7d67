"""Rows counted by groups, for eyes that may see no single participant.

Counts are of distinct participants where the rows tell whose they are. A value that fewer participants than the
minimum share is shown as `RARE`, together with the others like it, so that no printed value points at somebody.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from gateway.core.errors import BadRequest
from gateway.core.issues import issue
from gateway.export.aggregates.suppression import Group, Value, suppress, totals_of

RARE: Final = "(rare values)"
"""Stands for the values that too few participants share."""

MOST_GROUPS: Final = 2_000
"""How many groups a table may have, rare values together."""

MOST_VALUES: Final = 200_000
"""How many groups may be held before rare values are together."""


@dataclass(frozen=True, slots=True)
class Question:
    """What to count: columns to group by, the column that tells whose a row is ("" when there is none), the column
    to average ("" for none), and how many make a count that may be shown."""

    by: tuple[str, ...]
    person: str = "patient"
    measure: str = ""
    minimum: int = 5


@dataclass(frozen=True, slots=True)
class Cell:
    """A group and how many are in it, None when it is suppressed.

    `mean`, `low` and `high` are of the measured column over the group's rows; None when the count is suppressed or
    fewer participants than the minimum have a number there.
    """

    group: Group
    count: int | None
    mean: Decimal | None = None
    low: Decimal | None = None
    high: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Total:
    """How many have a value in a column; None when it is suppressed."""

    column: str
    value: str | None
    count: int | None


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A table that may be shown.

    `counted` is `participants` or `rows`. When somebody is in two groups counts do not add up, and there are no
    `totals` and no `total`.
    """

    by: tuple[str, ...]
    counted: str
    cells: tuple[Cell, ...]
    totals: tuple[Total, ...]
    total: int | None


@dataclass(slots=True)
class _Members:
    """Who is in a group, and what was measured there."""

    people: set[Any] = field(default_factory=set)
    measured: set[Any] = field(default_factory=set)
    sum: Decimal = Decimal(0)
    numbers: int = 0
    low: Decimal = Decimal("Infinity")
    high: Decimal = Decimal("-Infinity")

    def add(self, person: Any, number: Decimal | None) -> None:
        self.people.add(person)
        if number is not None:
            self.measured.add(person)
            self.sum += number
            self.numbers += 1
            self.low, self.high = min(self.low, number), max(self.high, number)

    def join(self, other: "_Members") -> None:
        self.people |= other.people
        self.measured |= other.measured
        self.sum += other.sum
        self.numbers += other.numbers
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)


def aggregate(columns: Sequence[str], rows: Iterable[Sequence[Any]], question: Question) -> Aggregate:
    """The table of counts by groups, with small counts and what would give them away suppressed.

    `columns` names the values of each row. Rows without a participant are left out where the rows have such a
    column. Raises `BadRequest` for a column that is not there or not numeric, for a minimum below 2, and for more
    than `MOST_GROUPS` groups.
    """
    by, person, measure = _positions(columns, question)
    members: dict[Group, _Members] = {}
    for number, row in enumerate(rows):
        who = number if person is None else row[person]
        if who is None:
            continue
        group = tuple(_text(row[place]) for place in by)
        found = members.get(group)
        if found is None:
            if len(members) >= MOST_VALUES:
                raise BadRequest(issue("export.aggregate-groups", limit=MOST_VALUES))
            found = members[group] = _Members()
        found.add(who, None if measure is None else _number(row[measure], question.measure))
    return _shown(_rare_together(members, question.minimum), question, "rows" if person is None else "participants")


def _positions(columns: Sequence[str], question: Question) -> tuple[list[int], int | None, int | None]:
    places = {name: place for place, name in enumerate(columns)}
    asked = [*question.by, *([question.measure] if question.measure else [])]
    if not question.by or question.minimum < 2 or len(set(question.by)) < len(question.by):
        raise BadRequest(issue("export.aggregate-question"))
    for name in asked:
        if name not in places:
            raise BadRequest(issue("export.aggregate-column", expected=f"one of {', '.join(columns)}", column=name))
    measure = places[question.measure] if question.measure else None
    return [places[name] for name in question.by], places.get(question.person), measure


def _text(value: Any) -> str | None:
    if value is None or value.__class__ is str:
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(value: Any, column: str) -> Decimal | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise BadRequest(issue("export.aggregate-column", expected="a column of numbers", column=column))
    return Decimal(str(value)) if isinstance(value, float) else Decimal(value)


def _rare_together(members: Mapping[Group, _Members], minimum: int) -> dict[Group, _Members]:
    sharing: dict[Value, set[Any]] = {}
    for group, found in members.items():
        for value in enumerate(group):
            sharing.setdefault(value, set()).update(found.people)
    rare = {value for value, people in sharing.items() if len(people) < minimum}
    together: dict[Group, _Members] = {}
    for group, found in members.items():
        common = tuple(RARE if value in rare else value[1] for value in enumerate(group))
        together.setdefault(common, _Members()).join(found)
    if len(together) > MOST_GROUPS:
        raise BadRequest(issue("export.aggregate-groups", limit=MOST_GROUPS))
    return together


def _shown(members: Mapping[Group, _Members], question: Question, counted: str) -> Aggregate:
    everybody: set[Any] = set()
    for found in members.values():
        everybody |= found.people
    counts = {group: len(members[group].people) for group in sorted(members, key=_order)}
    if len(everybody) < question.minimum:
        return Aggregate(question.by, counted, (), (), None)
    if sum(counts.values()) > len(everybody):
        hidden = frozenset(group for group, count in counts.items() if count < question.minimum)
        cells = tuple(_cell(group, members[group], question.minimum, group in hidden) for group in counts)
        return Aggregate(question.by, counted, cells, (), None)
    hide = suppress(counts, question.minimum)
    cells = tuple(_cell(group, members[group], question.minimum, group in hide.groups) for group in counts)
    totals = tuple(
        Total(question.by[value[0]], value[1], None if value in hide.totals else total)
        for value, total in sorted(totals_of(counts).items(), key=lambda item: (item[0][0], _order((item[0][1],))))
    )
    return Aggregate(question.by, counted, cells, totals, None if hide.grand else len(everybody))


def _cell(group: Group, found: _Members, minimum: int, hidden: bool) -> Cell:
    if hidden:
        return Cell(group, None)
    if len(found.measured) < minimum:
        return Cell(group, len(found.people))
    return Cell(group, len(found.people), found.sum / found.numbers, found.low, found.high)


def _order(group: Group) -> tuple[tuple[bool, str], ...]:
    return tuple((value is None, value or "") for value in group)
