"""What is asked of a message before it is mapped is answered by kinds of results as it is by the whole tree."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec import structs

from gateway.core.errors import Unprocessable
from gateway.formats import FORMATS, Decoded, decode, json_pointer
from gateway.ingest.drift import Watch
from gateway.mapping import Mapping, MappingRegistry
from gateway.mapping.language.payload_schema import Schema
from gateway.mapping.tools.drift import Places, fields_of
from tests.mapping_runs import registry
from tests.property.test_results_of_rows import FACTS, LINES, MAPPING, MESSAGES, body_of
from tests.unit.mapping.files import compiled

ALIKE = FORMATS["hl7v2"].alike
HEADER = "|^~\\&|LAB|S|GW|T|20260102080000+0000||ORU^R01^ORU_R01|1|P|2.5.1"
HEADERS = (HEADER, HEADER, HEADER.replace("^R01", "^R30"), HEADER.replace("|20260102080000+0000|", "||"),
           HEADER.replace("ORU^R01^ORU_R01", "ORU"), HEADER.replace("ORU^R01", "ADT^A01"))  # fmt: skip
ORDERS = ("OBR|1|P1|F1|1^x^LN", "OBR|1|P1|F1|1^x^LN", "OBR|1|P1|F1", "ORC|RE|P1", "NTE|1||x")


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Messages of which some have another header, no participant, or an order without its test."""
    made = [
        ["MSH" + draw(st.sampled_from(HEADERS)), "PID|1||1^^^A^MR", draw(st.sampled_from(ORDERS)), *draw(LINES)]
        for _ in range(draw(st.integers(1, 2)))
    ]
    return "\r".join(line for message in made for line in message).encode()


BODIES = st.one_of(MESSAGES.map(body_of), bodies())
ONE = "MSH" + HEADER + "\rPID|1||1^^^A^MR\rOBR|1|P1|F1|1^x^LN\rOBX|1|NM|718-7^Hb^LN||13|g/dL|12-16|N|||F"


def filled(body: bytes) -> Decoded:
    """The payload with all its results made."""
    return Decoded(decode(body, "hl7v2").tree, decode(body, "hl7v2").locate)


@settings(deadline=None, max_examples=20)
@given(BODIES)
def test_a_payload_is_judged_and_mapped_the_same(body: bytes) -> None:
    mapping = registry().get(MAPPING)
    found, expected = (mapping.map(one, FACTS) for one in (decode(body, "hl7v2"), filled(body)))
    assert repr(found.units) == repr(expected.units)
    assert [str(unit.place) for unit in found.units] == [str(unit.place) for unit in expected.units]
    assert found.issues == expected.issues
    assert parts(registry(), decode(body, "hl7v2")) == parts(registry(), filled(body))


def parts(known: MappingRegistry, decoded: Decoded) -> list[str]:
    """The mappings that read a payload, or why none does."""
    try:
        return [part.mapping.id for part in known.parts((MAPPING,), decoded, "hl7v2")]
    except Unprocessable as error:
        return [found.message for found in error.issues]


@settings(deadline=None, max_examples=15)
@given(st.lists(BODIES, min_size=1, max_size=4))
def test_the_fields_of_results_are_those_of_the_tree(payloads: list[bytes]) -> None:
    mapping, places = registry().get(MAPPING), Places()
    watches = Watch(steady=1), Watch(steady=1)
    for body in payloads:
        assert places.fields(decode(body, "hl7v2"), ALIKE) == fields_of(decode(body, "hl7v2").tree, places.root)
        found, expected = (
            one.look("lab", mapping, tree)
            for one, tree in zip(watches, (decode(body, "hl7v2"), filled(body)), strict=True)
        )
        assert found == expected


def of_items(item: Any, **more: Any) -> dict[str, Any]:
    """A schema that says something of results, and of the list of them."""
    order = {"properties": {"OBSERVATION": {"type": "array", "items": item, **more}}}
    orders = {"properties": {"ORDER_OBSERVATION": {"items": {"$ref": "#/$defs/order"}}}}
    return {"properties": {"PATIENT_RESULT": {"items": orders}}, "$defs": {"order": order, "text": {"maxLength": 2}}}


def of_segment(**said: Any) -> dict[str, Any]:
    return of_items({"required": ["OBX"], "properties": {"OBX": said}})


