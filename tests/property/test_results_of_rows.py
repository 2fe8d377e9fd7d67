"""Results mapped from their lines: the same as from the whole tree, which is whole when something looks at it."""

import ast
import os
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.core.errors import BadRequest
from gateway.formats import FORMATS, Decoded, decode
from gateway.formats.hl7v2_groups import flat, oru_groups
from gateway.formats.hl7v2_segments import USUAL, read_segment
from gateway.mapping import Facts, MappedUnit, Mapping
from gateway.mapping.fast.generate import written
from gateway.mapping.tools.selftest import facts_of
from tests.mapping_runs import registry
from tests.unit.mapping.files import compiled

PAYLOADS = Path(os.environ.get("GATEWAY_PAYLOADS_DIR", "../shared/payloads"))
MAPPING = "lab.hl7v2.oru-r01"
FACTS = facts_of({"subject": {"id": "p1", "zone": "UTC"}, "site": {"zone": "UTC"}})
HEAD = "MSH|^~\\&|LAB|S|GW|T|20260102080000+0000||ORU^R01^ORU_R01|1|P|2.5.1"
OTHERS = st.sampled_from(
    (
        "OBR|1|P1|F1|1^x^LN|||20260101|||||||||||||||20260102070000+0000|||F",
        "OBR|2|P2|F2|2^y^L||||||||SER",
        "ORC|RE|P3|F3",
        "PID|1||1^^^A^MR||||19620417",
        "PID|1||2~3^^^A^MR",
        "SPM|1|S1||BLD",
        "NTE|1||a note",
        "PV1|1|O",
        "ZZZ|1|x",
        "OBX|1|ST|1^a^LN||a\\F\\b||||||F",
        "OBX|1|NM|718-7^Hb^LN||1||||||F|||||||M1^Method^L",
    )
)
TESTS = st.sampled_from(("718-7^Hb^LN", "HGB^Hb^L", "^^^718-7^Hb^LN", "X", "2951-2^Na^LN^S^Sodium^L"))
TYPES = ("NM", "NM", "ST", "TX", "SN", "CE", "CWE", "DT", "TS", "TM", "DR", "NR", "NA", "ED", "RP", "XX", "")
TEXTS = ("13.40", "13.4", "<5", ">= 7", "word", ".5", "20260102", "1015", "A")
VALUES = st.tuples(st.sampled_from(TYPES), st.sampled_from(TEXTS))


@st.composite
def results(draw: st.DrawFn) -> str:
    """An OBX with one text in each field of its own."""
    kind, value = draw(VALUES)
    number, part = draw(st.sampled_from("12")), draw(st.sampled_from(("", "", "1")))
    unit, limits = (
        draw(st.sampled_from(("g/dL^^UCUM", "g/dl", "odd unit", ""))),
        draw(st.sampled_from(("12-16", "<5", ""))),
    )
    flag, status = draw(st.sampled_from(("", "N", "H", "odd"))), draw(st.sampled_from("FPCI?"))
    time = draw(st.sampled_from(("", "|||20260102070000+0000", "|||20260102", "|||noon")))
    return f"OBX|{number}|{kind}|{draw(TESTS)}|{part}|{value}|{unit}|{limits}|{flag}|||{status}{time}"


LINES = st.lists(st.one_of(results(), results(), results(), OTHERS), min_size=1, max_size=8)
MESSAGES = st.lists(LINES, min_size=1, max_size=2)


def body_of(messages: list[list[str]]) -> bytes:
    """The payload: an order is open in each message."""
    started = [[HEAD, "PID|1||1^^^A^MR", "OBR|1|P1|F1|1^x^LN", *lines] for lines in messages]
    return "\r".join(line for message in started for line in message).encode()


