"""What each construct of the language makes; the explaining walk and the fast functions must agree on all of it."""

# ruff: noqa: E501 - one case a line

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gateway.core import Resource, loads
from gateway.core.ids import resource_id
from gateway.mapping import Facts, Mapped, Mapping
from tests.unit.mapping.files import HEAD, POINT, compiled, emit, facts


def run(mapping: Mapping, tree: Any, known: Facts | None = None) -> Mapped:
    known = known or facts()
    assert mapping.fast is not None
    fast = mapping.apply(tree, known)
    slow = mapping.apply(tree, known, trace=True)
    assert (fast.units, fast.issues) == (slow.units, slow.issues)
    assert [list(one) for one in fast.resources] == [list(one) for one in slow.resources]
    return fast


def one(mapping: Mapping, point: Any, known: Facts | None = None) -> Resource:
    mapped = run(mapping, {"points": [point]}, known)
    assert mapped.units[0].issues == ()
    (resource,) = mapped.resources
    return resource


def rules(mapped: Mapped) -> list[str]:
    return [found.rule for unit in mapped.units for found in unit.issues]


def test_a_point_becomes_an_observation(tmp_path: Path) -> None:
    made = one(compiled(tmp_path, HEAD + POINT), {"at": "2026-01-01T00:00:00Z", "bpm": Decimal("72.50")})
    assert made == {
        "resourceType": "Observation",
        "id": resource_id("test-study", "test.points", "point", ("p1", "2026-01-01T00:00:00Z")),
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "55423-8"}]},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": "2026-01-01T00:00:00Z",
        "valueQuantity": {
            "value": Decimal("72.50"),
            "unit": "/min",
            "system": "http://unitsofmeasure.org",
            "code": "/min",
        },
    }
    assert str(made["valueQuantity"]["value"]) == "72.50"


def test_constant_parts_are_shared(tmp_path: Path) -> None:
    mapping = compiled(tmp_path, HEAD + POINT)
    first, second = run(mapping, {"points": [{"at": "2026-01-01"}, {"at": "2026-01-02"}]}).resources
    assert first["code"] is second["code"]
    assert first["subject"] is second["subject"]


@pytest.mark.parametrize(
    ("lines", "point", "expected"),
    [
        ("method: {when: =m.exists(), text: =m}", {}, {}),
        ("method: {when: =m.exists(), text: =m}", {"m": "x"}, {"method": {"text": "x"}}),
        ("performer: {foreach: =n, display: =t}", {"n": [{"t": "a"}, {}, {"t": "b"}]}, {"performer": [{"display": "a"}, {"display": "b"}]}),
        ("note: {foreach: =n, text: =$this}", {"n": ["a", "b"]}, {"note": [{"text": "a"}, {"text": "b"}]}),
        ("performer: [{display: fixed}, {display: =a}, {display: =b}]", {"b": "x"}, {"performer": [{"display": "fixed"}, {"display": "x"}]}),
        ("valueQuantity: {value: =v, unit: kg}", {}, {}),
        ("valueQuantity: {value: =v, unit: kg}", {"v": 0}, {"valueQuantity": {"value": 0, "unit": "kg"}}),
        ("identifier: [{system: 'urn:x', value: =v}]", {}, {}),
        ("valueBoolean: =v", {"v": False}, {"valueBoolean": False}),
        ("valueString: =v", {"v": ""}, {}),
        ("valueString: ==v", {"v": "x"}, {"valueString": "=v"}),
        ("performer: =p", {"p": [{"display": "a"}, {"display": "b"}]}, {"performer": [{"display": "a"}, {"display": "b"}]}),
        ("effective[x]: [{when: =a.exists(), dateTime: =a}, {Period: {start: =b}}]", {"a": "2026"}, {"effectiveDateTime": "2026"}),
        ("effective[x]: [{when: =a.exists(), dateTime: =a}, {Period: {start: =b}}]", {"b": "2026"}, {"effectivePeriod": {"start": "2026"}}),
        ("value[x]: [{when: =a.exists()}, {string: =b}]", {"a": 1, "b": "x"}, {}),
        ("_issued: {extension: [{url: 'urn:x', valueCode: unknown}]}", {}, {"_issued": {"extension": [{"url": "urn:x", "valueCode": "unknown"}]}}),
        ("contained: [{resourceType: Device, id: d, serialNumber: =s}]", {"s": "1"}, {"contained": [{"resourceType": "Device", "id": "d", "serialNumber": "1"}]}),
        ("component: [{code: {text: c}, valueQuantity: {value: =v}}]", {}, {"component": [{"code": {"text": "c"}}]}),
        ("method: null", {}, {}),
        ("subject: {reference: =%subject.reference, display: =%site.id}", {}, {"subject": {"reference": "Patient/p1", "display": "1"}}),
    ],
)  # fmt: skip
def test_constructs(lines: str, point: dict[str, Any], expected: Resource, tmp_path: Path) -> None:
    made = one(compiled(tmp_path, emit(lines)), {"id": "1", **point})
    rest = {key: value for key, value in made.items() if key not in ("resourceType", "id", "status", "code")}
    assert rest == expected


