"""A record of a wrong form stays out alone: which ones, where they are told, and when the whole payload stays out."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core import Issue
from gateway.formats import Decoded, json_pointer
from gateway.mapping import Mapped, Mapping, gate
from gateway.mapping.gate import fitting
from gateway.mapping.language.payload_schema import Schema
from gateway.mapping.scope import Work
from gateway.mapping.tools.selftest import issues_of
from tests.unit.mapping.files import HEAD, POINT, compiled, facts

RECORD = {
    "type": "object",
    "required": ["at"],
    "properties": {"at": {"type": "string", "pattern": "^[0-9]{4}"}, "bpm": {"type": "number"}},
}
POINTS = {
    "type": "object",
    "required": ["points"],
    "properties": {"points": {"type": "array", "items": RECORD}, "user": {"type": "string"}},
}
GOOD = {"at": "2026-01-01T00:00:00Z", "bpm": 61}
BAD = {"at": "2026-01-02T00:00:00Z", "bpm": "many"}


def mapping(folder: Path, schema: Any = POINTS, records: str = "=points", value: str = "=%envelope.user") -> Mapping:
    head = HEAD.replace("records: =points", f'schema: s.json, records: "{records}"').replace("=%envelope.user", value)
    return compiled(folder, head + POINT, s__json=json.dumps(schema))


def mapped(one: Mapping, tree: Any) -> Mapped:
    """What the payload makes: the same by both ways, and the payload itself is as it was."""
    before = copy.deepcopy(tree)
    fast, explained = (one.map(Decoded(tree, json_pointer), facts(), trace=trace) for trace in (False, True))
    assert (fast.units, fast.issues) == (explained.units, explained.issues)
    assert tree == before
    return fast


def told(issues: tuple[Issue, ...]) -> list[tuple[str, str]]:
    return [(one.rule.partition(".")[2], one.source) for one in issues]


def point(second: int, **change: Any) -> dict[str, Any]:
    return {"at": f"2026-01-01T00:00:{second:02}Z", "bpm": second, **change}


@given(good=st.lists(st.booleans(), min_size=1, max_size=40))
def test_what_fits_is_mapped_and_what_does_not_is_told(good: list[bool], tmp_path_factory: Any) -> None:
    one = _points(tmp_path_factory)
    points = [point(number) if fits else point(number, bpm="x") for number, fits in enumerate(good)]
    found = mapped(one, {"points": points})
    wrong = [number for number, fits in enumerate(good) if not fits]
    if all(good) or not any(good):
        assert len(found.units) == all(good)
        assert {rule for rule, _ in told(issues_of(found))} == (set() if all(good) else {"payload-invalid"})
        return
    assert [made["valueQuantity"]["value"] for made in found.resources] == [
        number for number, fits in enumerate(good) if fits
    ]
    assert told(issues_of(found)) == [("record-invalid", f"/points/{number}/bpm") for number in wrong]
    kept, left_out = found.units
    assert not kept.blocked
    assert left_out.blocked
    assert (kept.records, left_out.records, left_out.label) == (sum(good), len(wrong), f"/points/{wrong[0]}")


_KNOWN: dict[str, Mapping] = {}


def _points(factory: Any) -> Mapping:
    if "points" not in _KNOWN:
        _KNOWN["points"] = mapping(factory.mktemp("points"))
    return _KNOWN["points"]


def test_findings_of_what_is_mapped_are_at_the_places_of_the_sender(tmp_path: Path) -> None:
    head = HEAD.replace("records: =points", "schema: s.json, records: =points")
    text = head + POINT.replace("effectiveDateTime: =at", "effectiveDateTime: =at.atOffset(3600)")
    one = compiled(tmp_path, text, s__json=json.dumps(POINTS))
    found = mapped(one, {"points": [BAD, GOOD, 7, {**GOOD, "at": "2026-01-03 in the morning"}]})
    assert told(issues_of(found)) == [
        ("wrong-value", "/points/3/at"),
        ("record-invalid", "/points/0/bpm"),
        ("record-invalid", "/points/2"),
    ]


def test_steps_of_a_trace_are_at_the_places_of_the_sender(tmp_path: Path) -> None:
    tree = {"points": [BAD, GOOD]}
    steps = mapping(tmp_path).map(Decoded(tree, json_pointer), facts(), trace=True).trace
    assert {source for step in steps for source in step.sources} >= {"/points/1/at", "/points/1/bpm"}
    assert not any(source.startswith("/points/0") for step in steps for source in step.sources)


@pytest.mark.parametrize(
    ("schema", "tree"),
    [
        pytest.param(POINTS, {"points": [GOOD, BAD], "user": 1}, id="what is around the records is wrong too"),
        pytest.param(POINTS, {"points": [BAD, BAD]}, id="no record stands"),
        pytest.param({"type": "array", "items": RECORD}, {"points": [GOOD]}, id="another form altogether"),
        pytest.param(POINTS, None, id="nothing"),
        pytest.param(POINTS, 7, id="a number"),
        pytest.param(
            {**POINTS, "properties": {"points": {"type": "array", "items": RECORD, "minItems": 2}}},
            {"points": [GOOD, BAD]},
            id="too few are left",
        ),
        pytest.param(
            {**POINTS, "properties": {"points": {"type": "array", "items": RECORD, "uniqueItems": True}}},
            {"points": [GOOD, GOOD, BAD]},
            id="records that do not go together",
        ),
    ],
)
def test_the_whole_payload_is_refused(schema: Any, tree: Any, tmp_path: Path) -> None:
    found = mapped(mapping(tmp_path, schema), tree)
    assert found.units == ()
    assert {rule for rule, _ in told(found.issues)} == {"payload-invalid"}


def test_a_mapping_without_records_takes_a_payload_or_not(tmp_path: Path) -> None:
    head = HEAD.replace("records: =points", "schema: s.json")
    whole = POINT.replace("    key:", "    foreach: =points\n    key:")
    one = compiled(tmp_path, head + whole, s__json=json.dumps(POINTS))
    assert told(mapped(one, {"points": [GOOD, BAD]}).issues) == [("payload-invalid", "/points/1/bpm")]


def test_the_participant_is_told_by_the_whole_payload(tmp_path: Path) -> None:
    schema = copy.deepcopy(POINTS)
    one = mapping(tmp_path, schema, value="=points.user.distinct()")
    same = mapped(one, {"points": [{**GOOD, "user": "u1"}, {**BAD, "user": "u1"}]})
    assert told(issues_of(same)) == [("record-invalid", "/points/1/bpm")]
    another = mapped(one, {"points": [{**GOOD, "user": "u1"}, {**BAD, "user": "u2"}]})
    assert told(another.issues) == [("payload-invalid", "/points/1/bpm")]


def test_what_is_left_must_be_for_the_mapping(tmp_path: Path) -> None:
    head = HEAD.replace("records: =points", "schema: s.json, records: =points, match: =points.ours.exists()")
    one = compiled(tmp_path, head + POINT, s__json=json.dumps(POINTS))
    found = mapped(one, {"points": [GOOD, {**BAD, "ours": True}]})
    assert told(found.issues) == [("payload-invalid", "/points/1/bpm")]


def test_values_of_an_object_used_as_a_map_are_records(tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"points": {"type": "object", "additionalProperties": RECORD}}}
    one = mapping(tmp_path, schema, "=points.entries().value")
    found = mapped(one, {"points": {"a": BAD, "b": GOOD}})
    assert len(found.resources) == 1
    assert told(issues_of(found)) == [("record-invalid", "/points/a/bpm")]
    entries = mapped(mapping(tmp_path, schema, "=points.entries()"), {"points": {"a": BAD, "b": GOOD}})
    assert ("record-invalid", "/points/a/bpm") in told(issues_of(entries))


def test_records_of_several_lists(tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"days": {"type": "array", "items": POINTS}}}
    one = mapping(tmp_path, schema, "=days.points")
    tree = {"days": [{"points": [GOOD, BAD]}, {"points": []}, {"points": [BAD, point(1), None]}]}
    found = mapped(one, tree)
    assert len(found.resources) == 2
    assert told(issues_of(found)) == [
        ("record-invalid", "/days/0/points/1/bpm"),
        ("record-invalid", "/days/2/points/0/bpm"),
        ("record-invalid", "/days/2/points/2"),
    ]


def test_items_that_are_no_records_are_not_left_out(tmp_path: Path) -> None:
    one = mapping(tmp_path, records="=points.where(kind.empty())")
    found = mapped(one, {"points": [GOOD, {**BAD, "kind": "another"}]})
    assert told(found.issues) == [("payload-invalid", "/points/1/bpm")]


def test_more_than_some_wrong_records_are_not_the_records_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "MAX_LEFT_OUT", 3)
    one = mapping(tmp_path)
    assert len(mapped(one, {"points": [GOOD, *[BAD] * 1, 1, 2]}).units) == 2
    found = mapped(one, {"points": [GOOD, copy.deepcopy(BAD), 1, 2, 3]})
    assert found.units == ()


def test_differences_are_listed_to_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "MAX_ISSUES", 2)
    found = mapped(mapping(tmp_path), {"points": [GOOD, 1, 2, 3]})
    assert told(found.units[-1].issues) == [
        ("record-invalid", "/points/1"), ("record-invalid", "/points/2"), ("more-findings", "")
    ]  # fmt: skip


class Counting:
    """A schema that counts what it is asked."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.asked = 0

    def accepts(self, tree: Any) -> bool:
        self.asked += 1
        return self.schema.accepts(tree)

    def differences(self, tree: Any) -> Any:
        return self.schema.differences(tree)


def test_one_of_many_is_found_in_few_questions() -> None:
    points = [dict(GOOD) for _ in range(1024)]
    points[700] = dict(BAD)
    schema: Any = Counting(Schema(POINTS))
    found = fitting(schema, Decoded({"points": points}, json_pointer), points, Work())
    assert found is not None
    assert len(found.decoded.tree["points"]) == 1023
    assert schema.asked <= 25


def test_work_is_bounded_by_what_stands_around_the_records() -> None:
    around = {f"n{number}": number for number in range(1000)}
    tree = {"points": [dict(GOOD), *(dict(BAD) for _ in range(500))], **around}
    work = Work(100_000, 0)
    assert fitting(Schema(POINTS), Decoded(tree, json_pointer), tree["points"], work) is None
    assert work.done < 110_000
