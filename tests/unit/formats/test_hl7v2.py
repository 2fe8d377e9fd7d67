"""HL7 v2 decoding: fields, groups, batches, positions, refusals. Messages are synthetic."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import BadRequest
from gateway.formats import decode
from gateway.formats.hl7v2_headers import feed_of
from gateway.formats.hl7v2_orders import MAX_REMEMBERED, REMEMBERED

MSH = "MSH|^~\\&|LAB|S1|GW||20260105101500+0100||ORU^R01^ORU_R01|M1|P|2.5.1"
PID = "PID|1||101-001^^^LAB&1.2.3&ISO^PI~77^^^S1^MR||DOE^JO||19600102|F"
OBR = "OBR|1|P1|F1|33762-6^NT-proBNP^LN|||20260105090000+0100"
OBX = "OBX|1|NM|33762-6^NT-proBNP^LN||450|pg/mL|<125|H|||F"


def message(*segments: str) -> bytes:
    return "\r".join(segments).encode()


def tree(*segments: str) -> dict:
    return decode(message(*segments), "hl7v2").tree


def refusal(data: bytes) -> str:
    with pytest.raises(BadRequest) as refused:
        decode(data, "hl7v2")
    return refused.value.issues[0].rule


def test_plain_field_is_text_with_itself_as_first_component():
    pid = tree(MSH, PID)["PATIENT_RESULT"][0]["PATIENT"]["PID"]
    assert (pid["f7"], pid["f7_1"], pid["f8"]) == ("19600102", "19600102", "F")
    assert "f2" not in pid


def test_composite_field_has_components_and_repetitions_make_lists():
    pid = tree(MSH, PID)["PATIENT_RESULT"][0]["PATIENT"]["PID"]
    assert pid["f5"] == {"c1": "DOE", "c2": "JO"}
    assert pid["f3"][1] == {"c1": "77", "c4": "S1", "c5": "MR"}
    assert pid["f3_1"] == ["101-001", "77"]
    assert pid["f3"][0]["c4"] == "LAB"
    assert pid["f3"][0]["c4_3"] == "ISO"
    assert pid["f3_4_2"] == ["1.2.3"]


def test_header_fields_count_from_the_separator():
    header = tree(MSH)["MSH"]
    assert header["f1"] == "|"
    assert header["f2"] == "^~\\&"
    assert (header["f9_1"], header["f9_2"], header["f10"]) == ("ORU", "R01", "M1")


def test_other_separators_are_taken_from_the_header():
    found = tree("MSH$*@!+$LAB$$$$20260105$$ORU*R01$1$P$2.5", "PID$1$$7*8+9*!F!@5")
    pid = found["PATIENT_RESULT"][0]["PATIENT"]["PID"]
    assert found["MSH"]["f9_2"] == "R01"
    assert pid["f3"] == [{"c1": "7", "c2": "8", "c2_2": "9", "c3": "$"}, "5"]


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("a\\F\\b", "a|b"),
        ("a\\S\\b\\T\\c\\R\\d", "a^b&c~d"),
        ("a\\E\\b", "a\\b"),
        ("a\\.br\\b", "a\nb"),
        ("\\H\\a\\N\\", "a"),
        ("\\XC2B5\\g", "µg"),
        ("\\Zxx\\a", "\\Zxx\\a"),
        ("half\\way", "half\\way"),
    ],
)
def test_escapes(text, meaning):
    observation = tree(MSH, PID, OBR, f"OBX|1|ST|X||{text}")["PATIENT_RESULT"][0]["ORDER_OBSERVATION"][0]
    assert observation["OBSERVATION"][0]["OBX"]["f5"] == meaning


def test_text_values_are_not_split_into_components():
    order = tree(MSH, PID, OBR, "OBX|1|TX|X||10^3 & more~second line")["PATIENT_RESULT"][0]["ORDER_OBSERVATION"][0]
    assert order["OBSERVATION"][0]["OBX"]["f5"] == ["10^3 & more", "second line"]


def test_explicit_null_is_absent():
    order = tree(MSH, PID, OBR, 'OBX|1|NM|X||""|""^""')["PATIENT_RESULT"][0]["ORDER_OBSERVATION"][0]
    assert {"f5", "f6"}.isdisjoint(order["OBSERVATION"][0]["OBX"])


def test_groups_of_oru():
    root = tree(
        MSH,
        PID,
        "NTE|1||of the patient",
        "PV1|1|O",
        "ORC|RE",
        OBR,
        "NTE|1||of the order",
        OBX,
        "NTE|1||of the result",
        "SPM|1|S1||SER",
        "OBX|1|ST|Y||of the specimen",
        OBR,
        OBX,
    )
    (result,) = root["PATIENT_RESULT"]
    first, second = result["ORDER_OBSERVATION"]
    assert result["PATIENT"]["NTE"][0]["f3"] == "of the patient"
    assert result["PATIENT"]["VISIT"]["PV1"]["f2"] == "O"
    assert first["ORC"]["f1"] == "RE"
    assert first["OBR"]["f3"] == "F1"
    assert first["NTE"][0]["f3"] == "of the order"
    assert first["OBSERVATION"][0]["NTE"][0]["f3"] == "of the result"
    assert first["SPECIMEN"][0]["OBX"][0]["f5"] == "of the specimen"
    assert "SPECIMEN" not in second
    assert second["PATIENT"] is result["PATIENT"]
    assert second["MSH"] is root["MSH"]


def test_every_order_starts_a_group():
    orders = tree(MSH, PID, "ORC|RE", OBR, OBR, "ORC|RE", "ORC|RE", OBR)["PATIENT_RESULT"][0]["ORDER_OBSERVATION"]
    assert [sorted(set(order) & {"ORC", "OBR"}) for order in orders] == [
        ["OBR", "ORC"],
        ["OBR"],
        ["ORC"],
        ["OBR", "ORC"],
    ]


def test_several_patients_and_results_without_patient():
    results = tree(MSH, PID, OBR, OBX, PID, OBR)["PATIENT_RESULT"]
    assert len(results) == 2
    (alone,) = tree(MSH, OBR, OBX)["PATIENT_RESULT"]
    assert "PATIENT" not in alone
    assert "PATIENT" not in alone["ORDER_OBSERVATION"][0]


def test_unknown_segments_are_kept_where_they_came():
    order = tree(MSH, PID, OBR, OBX, "ZLB|1|x")["PATIENT_RESULT"][0]["ORDER_OBSERVATION"][0]
    assert order["OBSERVATION"][0]["ZLB"] == [{"f1": "1", "f1_1": "1", "f2": "x", "f2_1": "x"}]


def test_other_messages_are_flat():
    root = tree("MSH|^~\\&|A||||20260105||ADT^A01|1|P|2.5", "EVN|A01", PID)
    assert list(root) == ["MSH", "EVN", "PID"]


def test_batch_is_one_tree_with_every_message():
    second = MSH.replace("|M1|", "|M2|")
    data = message("FHS|^~\\&|LAB", "BHS|^~\\&|LAB", MSH, PID, OBR, OBX, second, PID, OBR, OBX, "BTS|2", "FTS|1")
    decoded = decode(data, "hl7v2")
    assert [header["f10"] for header in decoded.tree["MSH"]] == ["M1", "M2"]
    orders = [result["ORDER_OBSERVATION"][0] for result in decoded.tree["PATIENT_RESULT"]]
    assert [order["MSH"]["f10"] for order in orders] == ["M1", "M2"]
    pointer = ("PATIENT_RESULT", 1, "ORDER_OBSERVATION", 0, "OBSERVATION", 0, "OBX", "f5_1")
    assert decoded.locate(pointer) == "MSH[2]/OBX[1].5.1"


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\r\r\n"])
def test_line_ends(end):
    data = ("\ufeff" + end.join((MSH, PID, OBR, OBX)) + end).encode()
    assert len(decode(data, "hl7v2").tree["PATIENT_RESULT"][0]["ORDER_OBSERVATION"]) == 1


def test_mllp_frame_is_removed():
    framed = b"\x0b" + message(MSH, PID) + b"\r\x1c\r"
    assert decode(framed, "hl7v2").tree["PATIENT_RESULT"]
    assert refusal(b"\x0b" + message(MSH, PID)) == "format.hl7-truncated"


def test_declared_latin_1_is_decoded():
    header = MSH + "||||||8859/1"
    data = message(header, PID, OBR, "OBX|1|NM|X||1|µmol/L").decode().encode("latin-1")
    order = decode(data, "hl7v2").tree["PATIENT_RESULT"][0]["ORDER_OBSERVATION"][0]
    assert order["OBSERVATION"][0]["OBX"]["f6"] == "µmol/L"
    assert refusal(data.replace(b"8859/1", b"")) == "format.encoding"


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("8859/2", "iso8859-2"),
        ("8859/15", "iso8859-15"),
        ("ISO-8859-1", "latin-1"),
        ("windows-1252", "cp1252"),
        ("CP1250", "cp1250"),
    ],
)
def test_character_sets_as_senders_write_them(name, codec):
    data = (MSH + f"||||||{name}\rPID|1||S^^^C^MR||M\u00fcller\r").encode(codec)
    assert "M\u00fcller" in str(decode(data, "hl7v2").tree)


@pytest.mark.parametrize("name", ["8859/12", "windows-1259", "NONSENSE", "windows-1252"])
def test_a_byte_that_no_character_set_explains_is_refused(name):
    data = (MSH + f"||||||{name}\rPID|1||S^^^C^MR||M").encode() + b"\x81\r"
    assert refusal(data) == "format.encoding"


@pytest.mark.parametrize(
    ("pointer", "position"),
    [
        (("PATIENT_RESULT", 0, "PATIENT", "PID", "f3", 1, "c4_2"), "PID[1].3[2].4.2"),
        (("PATIENT_RESULT", 0, "ORDER_OBSERVATION", 1, "OBSERVATION", 0, "OBX", "f5_1"), "OBX[2].5.1"),
        (("PATIENT_RESULT", 0, "ORDER_OBSERVATION", 1, "OBR", "f9"), "OBR[2].9"),
        (("PATIENT_RESULT", 0, "ORDER_OBSERVATION", 1), "OBR[2]"),
        (("PATIENT_RESULT", 0, "ORDER_OBSERVATION", 0, "PATIENT", "PID", "f7"), "PID[1].7"),
        (("MSH", "f10"), "MSH[1].10"),
        (("PATIENT_RESULT", 7), "PID[1]"),
        ((), ""),
    ],
)
def test_positions(pointer, position):
    assert decode(message(MSH, PID, OBR, OBX, OBR, OBX), "hl7v2").locate(pointer) == position


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "payload.empty"),
        (b" \r\n", "payload.empty"),
        (b"PID|1||1", "format.hl7-no-msh"),
        (b'{"not": "hl7"}', "format.hl7-no-msh"),
        (b"MSH", "format.hl7-encoding-characters"),
        (b"MSH|", "format.hl7-encoding-characters"),
        (b"MSH|||||", "format.hl7-encoding-characters"),
        (b"MSHA^~\\&A", "format.hl7-encoding-characters"),
        (message(MSH, PID, "a second line of text"), "format.hl7-segment"),
        (message(MSH, PID, "OBX1|2"), "format.hl7-segment"),
        (message("FHS|^~\\&|A", PID), "format.hl7-no-msh"),
        (message("FHS|^~\\&|A", "FTS|0"), "format.hl7-no-message"),
        (message("BHS|^~\\&|A", MSH, PID), "format.hl7-truncated"),
        (message("FHS|^~\\&|A", "BHS|^~\\&|A", MSH, PID, "FTS|1"), "format.hl7-truncated"),
        (message("BHS|^~\\&|A", MSH, PID, "BTS|2"), "format.hl7-batch-count"),
    ],
)
def test_refusals(data, rule):
    assert refusal(data) == rule


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=40), max_size=8))
def test_any_text_is_decoded_or_refused_and_never_breaks(lines):
    data = "\r".join([MSH, *lines]).encode()
    try:
        decoded = decode(data, "hl7v2")
    except BadRequest:
        return
    assert json.dumps(decoded.tree)


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1))
def test_an_escaped_text_comes_back(text):
    escaped = text
    for character, code in (("\\", "E"), ("|", "F"), ("^", "S"), ("&", "T"), ("~", "R")):
        escaped = escaped.replace(character, f"\x00{code}\x00")
    order = tree(MSH, PID, OBR, "OBX|1|ST|X||" + escaped.replace("\x00", "\\"))["PATIENT_RESULT"][0]
    value = order["ORDER_OBSERVATION"][0]["OBSERVATION"][0]["OBX"].get("f5")
    assert value == (None if text == '""' else text)


@given(st.lists(st.text('aZ0 ^"', max_size=6), min_size=1, max_size=12), st.sampled_from(["ZZZ", "OBX"]))
def test_a_field_reads_the_same_beside_one_with_repetitions(fields, name):
    alone, beside = tree(MSH, "|".join([name, *fields])), tree(MSH, "|".join([name, *fields, "r~r"]))
    plain, general = segment_of(alone, name), segment_of(beside, name)
    for key in (f"f{len(fields) + 1}", f"f{len(fields) + 1}_1"):
        assert general.pop(key) == ["r", "r"]
    assert list(plain.items()) == list(general.items())


def segment_of(root: dict, name: str) -> dict:
    if name == "OBX":
        return root["PATIENT_RESULT"][0]["ORDER_OBSERVATION"][0]["OBSERVATION"][0]["OBX"]
    return root[name][0]


def test_more_components_than_usual_are_all_kept():
    many = "^".join(str(number) for number in range(1, 80))
    segment = tree(MSH, "ZZZ|" + many)["ZZZ"][0]
    assert segment["f1"]["c79"] == segment["f1_79"] == "79"


def test_a_name_with_another_separator_is_no_segment_even_when_known():
    assert refusal(message(MSH, PID, "PID^1")) == "format.hl7-segment"


def test_a_result_without_an_order_is_of_the_patient_before_it():
    root = tree(MSH, PID, OBR, OBX, "SPM|1|S1||SER", PID.replace("|1|", "|2|"), OBX)
    first, second = root["PATIENT_RESULT"]
    assert "OBX" not in first["ORDER_OBSERVATION"][0]["SPECIMEN"][0]
    assert len(first["ORDER_OBSERVATION"][0]["OBSERVATION"]) == 1
    assert len(second["ORDER_OBSERVATION"][0]["OBSERVATION"]) == 1


@pytest.mark.parametrize("segments", [("SPM|1|S1||SER", OBR), (OBR, "SPM|1|S1||SER")], ids=["before", "behind"])
def test_results_behind_a_specimen_that_comes_first_are_those_of_the_order(segments):
    (order,) = tree(MSH, PID, *segments, OBX, OBX, "SPM|2|S2||SER", OBX)["PATIENT_RESULT"][0]["ORDER_OBSERVATION"]
    assert [len(order["OBSERVATION"]), [*map(len, order["SPECIMEN"])]] == [3, [1, 1]]


def test_text_is_not_split_where_nothing_is_special():
    root = tree(MSH, PID, OBR, "OBX|1|ST|a^b||x^y", "OBX|2|CE|a^b||x^y")
    text, coded = (found["OBX"] for found in root["PATIENT_RESULT"][0]["ORDER_OBSERVATION"][0]["OBSERVATION"])
    assert (text["f5"], text["f5_1"], coded["f5"]) == ("x^y", "x^y", {"c1": "x", "c2": "y"})


def told(number: str, times: str, rest: str = "|||F", *, service: str = "33762-6^NT-proBNP^LN") -> Any:
    """The row of an order; None where its line is read at once."""
    order = f"OBR|1|P{number}|F{number}|{service}|||{times}|||||||||||||||{times}{rest}"
    decoded = decode(message(MSH, "PID|1||1^^^A^MR", order, OBX), "hl7v2")
    return decoded.rows.get(id(decoded.bare["PATIENT_RESULT"][0]["ORDER_OBSERVATION"][0]))


def test_orders_of_one_service_are_of_a_kind_that_says_nothing_of_whom_they_are_about():
    first, second, other = (told(number, "20260105090000", rest) for number, rest in
                            (("71", "|||F"), ("72", "|||F"), ("71", "|||P")))  # fmt: skip
    assert first[0] is second[0] is not other[0]
    assert all(text in first for text in ("P71", "F71", "20260105090000"))
    assert all(text not in repr(first[0].item) for text in ("P71", "F71", "20260105"))


@pytest.mark.parametrize(
    ("field", "said"),
    [(13, "coughs"), (16, "77^House"), (26, "718-7^1^9.1"), (28, "77"), (7, "20260105^x"), (3, "F^LAB")],
    ids=[
        "clinical information",
        "who ordered",
        "a result",
        "who gets a copy",
        "parts of a time",
        "parts of a number",
    ],
)
def test_an_order_that_says_more_is_read_at_once(field, said):
    fields = f"OBR|1|P1|F1|33762-6^NT-proBNP^LN|||20260105{'|' * 21}".split("|")
    fields[field] = said
    decoded = decode(message(MSH, "PID|1||1^^^A^MR", "|".join(fields), OBX), "hl7v2")
    order = decoded.bare["PATIENT_RESULT"][0]["ORDER_OBSERVATION"][0]
    assert id(order) not in decoded.rows
    assert order["OBR"][f"f{field}_1"] == said.split("^")[0]


def test_kinds_of_orders_are_bounded():
    feed = feed_of(MSH[3:8])
    assert feed is not None
    for number in range(REMEMBERED + 3):
        assert told("1", "20260105", service=f"{number}^x^L") is not None
        assert len(feed.orders) <= REMEMBERED
    assert told("1", "20260105", service="x" * MAX_REMEMBERED) is None


@pytest.mark.parametrize(
    "line", ["", "  ", "ORC|RE|P1", "OBR", "NTE|1||x"], ids=["none", "blanks", "ORC", "OBR", "NTE"]
)
def test_a_line_in_the_place_of_an_order_is_what_it_says(line):
    root = tree(MSH, "PID|1||1^^^A^MR", line, OBX)
    (result,) = root["PATIENT_RESULT"]
    assert len(result["ORDER_OBSERVATION"][0]["OBSERVATION"]) == 1
    assert [name for name in ("ORC", "OBR") if name in result["ORDER_OBSERVATION"][0]] == (
        [line[:3]] if line[:1] == "O" else []
    )