def test_timing_repeat_has_an_element_called_when(tmp_path: Path) -> None:
    text = (
        HEAD
        + """\
emit:
  - id: order
    key: [=id]
    resource:
      resourceType: ServiceRequest
      status: active
      intent: order
      subject: {reference: =%subject.reference}
      occurrenceTiming: {repeat: {element:when: [MORN]}}
"""
    )
    assert one(compiled(tmp_path, text), {"id": "1"})["occurrenceTiming"] == {"repeat": {"when": ["MORN"]}}


def test_null_deletes_what_an_anchor_gave(tmp_path: Path) -> None:
    second = """\
  - id: other
    key: [=%subject.id, other, =at]
    resource:
      <<: *point
      valueQuantity: null
      valueString: =text
"""
    text = HEAD + POINT.replace("resource:\n", "resource: &point\n") + second
    _, other = run(compiled(tmp_path, text), {"points": [{"at": "2026", "bpm": 1, "text": "x"}]}).resources
    assert "valueQuantity" not in other
    assert (other["valueString"], other["effectiveDateTime"]) == ("x", "2026")


@pytest.mark.parametrize(
    ("action", "kept", "blocked", "severity"),
    [("warn", 2, False, "warning"), ("drop-resource", 1, False, "warning"), ("quarantine", 2, True, "error")],
)
def test_guards(action: str, kept: int, blocked: bool, severity: str, tmp_path: Path) -> None:
    guard = f"guard: [{{assert: =v < 300, else: {action}, code: too-high}}]"
    mapped = run(
        compiled(tmp_path, emit("valueInteger: =v", guard)), {"points": [{"id": "1", "v": 900}, {"id": "2", "v": 70}]}
    )
    (unit,) = mapped.units
    assert (len(unit.resources), unit.blocked) == (kept, blocked)
    (found,) = unit.issues
    assert (found.rule, found.severity, found.source) == ("mapping.guard", severity, "/points/0/v")
    assert found.message.startswith("too-high: ")


@pytest.mark.parametrize(
    ("lines", "point", "rule", "expression", "source"),
    [
        ("valueString: =v", {"v": ["a", "b"]}, "multiple-values", "Observation.valueString", "/points/0/v"),
        ("valueInteger: =v", {"v": "72"}, "wrong-value", "Observation.valueInteger", "/points/0/v"),
        ("valueQuantity: {value: =v}", {"v": "7"}, "wrong-value", "Observation.valueQuantity.value", "/points/0/v"),
        ("component: [{code: {text: c}}, {code: =c}]", {}, "required-missing", "Observation.component.code", "/points/0/c"),
        ("value[x]: [{when: =a = 1, string: x}, {else: issue type-unsupported}]", {"a": 2}, "branch-refused", "Observation.value", "/points/0/a"),
        ("issued: =v.hl7Time()", {"v": "2026133"}, "wrong-value", "Observation.issued", "/points/0/v"),
        ("method: {when: =v, text: x}", {"v": "yes"}, "wrong-value", "Observation.method", "/points/0/v"),
        ("valueString: =v.toString()", {"v": ["a", "b"]}, "evaluation", "Observation.valueString", "/points/0/v"),
        ("valueQuantity: =v.quantity(u)", {"v": 1, "u": "stones"}, "unit-unmapped", "Observation.valueQuantity", "/points/0/v"),
    ],
)  # fmt: skip
def test_findings_have_three_positions(
    lines: str, point: dict[str, Any], rule: str, expression: str, source: str, tmp_path: Path
) -> None:
    mapped = run(compiled(tmp_path, emit(lines)), {"points": [{"id": "1", **point}]})
    found = mapped.units[0].issues[0]
    assert (found.rule, found.expression, found.source) == (f"mapping.{rule}", expression, source)
    assert found.mapping.startswith("test/mapping.yaml:1")
    assert mapped.units[0].blocked