@example([["OBX|1|NM|1^a^LN||1"], ["OBX|1|NM|1^a^LN||1", "SPM|1|S1", "OBX|1|NM|1^a^LN||1"]])
@example([["OBX|1|NM|1^a^LN||1", "OBR|2|P2|F2|2^y^L", "OBX|1|NM|1^a^LN||2"], ["OBX|1|NM|1^a^LN||1", "ORC|RE"]])
@given(MESSAGES)
def test_the_tree_and_its_positions_are_those_of_the_segments(messages: list[list[str]]) -> None:
    body = body_of(messages)
    lines = [line.split("\r") for line in body.decode().split("MSH")[1:]]
    segments = [
        [(line[:3], read_segment(line, USUAL)) for line in ("MSH" + one[0], *filter(None, one[1:]))] for one in lines
    ]
    roots = [oru_groups(message) if message[0][1].get("f9_1") == "ORU" else flat(message) for message in segments]
    whole: dict[str, object] = dict(roots[0])
    for name in whole:
        if len(roots) > 1:
            whole[name] = [
                part for root in roots for part in (root[name] if isinstance(root[name], list) else [root[name]])
            ]
    decoded = decode(body, "hl7v2")
    last = ("PATIENT_RESULT", 0, "ORDER_OBSERVATION", 0, "OBSERVATION", 0, "OBX", "f5_1")
    place = decoded.locate(last)
    assert decoded.tree == whole
    assert place == decode(body, "hl7v2").locate(last)
    assert decoded.tree is decoded.tree


HEADS = st.sampled_from(
    (
        HEAD,
        HEAD.replace("|LAB|S|", "|LAB^X|T|"),
        HEAD.replace("20260102080000+0000||", "20260102090000+0000||").replace("|1|P", "|2|P"),
        HEAD.replace("20260102080000+0000||", "||"),
        HEAD.replace("+0000||", "+0000|key|"),
        HEAD.replace("|1|P", "|1^2|P"),
        HEAD.replace("ORU^R01^ORU_R01", "ORU"),
        HEAD.replace("ORU^R01^ORU_R01", "ADT^A01"),
    )
)
PATIENTS = st.sampled_from(("PID|1||1^^^A^MR", "PID|1||2^^^A^MR||X^Y||19620417|M", "PID|1||1~3", "PID|1"))
ORDER = st.tuples(
    st.sampled_from(("1", "", "2^3")),
    *[st.sampled_from(texts) for texts in (("P1", "P2", ""), ("F1", "F2", "F^1", ""))],
    st.sampled_from(("1^x^LN", "718-7^Hb^LN", "^^^1^y^L", "X", "")),
    st.sampled_from(("|||20260101", "|S||20260101120000+0000", "|||20260101|20260102", "|||noon^x", "|||", "")),
    st.sampled_from(("", "|||||||||||||||20260102070000+0000|||F", "||||||||||||||20260102||SER|P", "|||||||BLD",
                     "||||||||D1^Who|||||20260102070000|||F", "||||||||||||||20260102070000|||F|718-7&Hb^1^2|||P1^F1",
                     "||||||A\\T\\B", "|||G|||20260102|||||||||||F" + "|" * 30)),
).map(lambda told: "|".join(("OBR", *told)))  # fmt: skip
STARTS = st.tuples(HEADS, PATIENTS, ORDER)


@example((HEAD, "PID|1||1", "OBR|1|P1|F1|1^x^LN|||20260101"), ["OBX|1|NM|718-7^Hb^LN||1", "OBX|2|NM|718-7^Hb^LN||1"])
@settings(deadline=None, max_examples=12)
@given(STARTS, LINES)
def test_orders_map_the_same_from_rows(start: tuple[str, ...], lines: list[str]) -> None:
    body = "\r".join((*start, *lines)).encode()
    message = [(line[:3], read_segment(line, USUAL)) for line in (*start, *lines)]
    whole = oru_groups(message) if message[0][1].get("f9_1") == "ORU" else flat(message)
    filled = decode(body, "hl7v2")
    assert (filled.outline is filled.tree, filled.tree, repr(filled.tree)) == (True, whole, repr(whole))
    for mapping in (registry().get(MAPPING), everything()):
        explained = mapping.apply_to(filled, FACTS, trace=True)
        decoded = decode(body, "hl7v2")
        found = mapping.apply_to(decoded, FACTS)
        assert repr(found.units) == repr(explained.units)
        assert found.issues == explained.issues
        assert [*map(place_of, found.units)] == [*map(place_of, explained.units)]
        assert decoded.tree == whole


