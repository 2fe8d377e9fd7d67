"""A mapping that goes over the payload again and again is refused, by the fast way and the explaining one alike."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.mapping import Mapping
from gateway.mapping.facts import Mapped
from tests.unit.mapping.files import HEAD, compiled, emit, facts

SMALL = (400, 0)
"""Work for forty records that are mapped in one pass, and not for one pass a record."""

HOSTILE = {
    "where": emit("valueString: =%payload.points.where(id = 'x').a.first()"),
    "condition": emit("bodySite: {when: \"=%payload.points.exists(id = 'x')\", text: x}"),
    "key": emit("", "when: =%payload.points.select(id & 'x').count() > 0"),
    "in": emit("valueBoolean: =id in %payload.points.id"),
    "records": emit("valueInteger: =%records.count()"),
    "path": emit("valueString: =%payload.points.a.first()"),
    "distinct": emit("valueString: =%payload.points.where(a = 'x').b.distinct()"),
    "variable": emit("valueString: =%all.first()", "vars: {all: =%payload.points.id}"),
    "repeat": emit("valueInteger: =%payload.repeat(points).count()"),
    "foreach": emit("", "foreach: =%payload.points\nwhen: =n = 1"),
    "foreach of records": emit("", "foreach: =%records\nwhen: =n = 1"),
    "component": emit("component: [{foreach: =%payload.points, when: =n = 1, code: {text: x}}]"),
    "values": emit("note: [{foreach: =%payload.points, when: =n = 1, text: x}]"),
    "inside": HEAD.replace(", records: =points", "")
    + "emit: [{id: p, foreach: '=points.where(id in %payload.points.id.select($this))', key: [=id], "
    "resource: {resourceType: Device}}]\n",
    "within one": HEAD.replace("=points", "=points.where(%payload.points.where(id = 'x').empty())")
    + "emit: [{id: p, key: [=id], resource: {resourceType: Device}}]\n",
    "references": emit("hasMember: =ref('device')").replace(
        "emit:\n",
        "emit:\n  - {id: device, mode: per-payload, foreach: =points, key: [=id], "
        "resource: {resourceType: Device, serialNumber: =id}}\n",
    ),
}
LINEAR = {
    "paths": emit("valueString: =a.b.c"),
    "scalar": emit(
        "valueString: =%payload.name", "vars: {one: =id}\nguard: [{assert: =%one.exists(), else: warn, code: g}]"
    ),
    "the next one": emit("valueString: =%records[%index + 1].id"),
    "own items": emit("component: [{foreach: '=parts.where(id = %record.id)', code: {text: =id}}]"),
}


def mapped(mapping: Mapping, count: int, granted: tuple[int, int], *, trace: bool) -> Mapped:
    points: list[dict[str, Any]] = [
        {"id": f"p{number}", "a": "x", "n": 0, "parts": [{"id": f"p{number}"}]} for number in range(count)
    ]
    return replace(mapping, granted=granted).apply({"points": points, "name": "n"}, facts(), trace=trace)


@pytest.mark.parametrize("trace", [False, True], ids=["fast", "explained"])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_goes_over_the_payload_for_each_record_is_refused(text: str, trace: bool, tmp_path: Path) -> None:
    mapping = compiled(tmp_path, text)
    refused = mapped(mapping, 40, SMALL, trace=trace)
    assert [(one.rule, one.severity) for one in refused.issues] == [("mapping.budget", "fatal")]
    assert not refused.units
    assert not mapped(mapping, 40, (400, 1_000), trace=trace).issues


@pytest.mark.parametrize("trace", [False, True], ids=["fast", "explained"])
@pytest.mark.parametrize("text", LINEAR.values(), ids=LINEAR)
def test_one_pass_is_never_refused(text: str, trace: bool, tmp_path: Path) -> None:
    mapping = compiled(tmp_path, text)
    for count in (40, 400):
        found = mapped(mapping, count, (0, 5), trace=trace)
        assert not found.issues
        assert len(list(found.resources)) == count


def test_a_match_that_costs_too_much_takes_no_payload(tmp_path: Path) -> None:
    nested = "%payload.points" + ".where(%payload.points" * 3 + ".exists(id = 'x')" + ".exists())" * 2 + ")"
    mapping = compiled(tmp_path, emit("").replace("records:", f'match: "={nested}.empty()", records:'))
    assert not mapping.takes({"points": [{"id": str(number)} for number in range(200)]})


DOUBLED = {"&": "{0} & {0}", "+": "{0} + {0}", "combine": "{0}.combine({0})"}


@pytest.mark.parametrize("trace", [False, True], ids=["fast", "explained"])
@pytest.mark.parametrize("doubled", DOUBLED.values(), ids=DOUBLED)
def test_what_doubles_from_variable_to_variable_is_refused(doubled: str, trace: bool, tmp_path: Path) -> None:
    lines = ["v0: =a", *(f'v{n}: "={doubled.format(f"%v{n - 1}")}"' for n in range(1, 40))]
    mapping = compiled(tmp_path, emit("valueInteger: =%v39.count()", f"vars: {{{', '.join(lines)}}}"))
    found = mapping.apply({"points": [{"id": "1", "a": "xx"}]}, facts(), trace=trace)
    assert [one.rule for one in found.issues] == ["mapping.too-large"]
    assert not found.units


@pytest.mark.parametrize("trace", [False, True], ids=["fast", "explained"])
@pytest.mark.parametrize("count", [2, 39])
def test_a_key_of_what_doubles_is_refused(count: int, trace: bool, tmp_path: Path) -> None:
    """Usual keys are short, so that no limit is asked of a variable that is a part of one; all others have theirs."""
    lines = ["v0: =a", *(f'v{number}: "=%v{number - 1} & %v{number - 1}"' for number in range(1, count + 1))]
    key = "".join(f", =%v{number}" for number in range(count + 1))
    text = emit("valueString: =%v1", f"vars: {{{', '.join(lines)}}}").replace("key: [=id]", f"key: [=id{key}]")
    mapping = compiled(tmp_path, text)
    for size, rules in ((2, []), (300_000, ["mapping.too-large"])):
        found = mapping.apply({"points": [{"id": "1", "a": "x" * size}]}, facts(), trace=trace)
        assert [one.rule for one in found.issues] == (rules if count == 2 else ["mapping.too-large"])