BY_KINDS = {
    "nothing": {},
    "names": of_segment(required=["f3", "f5"]),
    "a range that only some have": of_segment(required=["f7"]),
    "types": of_segment(properties={"f3": {"type": "object"}, "f4": {"type": "string"}, "f5_1": {"type": "string"}}),
    "types that no text has": of_segment(properties={"f5": {"type": "object"}}),
    "known names": of_segment(properties=dict.fromkeys(["f1", "f2"], True), additionalProperties=False),
    "a code in a header": of_segment(properties={"f2": {"enum": ["NM", "ST"]}, "f11_1": {"pattern": "^[FPC]$"}}),
    "a choice": of_items({"anyOf": [{"required": ["NTE"]}, {"properties": {"OBX": {"required": ["f8"]}}}]}),
    "no items": of_items(False),
}
BY_TREE = {
    "a pattern": of_segment(properties={"f5_1": {"pattern": "^1"}}),
    "a length": of_segment(properties={"f5": {"$ref": "#/$defs/text"}}),
    "a constant": of_segment(properties={"f4_1": {"const": "1"}}),
    "a time": of_segment(required=["f14"]),
    "no part": of_segment(properties={"f1": True}, propertyNames={"maxLength": 4}),
    "a condition": of_segment(**{"if": {"required": ["f14"]}, "then": {"required": ["f8"]}}),
    "what is not": of_segment(**{"not": {"required": ["f14"]}}),
    "one of two": of_segment(oneOf=[{"required": ["f4"]}, {"required": ["f5"]}]),
    "differing items": of_items({"type": "object"}, uniqueItems=True),
    "a number of items": of_items({"type": "object"}, minItems=2),
    "few items": of_items({"type": "object"}, maxItems=1),
    "an item": of_items(True, contains={"required": ["NTE"]}),
    "any list": {"additionalProperties": {"items": {"additionalProperties": {"items": {"required": ["f"]}}}}},
    "a place": {"$ref": "#/$defs/a/$defs/b", "$defs": {"a": {"$defs": {"b": {"required": ["MSH"]}}}}},
    "the whole": {"properties": {"PATIENT_RESULT": {"const": [{"ORDER_OBSERVATION": []}]}}},
}


@cache
def schema(name: str) -> Schema:
    """The schema, which keeps what it knows of kinds from payload to payload."""
    return Schema((BY_KINDS | BY_TREE)[name])


@settings(deadline=None, max_examples=20)
@example(ONE.encode())
@given(BODIES)
def test_a_schema_accepts_results_by_their_kinds_as_it_does_the_tree(body: bytes) -> None:
    tree = decode(body, "hl7v2").tree
    for name in (*BY_KINDS, *BY_TREE):
        assert schema(name).fits(decode(body, "hl7v2"), ALIKE) is schema(name).accepts(tree), name


@pytest.mark.parametrize("name", [*BY_KINDS, *BY_TREE])
def test_results_are_made_where_a_schema_says_something_of_their_texts(name: str) -> None:
    decoded = decode(ONE.encode(), "hl7v2")
    fits = schema(name).fits(decoded, ALIKE)
    results = decoded.outline["PATIENT_RESULT"][0]["ORDER_OBSERVATION"][0]["OBSERVATION"]
    assert bool(results) is (name in BY_TREE or not fits)


MATCHES = {
    "MSH.exists() and MSH.all(f9_1 = 'ORU' and (f9_2 = 'R01' or f9_2.empty()))": False,
    "PATIENT_RESULT.ORDER_OBSERVATION.where(OBR.f4_1 in ('1' | '2')).exists()": False,
    "MSH.all(f9.all($this = 'ORU'))": False,
    "PATIENT_RESULT.ORDER_OBSERVATION.OBSERVATION.exists()": True,
    "PATIENT_RESULT.ORDER_OBSERVATION.children().count() > 4": True,
    "PATIENT_RESULT.ORDER_OBSERVATION = %payload.PATIENT_RESULT.ORDER_OBSERVATION": True,
    "(PATIENT_RESULT.ORDER_OBSERVATION | PATIENT_RESULT.ORDER_OBSERVATION).exists()": True,
}
FILE = """\
mapping: test.match
version: 1.0.0
status: draft
fhir: 4.0.1
describe: what is asked of a payload first
source: {format: hl7v2, match: "=MATCH", records: =PATIENT_RESULT.ORDER_OBSERVATION}
subject: {per: record, resolve: {system: "urn:s", value: =PATIENT.PID.f3_1.first()}}
emit: [{id: order, key: [=%subject.id, =OBR.f4_1], resource: {resourceType: Specimen, note: [{text: =OBR.f4_1}]}}]
"""


@cache
def matching(match: str) -> Mapping:
    with TemporaryDirectory() as folder:
        return compiled(Path(folder), FILE.replace("MATCH", match))


@settings(deadline=None, max_examples=15)
@given(BODIES)
def test_a_mapping_takes_a_payload_whether_its_results_are_made_or_not(body: bytes) -> None:
    tree = decode(body, "hl7v2").tree
    for text in MATCHES:
        mapping = matching(text)
        assert mapping.match is not None
        expected = structs.replace(mapping.match, asked=None).of_tree(tree)
        assert mapping.takes(tree) is expected, text
        assert mapping.reads(decode(body, "hl7v2")) is expected, text


@pytest.mark.parametrize(("match", "is_made"), MATCHES.items())
def test_results_are_made_where_a_match_may_look_at_them(match: str, *, is_made: bool) -> None:
    decoded = decode(ONE.encode(), "hl7v2")
    matching(match).reads(decoded)
    assert bool(decoded.outline["PATIENT_RESULT"][0]["ORDER_OBSERVATION"][0]["OBSERVATION"]) is is_made


def test_a_text_in_place_of_an_object_is_matched_as_the_expression_says() -> None:
    mapping = matching("MSH.exists() and MSH.all(f9_1 = 'ORU' and (f9_2 = 'R01' or f9_2.empty()))")
    trees: tuple[Any, ...] = ({"MSH": "x"}, {"MSH": {"f9_1": "ORU"}}, {"MSH": []}, [], "x", None)
    found = [mapping.takes(tree) for tree in trees]
    assert found == [False, True, False, False, False, False]
    assert mapping.reads(Decoded({"MSH": [{"f9_1": "ORU"}, {"f9_1": "ORU", "f9_2": "R01"}]}, json_pointer))
