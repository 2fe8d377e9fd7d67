"""Whose data it is, what the caller must know, what is never told, and how much is too much."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.formats import decode
from gateway.mapping import Facts, Subject
from gateway.mapping.budget import MAX_ITEMS
from tests.unit.mapping.files import HEAD, POINT, compiled, emit, facts

ROWS = """\
mapping: test.rows
version: 1.0.0
status: draft
fhir: 4.0.1
describe: rows of several participants
source: {format: csv, records: =rows}
subject:
  per: record
  resolve: {system: "urn:test:number", value: =NUMBER}
  verify: {birthDate: =BORN, site: =SITE}
emit:
  - id: value
    key: [=%subject.id, =%index]
    resource:
      resourceType: Observation
      status: final
      code: {text: x}
      subject: {reference: =%subject.reference}
      valueInteger: =VALUE.toInteger()
  - id: all
    mode: per-payload
    key: [=%subject.id]
    resource: {resourceType: List, status: current, mode: working, note: [{text: =%records.count().toString()}]}
"""
PEOPLE = {
    "1": Subject("p1", "UTC", {"id": "101", "zone": "UTC"}, "1960-04-01"),
    "2": Subject("p2", "UTC", {"id": "102", "zone": "UTC"}, None),
}


def known(**change: Any) -> Facts:
    base: dict[str, Any] = {
        "study": {"id": "s"},
        "envelope": {"user": "u1"},
        "received": datetime(2026, 1, 1, tzinfo=UTC),
        "sha256": "00",
        "resolve": lambda system, value: PEOPLE.get(value) if system == "urn:test:number" else None,
    }
    return Facts(**base | change)


def rows(*lines: str) -> Any:
    return decode("\n".join(("NUMBER,BORN,SITE,VALUE", *lines, "")).encode(), "csv")


def test_each_participant_has_a_unit(tmp_path: Path) -> None:
    decoded = rows("1,1960-04-01,101,7", "2,1970,102,8", "1,1960,101,9", "3,,,10")
    mapped = compiled(tmp_path, ROWS).apply(decoded.tree, known(), locate=decoded.locate)
    told = [(unit.subject.id if unit.subject else None, unit.records, len(unit.resources)) for unit in mapped.units]
    assert told == [("p1", 2, 3), ("p2", 1, 2), (None, 1, 0)]
    assert [unit.label for unit in mapped.units] == ["row 2", "row 3", "row 5"]
    assert [unit.blocked for unit in mapped.units] == [False, False, True]
    assert mapped.units[0].resources[0]["note"] == [{"text": "2"}]
    assert [found.rule for found in mapped.units[1].issues] == ["mapping.subject-unverified"]
    (unknown,) = mapped.units[2].issues
    assert (unknown.rule, unknown.source) == ("mapping.subject-unknown", "row 5, column NUMBER")


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("1,1961-04-01,101,7", "subject-mismatch"),
        ("1,1960-04-01,102,7", "subject-mismatch"),
        (",1960-04-01,101,7", "subject-empty"),
    ],
)
def test_a_doubtful_participant_blocks_the_unit(line: str, rule: str, tmp_path: Path) -> None:
    (unit,) = compiled(tmp_path, ROWS).apply(rows(line).tree, known()).units
    assert (unit.blocked, unit.resources, unit.issues[0].rule) == (True, (), f"mapping.{rule}")


def test_no_records_is_a_warning(tmp_path: Path) -> None:
    mapped = compiled(tmp_path, HEAD + POINT).apply({"points": []}, facts())
    assert (mapped.units, [(found.rule, found.severity) for found in mapped.issues]) == (
        (),
        [("mapping.no-records", "warning")],
    )


def test_declared_context_must_be_handed_in(tmp_path: Path) -> None:
    text = HEAD + 'context: {envelope: {user: string, note: "string?"}, study: {series: string}}\n' + POINT
    mapped = compiled(tmp_path, text).apply({"points": [{"at": "2026"}]}, facts())
    assert [found.rule for found in mapped.issues] == ["mapping.context-missing"]
    assert "study.series" in mapped.issues[0].message


def test_ids_depend_on_study_and_key_only(tmp_path: Path) -> None:
    mapping = compiled(tmp_path, HEAD + POINT)
    newer = compiled(tmp_path, (HEAD + POINT).replace("version: 1.0.0", "version: 2.0.0"))
    tree = {"points": [{"at": "2026", "bpm": 1}]}
    (made,) = mapping.apply(tree, facts()).resources
    assert newer.apply(tree, facts()).resources[0]["id"] == made["id"]
    assert mapping.apply(tree, facts(study={"id": "other"})).resources[0]["id"] != made["id"]


CANARY = "Canary-7391"


@pytest.mark.parametrize(
    "lines",
    [
        "valueInteger: =v",
        "valueString: =many",
        "issued: =v.hl7Time()",
        "valueQuantity: =v.quantity('kg')",
        "valueQuantity: =n.quantity(v)",
        "valueInteger: =v.toInteger() + v",
        "value[x]: [{when: =v = 'x', string: x}, {else: issue other}]",
        "method: {when: =v, text: x}",
        "effectiveDateTime: =v.atOffset(v)",
        "effectiveDateTime: =v.parseTime('YYYY')",
    ],
)
def test_issues_never_tell_a_value(lines: str, tmp_path: Path) -> None:
    point = {"id": "1", "v": CANARY, "n": 1, "many": [CANARY, CANARY + "2"]}
    mapped = compiled(tmp_path, emit(lines)).apply({"points": [point]}, facts())
    issues = [found for unit in mapped.units for found in unit.issues]
    told = [found for found in issues if CANARY in repr(found)]
    assert told == []
    assert issues or lines.startswith("valueInteger: =v.toInteger")


SCHEMA = """{"type": "object", "required": ["points"], "additionalProperties": false, "properties": {"points": {
 "type": "array", "items": {"type": "object", "required": ["id"], "properties": {
 "id": {"type": "string", "maxLength": 3}, "v": {"enum": ["a", "b"]}, "p": {"pattern": "^[a-z]+$"},
 "n": {"type": ["number", "null"], "minimum": 3},
 "o": {"oneOf": [{"type": "string"}, {"type": "object", "required": ["q"]}]}}}}}}"""


def test_the_payload_schema_is_the_gate_and_tells_no_value(tmp_path: Path) -> None:
    text = (HEAD + POINT).replace("format: json", "format: json, schema: payload.schema.json")
    mapping = compiled(tmp_path, text, payload__schema__json=SCHEMA)
    assert mapping.check_payload({"points": [{"id": "1", "v": "a", "n": None}]}) == []
    bad = {"points": [{"id": CANARY, "v": CANARY, "n": -1, "p": CANARY, "o": {}}, {}]}
    issues = mapping.check_payload(bad)
    assert CANARY not in repr(issues)
    assert {found.source for found in issues} == {
        "/points/0/id", "/points/0/v", "/points/0/n", "/points/0/p", "/points/0/o", "/points/1",
    }  # fmt: skip
    assert all(found.rule == "mapping.payload-invalid" and found.blocks for found in issues)


def test_a_payload_cannot_make_a_mapping_huge(tmp_path: Path) -> None:
    points = [{"id": str(number)} for number in range(1000)]
    square = emit("", "foreach: =%payload.points").replace("key: [=id]", "key: [=%record.id, =id]")
    mapped = compiled(tmp_path, square).apply({"points": points}, facts())
    assert (mapped.units, [found.rule for found in mapped.issues]) == ((), ["mapping.too-large"])


def test_a_list_in_a_resource_cannot_be_huge(tmp_path: Path) -> None:
    mapping = compiled(tmp_path, emit("performer: {foreach: =v, display: x}"))
    mapped = mapping.apply({"points": [{"id": "1", "v": [1] * (MAX_ITEMS + 1)}]}, facts())
    assert [found.rule for found in mapped.issues] == ["mapping.too-large"]


def test_a_thousand_findings_are_enough(tmp_path: Path) -> None:
    text = emit("valueString: =v") + "policy: {multiple-values: warn}\n"
    points: list[Any] = [{"id": str(number), "v": ["a", "b"]} for number in range(1200)]
    (unit,) = compiled(tmp_path, text).apply({"points": points}, facts()).units
    assert (len(unit.issues), unit.issues[-1].rule, unit.blocked) == (1001, "mapping.more-findings", False)
    (unit,) = compiled(tmp_path, text).apply({"points": [*points, {}]}, facts()).units
    assert unit.blocked