def test_policies_decide_what_a_finding_does(tmp_path: Path) -> None:
    tree = {"points": [{"id": "1", "v": ["a", "b"]}, {"id": "2", "v": "a"}]}
    warned = run(compiled(tmp_path, emit("valueString: =v") + "policy: {multiple-values: warn}\n"), tree)
    assert (len(warned.resources), warned.units[0].blocked, rules(warned)) == (2, False, ["mapping.multiple-values"])
    assert "valueString" not in warned.resources[0]
    dropped = run(compiled(tmp_path, emit("valueString: =v") + "policy: {multiple-values: drop-resource}\n"), tree)
    assert (len(dropped.resources), dropped.units[0].blocked) == (1, False)


@pytest.mark.parametrize(
    ("value", "rule"), [({}, "key-empty"), ({"id": ["1", "2"]}, "multiple-values"), ({"id": {"a": 1}}, "key-empty")]
)
def test_a_key_is_made_of_single_values(value: dict[str, Any], rule: str, tmp_path: Path) -> None:
    assert rules(run(compiled(tmp_path, emit("")), {"points": [value]})) == [f"mapping.{rule}"]


@pytest.mark.parametrize(
    ("written", "same"), [("5", True), ("5.0", True), ("5e0", True), ("5.5", False), ("5e999", False)]
)
def test_equal_numbers_are_one_key(written: str, same: bool, tmp_path: Path) -> None:
    mapping = compiled(tmp_path, emit(""))
    (known,) = run(mapping, {"points": [{"id": 5}]}).resources
    (made,) = run(mapping, {"points": [{"id": Decimal(written)}]}).resources
    assert (made["id"] == known["id"]) is same


def test_equal_resources_become_one_and_different_ones_are_told(tmp_path: Path) -> None:
    mapping = compiled(tmp_path, emit("valueString: =v"))
    same = run(mapping, {"points": [{"id": "1", "v": "a"}, {"id": "1", "v": "a"}]})
    assert (len(same.resources), rules(same)) == (1, [])
    other = run(mapping, {"points": [{"id": "1", "v": "a"}, {"id": "1", "v": "b"}]})
    assert rules(other) == ["mapping.duplicate-key"]
    assert other.units[0].issues[0].source == "/points/1"


def test_the_newer_version_wins(tmp_path: Path) -> None:
    mapping = compiled(tmp_path, emit("valueString: =v", "version_order: =t"))
    points = [
        {"id": "1", "v": "newer", "t": "2026-01-01T01:00:00+01:00"},
        {"id": "1", "v": "older", "t": "2025-12-31T23:59:59Z"},
    ]
    mapped = run(mapping, {"points": points})
    (made,) = mapped.resources
    assert made["valueString"] == "newer"
    assert mapped.units[0].orders == {f"Observation/{made['id']}": "2026-01-01T00:00:00.000Z"}


REFS = (
    HEAD
    + """\
emit:
  - id: report
    key: [=%subject.id, =id]
    resource:
      resourceType: DiagnosticReport
      status: final
      code: {text: x}
      result: =ref('result')
      subject: =ref('device', serial)
  - id: device
    mode: per-payload
    foreach: =points.where(serial != 'none').serial.distinct()
    key: [=%study.id, device, =$this]
    resource: {resourceType: Device, serialNumber: =$this}
  - id: result
    foreach: =results
    key: [=%record.id, =%index]
    guard: [{assert: =v.exists(), else: drop-resource, code: no-value}]
    resource: {resourceType: Observation, status: final, code: {text: =v}}
"""
)