def mapped(decoded: Decoded, facts: Facts, *, trace: bool) -> tuple[str, object]:
    """What comes of a payload, the places of units told."""
    made = registry().get(MAPPING).apply_to(decoded, facts, trace=trace)
    return repr(made.units), ([*map(place_of, made.units)], made.issues)


def place_of(unit: MappedUnit) -> str:
    return str(unit.place)


@example([["OBX|1|NM|718-7^Hb^LN||1|g/dL", "OBX|1|NM|718-7^Hb^LN||2|g/dL"]])
@example([["OBX|1|ST|718-7^Hb^LN||a", "OBX|2|ST|718-7^Hb^LN||b", "OBX|3|NM|718-7^Hb^LN||3"]])
@example([[f"OBX|1|NM|718-7^Hb^LN|{'x' * 600}|1|g/dL", f"OBX|2|SN|718-7^Hb^LN|{'x' * 600}|>^1"]])
@example(
    [[f"OBX|{n}|NM|718-7^Hb^LN|{n % 3 or ''}|{text}|g/dL|12-16|N|||F" for n, text in enumerate((*TEXTS, *TEXTS), 1)]]
)
@example(
    [
        ["OBX|1|NM|718-7^Hb^LN||1", "OBX|2|NM|718-7^Hb^LN|.|2"],
        ["OBR|2||F2|8^y^L" + "|" * 22 + "718-7", "OBX|1|NM|718-7^Hb^LN||3"],
    ]
)
@example([["OBX|1|NM|718-7^Hb^LN||1", f"OBX|2|NM|718-7^Hb^LN|{'x' * 499}|2", f"OBX|3|NM|718-7^Hb^LN|{'x' * 500}|3"]])
@settings(deadline=None, max_examples=60)
@given(MESSAGES)
def test_results_map_the_same_from_rows(messages: list[list[str]]) -> None:
    body = body_of(messages)
    filled = decode(body, "hl7v2")
    assert filled.tree
    expected = mapped(decode(body, "hl7v2"), FACTS, trace=True)
    for decoded in (decode(body, "hl7v2"), decode(body, "hl7v2"), filled):
        assert mapped(decoded, FACTS, trace=False) == expected


