"""Aggregates: what is suppressed cannot be computed from what is shown, and files tell how anonymous they are."""

import csv
from decimal import Decimal
from fractions import Fraction
from itertools import product

import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from gateway.core.errors import BadRequest
from gateway.export.aggregates import Question, aggregate, anonymity, suppress
from gateway.export.aggregates.counting import RARE
from gateway.export.aggregates.suppression import totals_of

GRAND = "grand"
MINIMUM = 3


def tables(columns, values, largest):
    groups = st.tuples(*(st.sampled_from("abcd"[:values]) for _ in range(columns)))
    return st.dictionaries(groups, st.integers(1, largest), min_size=1, max_size=values**columns)


TABLES = st.one_of(tables(1, 4, 12), tables(2, 3, 12), tables(2, 4, 30), tables(3, 2, 12))


def lines(counts):
    """Each line of the table: what its total is named, and its groups."""
    yield GRAND, list(counts)
    for column, value in totals_of(counts):
        yield (column, value), [group for group in counts if group[column] == value]


def shown_lines(counts, found):
    """The lines whose total is shown."""
    for name, groups in lines(counts):
        if not (found.grand if name == GRAND else name in found.totals):
            yield name, groups


def equations(counts, found):
    """What a reader knows, as rows of coefficients over the suppressed counts (the totals of columns are sums)."""
    unknown = sorted(found.groups)
    shown = [[int(group in groups) for group in unknown] for _, groups in shown_lines(counts, found)]
    return unknown, shown


def determined(rows, target):
    """Whether the target is a combination of the rows, by elimination over fractions."""
    rest, basis = [Fraction(x) for x in target], []
    for row in [*rows, None]:
        vector = rest if row is None else [Fraction(x) for x in row]
        for pivot, other in basis:
            if vector[pivot]:
                factor = vector[pivot] / other[pivot]
                vector = [a - factor * b for a, b in zip(vector, other, strict=True)]
        if row is None:
            return not any(vector)
        pivot = next((place for place, x in enumerate(vector) if x), None)
        if pivot is not None:
            basis.append((pivot, vector))
    raise AssertionError("the last row returns")


@given(TABLES)
def test_no_suppressed_count_is_computed(counts):
    found = suppress(counts, MINIMUM)
    unknown, rows = equations(counts, found)
    assert all(count >= MINIMUM for group, count in counts.items() if group not in found.groups)
    assert all(total >= MINIMUM for value, total in totals_of(counts).items() if value not in found.totals)
    for group in found.groups:
        assert not determined(rows, [int(group == other) for other in unknown])
    for value in found.totals:
        assert not determined(rows, [int(group[value[0]] == value[1]) for group in unknown])
    if found.grand:
        assert not determined(rows, [1] * len(unknown))


@given(TABLES)
def test_each_shown_line_hides_several_or_none(counts):
    found = suppress(counts, MINIMUM)
    for name, groups in shown_lines(counts, found):
        hidden = [group for group in groups if group in found.groups]
        assert len(hidden) != 1, name
        assert not hidden or sum(counts[group] for group in hidden) > MINIMUM


@given(tables(2, 2, 6) | tables(1, 4, 6))
def test_a_small_count_may_be_a_large_one_for_all_that_is_shown(counts):
    """Every other table with the same groups that prints the same, tried one after the other."""
    found = suppress(counts, MINIMUM)
    hidden = sorted(found.groups)
    likewise = []
    for numbers in product(range(1, 10), repeat=len(hidden)):
        other = counts | dict(zip(hidden, numbers, strict=True))
        same = all(
            sum(other[g] for g in line) == sum(counts[g] for g in line) for _, line in shown_lines(counts, found)
        )
        if same:
            likewise.append(other)
    for group in hidden:
        assert len({other[group] for other in likewise}) > 1
        assert max(other[group] for other in likewise) >= MINIMUM


def test_two_cycles_and_a_bridge():
    """A count may stand alone between two blocks of hidden counts, though each line hides several."""
    small = {
        ("a", "a"),
        ("a", "b"),
        ("b", "a"),
        ("b", "b"),
        ("c", "c"),
        ("c", "d"),
        ("d", "c"),
        ("d", "d"),
        ("b", "c"),
    }
    counts = {(x, y): 2 if (x, y) in small else 50 for x in "abcd" for y in "abcd"}
    found = suppress(counts, MINIMUM)
    unknown, rows = equations(counts, found)
    assert not determined(rows, [int(group == ("b", "c")) for group in unknown])
    assert not found.totals
    assert not found.grand


def test_a_table_without_small_counts_is_shown_whole():
    found = suppress({("a", "x"): 5, ("a", "y"): 6, ("b", "x"): 7}, 5)
    assert (found.groups, found.totals, found.grand) == (frozenset(), frozenset(), False)


