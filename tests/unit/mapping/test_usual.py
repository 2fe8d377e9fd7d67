"""Usual payloads take the short form of the generated functions, unusual ones the other, and both make the same."""

import ast
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.instants import parse_interval
from gateway.mapping import Mapping
from gateway.mapping.columns import Columns
from gateway.mapping.fast.bulk import are_absent, is_regular
from gateway.mapping.fast.generate import written
from gateway.mapping.fast.single_items import fewer, spread
from gateway.mapping.grouping import are_plain_numbers, is_plain_number
from gateway.mapping.loose import Odd, listed, loose
from gateway.mapping.plan import MEMORY, SHORT, remember
from tests.unit.mapping.files import HEAD, compiled, facts

FILE = (
    HEAD
    + """\
emit:
  - id: point
    vars: {at: =a.time, rate: =a.rate.toDecimal()}
    key: [=%subject.id, =%at]
    when: =a.exists() and %study.off.empty()
    guard: [{assert: =%rate >= 20 and %rate <= 300, else: drop-resource, code: range}]
    resource:
      resourceType: Observation
      status: "=iif(a.state = 'f' or a.state in ('g' | 'h'), 'final', coalesce(a.word.lower(), 'unknown'))"
      code: {text: "=a.name & '/' & a.part.substring(0, 2).trim()"}
      effectiveDateTime: =%at.atOffset(coalesce(a.offset, '0s'))
      valueQuantity: {value: =%rate, unit: /min}
      note: {foreach: "=a.notes.where(text.exists() and kind != 'x').distinct()", text: =text}
"""
)
USUAL = {
    "time": "2026-01-01T23:30:00Z", "rate": "72", "state": "g", "name": "n", "part": "abc", "offset": "3600s",
    "notes": [{"text": "one", "kind": "a"}, {"text": "two"}, {"text": "one", "kind": "a"}],
}  # fmt: skip


@pytest.fixture
def mapping(tmp_path: Path) -> Mapping:
    return compiled(tmp_path, FILE)


def general_forms(mapping: Mapping) -> int:
    """How many functions for all data were made so far."""
    assert mapping.fast is not None
    assert mapping.fast.record is not None
    return int(mapping.fast.record.general.cache_info().currsize)  # type: ignore[attr-defined]


def made(mapping: Mapping, point: dict[str, Any], **study: str) -> list[dict[str, Any]]:
    tree = {"points": [{"a": {**USUAL, **point}}]}
    fast, explained = (mapping.apply(tree, facts(study=study), trace=trace) for trace in (False, True))
    assert (fast.units, fast.issues) == (explained.units, explained.issues)
    return list(fast.resources)


def test_usual_data_need_no_other_form(mapping: Mapping) -> None:
    (found,) = made(mapping, {})
    assert found["effectiveDateTime"] == "2026-01-02T00:30:00+01:00"
    assert (found["status"], found["code"], found["note"]) == ("final", {"text": "n/ab"}, [{"text": "one"}])
    assert general_forms(mapping) == 0


@pytest.mark.parametrize(
    "point",
    [{"part": ["abc"]}, {"state": ["g"]}, {"offset": ["3600s"]}, {"name": [["n"]]}, {"rate": ["72"]}],
    ids=lambda point: str(point),
)
def test_other_data_take_the_other_form(mapping: Mapping, point: dict[str, Any]) -> None:
    made(mapping, point)
    assert general_forms(mapping) == 1


def test_records_that_nothing_is_made_of_are_passed_over(mapping: Mapping) -> None:
    assert made(mapping, {"rate": [1, 2]}, off="yes") == []
    assert general_forms(mapping) == 0


def test_generated_functions_can_be_read(mapping: Mapping) -> None:
    for usual in (True, False):
        module, _ = written(mapping.plan, mapping.plan.each, mapping.plan.vars, usual=usual)
        assert "def run(focus):" in ast.unparse(module)