EVERYTHING = """\
mapping: test.rows
version: 1.0.0
status: draft
fhir: 4.0.1
describe: everything that may be asked of a result
source: {format: hl7v2, records: =PATIENT_RESULT.ORDER_OBSERVATION, tz: {default: UTC}}
subject: {per: record, resolve: {system: "urn:s", value: =PATIENT.PID.f3_1.first()}}
vars:
  first: =OBSERVATION.OBX.where(f2 = 'NM').f3_1.distinct().first()
  last: =OBSERVATION.OBX.f5_1.last()
  orders: =OBR.f2_1
  service: "=coalesce(OBR.f4_1, OBR.f4_4, '?') & '/' & OBR.f25_1"
  sender: =MSH.f4_1 & MSH.f10_1
  again: =%payload.MSH.f7_1
  every: =OBR.children().count()
  section: =iif(OBR.f24_1.exists(), OBR.f24_1, MSH.f3.text())
  late: =iif(OBR.f22_1.length() > 8, OBR.f22_1.hl7Time())
emit:
  - id: before
    key: [=%subject.id, "=coalesce(%orders, 'none')"]
    resource: {resourceType: Specimen, note: [{text: =%last}, {when: =OBR.f15.exists(), text: =OBR.f15.text()}]}
  - id: ordered
    when: =OBR.f16_1.empty() or OBR.f4.exists()
    key: [=%subject.id, =%sender, =%service]
    resource:
      resourceType: ServiceRequest
      identifier: [{system: "urn:o", value: =OBR.f3_1}]
      status: active
      intent: order
      code: {text: =%service, coding: [{system: "urn:t", code: =OBR.f4_1, display: =OBR.f4_2}]}
      category: [{text: =%section}, {text: lab}]
      subject: {reference: =%subject.reference}
      quantityQuantity: {value: =%every}
      authoredOn: =%late
      note: [{when: =%again.exists(), text: =%again}, {when: =ORC.f1_1.exists(), text: =ORC.f1_1}]
  - id: result
    foreach: =OBSERVATION.where(OBX.f3.exists())
    vars:
      whole: =OBX.children().count()
      kind: =OBX.f2
      twice: =OBX.f5_1 & %kind
      both: =%kind & OBX.f6_1 & '-' & OBX.f4_1
      here: =%item.OBX.f1_1
      place: =%index
    key: [=%subject.id, =%record.OBR.f1_1, =%index, =%kind.text(), "=coalesce(OBX.f4_1, OBX.f3_1)"]
    guard: [{assert: =OBX.f5_1 != '<5', else: drop-resource, code: low}]
    resource:
      resourceType: Observation
      identifier: [{use: usual, system: "urn:x", value: =%subject.id}, {system: "urn:y", value: =%both}]
      status: =iif(OBX.f11_1 = 'F', 'final', 'unknown')
      code: {coding: [{system: "urn:t", code: =OBX.f3_1}], text: =OBX.f3.text()}
      subject: {display: x, reference: =%subject.reference, type: Patient}
      device: {when: =OBX.f2 = 'NM' and OBX.f5_1 = '13.4', display: =%twice}
      specimen: =coalesce(ref('before').first(), iif(true, OBX.f3.codeable()))
      issued: =OBX.f14_1.hl7Time()
      value[x]:
        - when: =OBX.f2 = 'NM' and OBX.f5_1.exists()
          Quantity: {value: =OBX.f5_1.toDecimal(), unit: =OBX.f6_1, code: =%kind}
        - when: =OBX.f2 = 'ST' and OBX.f6_1.exists() and OBX.f4_1.empty()
          string: =OBX.select(f5_1 & f3_1)
        - when: =OBX.f2 = 'ST'
          string: =OBX.where(f4_1 = '1').f5
        - when: =OBX.f2 in ('TX' | 'CE')
          CodeableConcept: {text: =%here, coding: [{code: =OBX.f7_1, system: "urn:z", display: =%whole.toString()}]}
        - when: =OBX.f2 = 'XX'
        - else: issue odd-type
      note: [{when: =NTE.f3.exists(), text: =NTE.f3.text()}, {when: =OBX.f5.length() > 2, text: =$this.OBX.f5}]
      component: {foreach: =OBX.f3, code: {text: =c1}, valueString: =%twice}
  - id: report
    key: [=%subject.id, =%record.OBR.f1_1]
    resource:
      resourceType: DiagnosticReport
      status: final
      code: {text: "=coalesce(%first, 'x')"}
      result: =ref('result')
      conclusion: =OBSERVATION.where(OBX.f4_1.exists()).OBX.f5_1.join(',')
policy: {wrong-value: warn, multiple-values: quarantine, required-missing: quarantine}
"""


@cache
def everything() -> Mapping:
    with TemporaryDirectory() as folder:
        return compiled(Path(folder), EVERYTHING)


@settings(deadline=None, max_examples=60)
@given(MESSAGES)
def test_whatever_is_asked_of_a_row_is_answered_as_of_the_tree(messages: list[list[str]]) -> None:
    mapping = everything()
    assert mapping.fast is not None
    assert mapping.fast.record is not None
    assert mapping.fast.record.of_rows is not None
    assert mapping.fast.record.reads_told
    body = body_of(messages)
    quick, explained = (mapping.apply_to(decode(body, "hl7v2"), FACTS, trace=trace) for trace in (False, True))
    assert repr(quick.units) == repr(explained.units)
    assert quick.issues == explained.issues