def rows_of(counts):
    number = 0
    for group, count in counts.items():
        for _ in range(count):
            number += 1
            yield (f"p{number}", *group, Decimal(number))


COLUMNS = ("patient", "site", "arm", "value")


def test_participants_are_counted_once_and_rare_values_go_together():
    counts = {("101", "a"): 8, ("101", "b"): 9, ("102", "a"): 7, ("102", "b"): 2, ("103", "b"): 1, ("104", None): 6}
    rows = [*rows_of(counts)] * 3 + [(None, "101", "a", Decimal(1))]
    found = aggregate(COLUMNS, rows, Question(("site", "arm"), measure="value", minimum=5))
    cells = {cell.group: cell for cell in found.cells}
    assert cells["104", None].count in (6, None)
    assert cells[RARE, "b"].count is None
    assert "103" not in str(found)
    assert found.counted == "participants"
    for cell in found.cells:
        assert (cell.mean is None) == (cell.count is None)
    first = aggregate(COLUMNS, rows_of({("101", "a"): 8}), Question(("site",), measure="value"))
    assert first.cells[0].mean == Decimal("4.5")
    assert (first.cells[0].low, first.cells[0].high, first.total) == (1, 8, 8)


def test_who_is_in_two_groups_takes_the_totals_away():
    rows = [*rows_of({("101", "a"): 9, ("102", "a"): 9}), ("p1", "102", "a", Decimal(1))]
    found = aggregate(COLUMNS, rows, Question(("site",)))
    assert [cell.count for cell in found.cells] == [9, 10]
    assert (found.totals, found.total) == ((), None)


def test_a_mean_of_too_few_is_not_shown():
    rows = [(f"p{n}", "101", "a", Decimal(n) if n < 4 else None) for n in range(9)]
    cell = aggregate(COLUMNS, rows, Question(("site",), measure="value")).cells[0]
    assert (cell.count, cell.mean, cell.low) == (9, None, None)


def test_too_few_participants_leave_nothing():
    found = aggregate(COLUMNS, rows_of({("101", "a"): 4}), Question(("site",)))
    assert (found.cells, found.totals, found.total) == ((), (), None)


@given(TABLES)
def test_no_row_of_one_participant_is_printed(counts):
    columns = ("patient", *(f"c{place}" for place in range(len(next(iter(counts))))), "value")
    found = aggregate(columns, rows_of(counts), Question(columns[1:-1], minimum=MINIMUM))
    assert all(cell.count is None or cell.count >= MINIMUM for cell in found.cells)
    assert all(total.count is None or total.count >= MINIMUM for total in found.totals)
    people = aggregate(columns, rows_of(counts), Question(("patient",), minimum=MINIMUM))
    assert {cell.group for cell in people.cells} <= {(RARE,)}


@pytest.mark.parametrize(
    "question",
    [
        Question(()),
        Question(("site", "site")),
        Question(("nowhere",)),
        Question(("site",), minimum=1),
        Question(("site",), measure="arm"),
    ],
)
def test_wrong_questions_are_refused(question):
    with pytest.raises(BadRequest):
        aggregate(COLUMNS, rows_of({("101", "a"): 9}), question)


FLAT = [
    ("p1", "f", "1960", "x"),
    ("p1", "f", "1960", "y"),
    ("p2", "f", "1960", "x"),
    ("p3", "m", "1950", "x"),
    ("p4", "m", "1950", "x"),
    ("p5", "m", "1950", None),
]
NAMES = ["patient", "sex", "born", "arm"]


def test_k_and_l_of_a_file(tmp_path):
    file = tmp_path / "flat.parquet"
    columns = [list(values) for values in zip(*FLAT, strict=True)]
    parquet.write_table(pyarrow.table(columns, names=NAMES), file)
    found = anonymity(file, ["sex", "born"], ["arm"])
    assert (found.k, found.l, found.classes, found.persons) == (2, {"arm": 2}, 2, 5)
    assert (found.alone, found.below, found.counted) == (0, 5, "participants")
    assert anonymity(file, ["sex"], person="nobody").k == 3
    assert anonymity(file, ["patient"]).alone == 5
    assert anonymity(file, ["sex", "arm"]).k == 1


def test_text_files_and_what_is_no_table(tmp_path):
    file = tmp_path / "flat.csv"
    with file.open("w", newline="") as out:
        csv.writer(out).writerows([NAMES, *FLAT])
    assert anonymity(file, ["sex", "born"], ["arm"]).k == 2
    broken = tmp_path / "flat.ndjson"
    broken.write_text('{"sex": ')
    for path, quasi in ((file, ["nowhere"]), (broken, ["sex"]), (tmp_path / "flat.xlsx", ["sex"])):
        with pytest.raises(BadRequest):
            anonymity(path, quasi)