@given(
    start=st.integers(946_598_400, 1_900_000_000),
    period=st.sampled_from([1, 60, 300, 3599, 3600, 4000, 86_400]),
    count=st.integers(1, 90),
    moved=st.one_of(st.none(), st.tuples(st.integers(0, 89), st.integers(-2, 2))),
)
def test_regular_instants(start: int, period: int, count: int, moved: tuple[int, int] | None) -> None:
    times = [start + period * number for number in range(count)]
    if moved is not None and moved[0] < count:
        times[moved[0]] += moved[1]
    texts = [f"{datetime.fromtimestamp(at, UTC).replace(tzinfo=None).isoformat()}Z" for at in times]
    lows = [found.low for text in texts if (found := parse_interval(text))]
    wanted = all(later - earlier == period * 1_000_000 for earlier, later in pairwise(lows))
    assert is_regular(texts, period * 1_000_000) is wanted


@pytest.mark.parametrize("text", ["2026-01-01T00:00:00+01:00", "2026-02-30T00:00:00Z", "2026-01-01", "", "x" * 20])
def test_other_instants_are_not_told_regular(text: str) -> None:
    assert not is_regular([text, text], 60_000_000)


def test_instants_that_are_cut_elsewhere_are_not_regular() -> None:
    times = ["2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z", "2026-01-01T00:02:00Z"]
    assert is_regular(times, 60_000_000)
    assert not is_regular([times[0], times[1] + "2", times[2][1:]], 60_000_000)
    assert not is_regular([times[0], f"{times[1]}\n{times[2]}"], 60_000_000)
    assert not is_regular([times[0], None, times[2]], 60_000_000)


@given(st.sets(st.text("019- \n\u0663") | st.integers(-3, 30).map(str), min_size=1, max_size=4))
def test_plain_numbers_together_are_plain_numbers_each(texts: set[str]) -> None:
    assert are_plain_numbers(texts) is all(map(is_plain_number, texts))


def test_loose_values_are_their_lists() -> None:
    for values in ([], [1], [1, 2], ["a"], [[1]], [[1], [2]], [{}]):
        assert listed(loose(list(values))) == values


def test_items_below_a_step() -> None:
    tree = [{"a": [{"b": 1}, None, {"b": [2, None, 3]}]}, {"a": {"b": None}}, {"c": 1}, "text", 5]
    assert spread(tree, ("a", "b")) == [1, 2, 3]
    assert spread({"a": {"b": 4}}, ("a", "b")) == [4]
    assert spread(None, ("a",)) == []
    with pytest.raises(Odd):
        spread("text", ("a",))


def test_fewer_keeps_the_first_of_equal_objects() -> None:
    items = [{"a": "1"}, {"a": "2"}, {"a": "1"}, {"a": 1}, {"a": True}, {"a": "2"}]
    assert fewer(items) == [{"a": "1"}, {"a": "2"}, {"a": 1}, {"a": True}]
    assert fewer([{"a": 1}, {"a": True}]) == [{"a": 1}, {"a": True}]


def test_what_is_remembered_is_bounded() -> None:
    memory: dict[str, object] = {}
    for number in range(MEMORY + 10):
        remember(memory, str(number), number)
    remember(memory, "x" * (SHORT + 1), 1)
    remember(memory, 7, 1)
    assert len(memory) == 10
    assert memory[str(MEMORY)] == MEMORY


def test_times_remembered_in_one_unit_are_not_those_of_another(tmp_path: Path) -> None:
    mapping = compiled(tmp_path, FILE.replace("=%at.atOffset(coalesce(a.offset, '0s'))", "=a.local.hl7Time()"))
    tree = {"points": [{"a": {**USUAL, "local": "20260701080000", "time": at}} for at in ("1", "2")]}
    for zone, offset in (("Europe/Madrid", "+02:00"), ("Asia/Kolkata", "+05:30")):
        found = mapping.apply(tree, facts(subject={"zone": zone})).resources
        assert [one["effectiveDateTime"] for one in found] == [f"2026-07-01T08:00:00{offset}"] * 2
    assert general_forms(mapping) == 0


@pytest.mark.parametrize("record", [[{"a": 1}], "a", None, 1])
def test_what_is_absent_is_told_of_objects_alone(record: Any) -> None:
    assert are_absent([{"b": 1}, {"a": None}], ("a",), Columns())
    assert not are_absent([{"b": 1}, {"a": 0}], ("a",), Columns())
    with pytest.raises((AttributeError, TypeError)):
        are_absent([{"b": 1}, record], ("a",), Columns())