def test_usual_results_need_no_tree() -> None:
    decoded = decode(body_of([["OBX|1|NM|718-7^Hb^LN||13.4|g/dL|12-16|N|||F"]]), "hl7v2")
    assert registry().get(MAPPING).apply_to(decoded, FACTS).resources
    order = decoded.bare["PATIENT_RESULT"][0]["ORDER_OBSERVATION"][0]
    assert (order["OBSERVATION"], order["OBR"], order["MSH"]) == ([], {}, {})
    assert decoded.outline["PATIENT_RESULT"][0]["ORDER_OBSERVATION"] == [order]
    assert (order["OBSERVATION"], order["OBR"]["f3_1"], order["MSH"]["f10"]) == ([], "F1", "1")
    assert len(decoded.tree["PATIENT_RESULT"][0]["ORDER_OBSERVATION"][0]["OBSERVATION"]) == 1
    assert order["OBSERVATION"][0]["OBX"]["f5"] == "13.4"


@pytest.mark.skipif(not (PAYLOADS / "lab").is_dir(), reason="no laboratory payloads")
def test_public_messages_map_the_same_from_rows() -> None:
    names: list[Path] = [
        path for path in sorted((PAYLOADS / "lab").rglob("*.hl7")) if path.read_bytes()[:3] == b"MSH"
    ]
    for path in names:
        body = path.read_bytes()
        try:
            expected, found = (mapped(decode(body, "hl7v2"), FACTS, trace=trace) for trace in (True, False))
        except BadRequest:
            continue
        assert found == expected, path.name
    assert names


@pytest.mark.parametrize("trace", [False, True])
@pytest.mark.parametrize("number", [1, 3])
def test_a_text_of_a_row_that_is_too_long_is_refused(number: int, *, trace: bool) -> None:
    parts = {number: "x" * 1_000_001}
    body = body_of([[f"OBX|{n}|NM|718-7^Hb^LN|{parts.get(n, '')}|1|g/dL|12-16|N|||F" for n in (1, 2, 3)]])
    found = registry().get(MAPPING).apply_to(decode(body, "hl7v2"), FACTS, trace=trace)
    assert not found.units
    assert [one.rule for one in found.issues] == ["mapping.too-large"]


def test_what_few_results_need_is_not_asked_of_those_of_a_usual_kind() -> None:
    plan = registry().get(MAPPING).plan
    module, _ = written(plan, plan.each, plan.vars, usual=True, alike=FORMATS["hl7v2"].alike)
    turns = [one.body for one in ast.walk(module) if isinstance(one, ast.For)]
    (quick,) = [body[2] for body in turns if len(body) > 2 and ast.unparse(body[2]).endswith("continue")]
    text = ast.unparse(quick)
    assert "'valueQuantity'" in text
    for name in ("valueString", "component", "derivedFrom", "extension", "scope.fill"):
        assert name not in text


OF_PATIENTS = """\
mapping: test.patients
version: 1.0.0
status: draft
fhir: 4.0.1
describe: records that hold orders
source: {format: hl7v2, records: =PATIENT_RESULT, tz: {default: UTC}}
subject: {per: record, resolve: {system: "urn:s", value: =PATIENT.PID.f3_1.first()}}
emit:
  - id: result
    foreach: =OBSERVATION
    key: [=%subject.id, =OBX.f1_1]
    resource: {resourceType: Specimen, note: [{text: =OBX.f5_1}]}
  - id: message
    key: [=%subject.id, =PATIENT.PID.f3_1]
    resource: {resourceType: Specimen, note: [{text: "=coalesce(%payload.MSH.f10_1, 'none')"}]}
"""


def test_orders_below_a_record_are_whole(tmp_path: Path) -> None:
    body = body_of([["OBX|1|NM|718-7^Hb^LN||13.4"]])
    (made,) = compiled(tmp_path, OF_PATIENTS).apply_to(decode(body, "hl7v2"), FACTS).resources
    assert made["note"] == [{"text": "1"}]


def test_what_results_of_a_kind_have_in_common_is_made_once_for_it() -> None:
    plan = registry().get(MAPPING).plan
    module, _ = written(plan, plan.each, plan.vars, usual=True, alike=FORMATS["hl7v2"].alike)
    of_kinds, _, of_message = ast.unparse(module).partition("def bind(")
    for name in ("interpretation", "referenceRange", "method"):
        assert repr(name) in of_kinds
        assert repr(name) not in of_message