def test_references_lead_to_what_was_made(tmp_path: Path) -> None:
    mapping = compiled(tmp_path, REFS)
    points = [
        {"id": "a", "serial": "s1", "results": [{"v": "x"}, {}, {"v": "y"}]},
        {"id": "b", "results": [{"v": "z"}]},
    ]
    mapped = run(mapping, {"points": points})
    made = {f"{one['resourceType']}/{one['id']}": one for one in mapped.resources}
    reports = [one for one in mapped.resources if one["resourceType"] == "DiagnosticReport"]
    texts = [[made[each["reference"]]["code"]["text"] for each in report["result"]] for report in reports]
    assert texts == [["x", "y"], ["z"]]
    assert made[reports[0]["subject"]["reference"]]["serialNumber"] == "s1"
    assert "subject" not in reports[1]
    assert rules(mapped) == ["mapping.guard"]


def test_a_reference_to_nothing_is_told(tmp_path: Path) -> None:
    mapped = run(compiled(tmp_path, REFS), {"points": [{"id": "a", "serial": "none", "results": []}]})
    (found,) = mapped.units[0].issues
    assert (found.rule, found.expression) == ("mapping.ref-dangling", "DiagnosticReport.subject")
    assert found.source == "/points/0/serial"


def test_emits_after_the_records_see_all_that_was_made(tmp_path: Path) -> None:
    text = (
        HEAD
        + POINT
        + """\
  - id: all
    mode: per-payload
    key: [=%subject.id, =%envelope.payloadSha256]
    resource: {resourceType: List, status: current, mode: working, entry: {foreach: =ref('point'), item: =$this}}
"""
    )
    mapped = run(compiled(tmp_path, text), {"points": [{"at": "2026"}, {"at": "2025"}]})
    assert len(mapped.resources[-1]["entry"]) == 2


def test_concept_maps_and_lookups_stand_beside_the_file(tmp_path: Path) -> None:
    text = emit("code: =c.codeable('codes')\nmethod: {text: \"=lookup('kinds', c).kind\"}")
    text = text.replace("      code: {text: x}\n", "")
    text += "conceptmaps: {codes: codes.json}\nlookups: {kinds: {csv: kinds.csv, key: code}}\n"
    concept_map = '{"resourceType": "ConceptMap", "group": [{"target": "urn:t", "element": [{"code": "a", "target": [{"code": "A", "equivalence": "equal"}]}]}]}'
    mapping = compiled(tmp_path, text, codes__json=concept_map, kinds__csv="code,kind\na,first\n")
    made = one(mapping, {"id": "1", "c": "a"})
    assert made["code"] == {"coding": [{"system": "urn:t", "code": "A"}, {"code": "a"}]}
    assert made["method"] == {"text": "first"}
    assert rules(run(mapping, {"points": [{"id": "1", "c": "b"}]})) == [
        "mapping.code-unmapped",
        "mapping.lookup-missing",
    ]


def test_zones_come_from_the_file_then_from_the_participant(tmp_path: Path) -> None:
    text = emit("effectiveDateTime: =t.hl7Time()")
    known = facts(subject={"zone": "Asia/Kolkata"}, site={"zone": "America/New_York"})
    point = {"id": "1", "t": "20260115083000"}
    assert one(compiled(tmp_path, text), point, known)["effectiveDateTime"] == "2026-01-15T08:30:00+05:30"
    text = text.replace("records: =points", "records: =points, tz: {default: =%site.zone}")
    assert one(compiled(tmp_path, text), point, known)["effectiveDateTime"] == "2026-01-15T08:30:00-05:00"


def test_numbers_keep_their_text_from_the_payload(tmp_path: Path) -> None:
    tree = loads(
        b'{"points": [{"id": "1", "v": 4.060}, {"id": "2", "v": 1e3}, {"id": "3", "v": 12345678901234567890.10}]}'
    )
    made = run(compiled(tmp_path, emit("valueQuantity: {value: =v}")), tree).resources
    assert [str(each["valueQuantity"]["value"]) for each in made] == ["4.060", "1E+3", "12345678901234567890.10"]
