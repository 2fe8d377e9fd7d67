"""JSON, CSV, DICOM JSON and ODM-XML: trees, positions and refusals."""

import json
from decimal import Decimal
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import BadRequest
from gateway.formats import FORMATS, decode, json_pointer
from gateway.formats.parts import split_csv

ODM = '<ODM xmlns="http://www.cdisc.org/ns/odm/v1.3" FileOID="F1">{}</ODM>'


def refusal(data: bytes, format: str, **options: object) -> tuple[str, str]:
    with pytest.raises(BadRequest) as refused:
        decode(data, format, options)
    found = refused.value.issues[0]
    return found.rule, found.source


def test_unknown_format_and_too_large_payload_are_refused():
    assert refusal(b"{}", "spreadsheet")[0] == "format.unknown"
    assert refusal(b" " * 50_000_001, "json")[0] == "payload.too-large"


@pytest.mark.parametrize("format", FORMATS)
@given(data=st.binary(max_size=200))
def test_random_bytes_are_decoded_or_refused(format, data):
    try:
        decode(data, format)
    except BadRequest as refused:
        assert refused.issues


def test_json_keeps_numbers_and_points_with_json_pointers():
    decoded = decode(b'{"a": [{"b/c": 4.060}]}', "json")
    assert str(decoded.tree["a"][0]["b/c"]) == "4.060"
    assert isinstance(decoded.tree["a"][0]["b/c"], Decimal)
    assert decoded.locate(("a", 0, "b/c")) == json_pointer(("a", 0, "b/c")) == "/a/0/b~1c"


def test_csv_rows_without_empty_cells_and_positions_of_the_sheet():
    decoded = decode('\ufeffSUBJID,RESULT,NOTE\r\n101-001,450,\r\n101-002,"1,5","a ""b"""\r\n'.encode(), "csv")
    assert decoded.tree["rows"] == [
        {"SUBJID": "101-001", "RESULT": "450"},
        {"SUBJID": "101-002", "RESULT": "1,5", "NOTE": 'a "b"'},
    ]
    assert decoded.locate(("rows", 1, "RESULT")) == "row 3, column RESULT"
    assert decoded.locate(("rows", 0)) == "row 2"


@pytest.mark.parametrize("one", [",", ";", "|", "\t"], ids=["comma", "semicolon", "bar", "tab"])
def test_of_several_delimiters_the_one_that_parts_the_names_counts(one):
    text = f'"A{one}a"{one}B{one}C\n1{one}"2{one};,|"{one}3\n'
    rows = [{f"A{one}a": "1", "B": f"2{one};,|", "C": "3"}]
    assert decode(text.encode(), "csv", {"delimiters": "\t|;,"}).tree == {"rows": rows}


def test_names_of_columns_are_read_in_capital_letters_where_the_mapping_wants_it():
    assert decode(b"subjid,Lbtest\n1,alt\n", "csv", {"upper_names": True}).tree == {
        "rows": [{"SUBJID": "1", "LBTEST": "alt"}]
    }
    assert decode(b"subjid\n", "csv", {"upper_names": True}).tree == {"rows": [], "columns": ["SUBJID"]}
    assert refusal(b"SUBJID,subjid\n1,2\n", "csv", upper_names=True) == ("format.csv-header", "row 1")


TITLED = 'Central lab; North\r\n;;\r\nPatient;"of\nlab";\r\nNo;Value\r\n1;<0,5\r\n\r\n2;7\r\n'


def test_titles_and_merged_headings_above_the_names_are_passed_over():
    decoded = decode(TITLED.encode(), "csv", {"delimiter": ";", "header_row": 4})
    assert decoded.tree == {"rows": [{"No": "1", "Value": "<0,5"}, {"No": "2", "Value": "7"}]}
    assert decoded.locate(("rows", 1, "Value")) == "row 7, column Value"
    many = {"delimiters": ",;", "header_row": 3}
    assert decode(b"a, b, c, d\n\nx;y\n1;2\n", "csv", many).tree["rows"] == [{"x": "1", "y": "2"}]
    assert decode(b"t\nx;y\n", "tsv", {"delimiter": ";", "header_row": 2}).tree == {"rows": [], "columns": ["x", "y"]}
    assert refusal(b"t\nx,x\n1,2\n", "csv", header_row=2) == ("format.csv-header", "row 2")
    assert refusal(b"t\nx,y\n", "csv", header_row=3) == ("format.csv-header", "row 3")


@pytest.mark.parametrize("size", [1, 8, 1000])
def test_each_part_has_the_rows_above_the_names(size):
    options = {"delimiter": ";", "header_row": 4}
    cut = list(split_csv(BytesIO(TITLED.encode()), options, size))
    rows = [row for part in cut for row in decode(part.body, "csv", options).tree["rows"]]
    assert rows == decode(TITLED.encode(), "csv", options).tree["rows"]
    assert cut[0].first == 5


@pytest.mark.parametrize(
    ("text", "encoding", "charset"),
    [
        ("Größe µ", "utf-8", "iso-8859-1"),  # the default of the sender's software
        ("Größe µ", "cp1252", "windows-1252"),
        ("€ 5", "cp1252", "ISO-8859-1"),
        ("тест", "cp1251", "windows-1251"),
        ("Größe", "utf-16-le", "utf-16le"),
        ("5 µmol/L, 10*3/µL", "latin-1", ""),
        ("mL/min/1.73 m²;µg", "latin-1", ""),
    ],
    ids=["utf-8", "windows-1252", "euro", "cyrillic", "wide", "micro", "square"],
)
def test_a_table_that_is_not_utf_8_is_as_its_sender_declares_or_as_alone_makes_sense(text, encoding, charset):
    data = f"A\n{text}\n".encode(encoding)
    assert decode(data, "tsv", {"charset": charset}).tree == {"rows": [{"A": text}]}


@pytest.mark.parametrize(
    ("data", "charset", "source"),
    [
        ("A\nµ\n".encode("latin-1"), "", "byte 2"),
        ("A\nGröße in µg\n".encode("latin-1"), "", "byte 4"),
        (b"A\n\x81\n", "windows-1252", "byte 2"),
        (b"A\n\x81\n", "none-such", ""),
        (b"A\n\x81\n", "hex", ""),
        (b"A\n\x81\n", "utf-16-none", ""),
        ("A\n1\n".encode("utf-16-le"), "", "byte 0"),
    ],
    ids=["one", "some", "not-that", "unknown", "no-text", "wide", "unmarked"],
)
def test_a_table_of_an_unknown_encoding_is_refused(data, charset, source):
    assert refusal(data, "csv", charset=charset) == ("format.encoding", source)


@pytest.mark.parametrize("text", ["A,B\n\n1, \n,\n2,3\n", "A,B,,\n,,,\n1,,,\n \n2,3,,\n"])
def test_what_spreadsheets_leave_behind_is_passed_over_and_rows_keep_their_numbers(text):
    for data in (text.encode(), text.encode("utf-16"), "\ufeff".encode("utf-16-be") + text.encode("utf-16-be")):
        decoded = decode(data, "csv")
        assert decoded.tree == {"rows": [{"A": "1"}, {"A": "2", "B": "3"}]}
        assert decoded.locate(("rows", 0, "A")) == "row 3, column A"
        assert decoded.locate(("rows", 1)) == "row 5"
        assert decoded.locate(("rows", 2)) == decoded.locate(("rows",)) == ""


def test_a_table_without_rows_tells_its_columns():
    assert decode(b"A,B\n", "csv").tree == decode(b"A,B,\n\n,\n", "csv").tree == {"rows": [], "columns": ["A", "B"]}


def test_csv_options():
    tree = decode("A;B\nµ;2\n".encode("latin-1"), "csv", {"delimiter": ";", "encoding": "latin-1"}).tree
    assert tree == {"rows": [{"A": "µ", "B": "2"}]}


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("", {}, ("payload.empty", "")),
        ("A,B\n1,2\n3\n", {}, ("format.csv-columns", "row 3")),
        ("A,B\n1,2,3\n", {}, ("format.csv-columns", "row 2")),
        ('A,B\n1,"2\n3,4\n', {}, ("format.csv-quoting", "row 2")),
        ("A,A\n1,2\n", {}, ("format.csv-header", "row 1")),
        ("A,,B\n1,2,3\n", {}, ("format.csv-header", "row 1")),
        ("A,\n1,2\n", {}, ("format.csv-columns", "row 2")),
        ("A,B\n\n1,2\n,\n3\n", {}, ("format.csv-columns", "row 5")),
        ("A,B\n1,2\n3,4", {"final_newline": True}, ("format.csv-unfinished", "")),
        ("A\nµ\n", {"encoding": "ascii"}, ("format.encoding", "byte 2")),
    ],
)
def test_csv_refusals(text, options, expected):
    assert refusal(text.encode(), "csv", **options) == expected


@given(st.lists(st.lists(st.text(st.characters(codec="utf-8"), min_size=1), min_size=2, max_size=2), max_size=5))
def test_a_written_csv_comes_back(rows):
    import csv
    import io

    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows([["A", "B"], *rows])
    said = [{name: cell for name, cell in zip("AB", row, strict=True) if not cell.isspace()} for row in rows]
    assert decode(out.getvalue().encode(), "csv").tree["rows"] == [row for row in said if row]


def test_dicom_by_keyword_with_unknown_tags_kept():
    data = b"""[{"0020000D": {"vr": "UI", "Value": ["1.2.3"]},
      "00100010": {"vr": "PN", "Value": [{"Alphabetic": "A^B"}]},
      "00080050": {"vr": "SH"}, "00091001": {"vr": "LO", "Value": ["x"]},
      "00081032": {"vr": "SQ", "Value": [{"00080100": {"vr": "SH", "Value": ["ECHO"]}}]}}]"""
    decoded = decode(data, "dicom-json")
    assert decoded.tree["studies"] == [
        {
            "StudyInstanceUID": "1.2.3",
            "PatientName": {"Alphabetic": "A^B"},
            "00091001": {"vr": "LO", "Value": ["x"]},
            "ProcedureCodeSequence": [{"CodeValue": "ECHO"}],
        }
    ]
    assert decoded.locate(("studies", 0, "StudyInstanceUID")) == "(0020,000D)"
    assert decoded.locate(("studies", 0, "ProcedureCodeSequence", 0, "CodeValue")) == "(0008,1032) (0008,0100)"


@pytest.mark.parametrize(
    ("kind", "written", "read"),
    [
        ("DS", " 4.50 ", Decimal("4.50")),
        ("DS", ".5", Decimal("0.5")),
        ("DS", "1.25e+01", Decimal("12.5")),
        ("DS", "1,5", "1,5"),
        ("IS", "5 ", 5),
        ("IS", 6.0, 6),
        ("LO", " P1\u0000", "P1"),
        ("UT", " word ", " word "),
        ("UT", "  ", None),
    ],
)
def test_dicom_numbers_and_padding(kind, written, read):
    text = json.dumps([{"00080050": {"vr": kind, "Value": [written, None]}}])
    assert decode(text.encode(), "dicom-json").tree["studies"][0].get("AccessionNumber") == read


def test_dicom_positions_name_the_data_set_when_there_are_several():
    decoded = decode(b'[{}, {"00100020": {"vr": "LO", "Value": ["7"]}}]', "dicom-json")
    assert decoded.locate(("studies", 1, "PatientID")) == "data set 2 (0010,0020)"


@pytest.mark.parametrize(
    "text", ["[1]", '{"a": {}}', '{"0020000D": "1.2"}', '{"0020000D": {"vr": "UI", "Value": 1}}']
)
def test_dicom_refusals(text):
    assert refusal(text.encode(), "dicom-json")[0] == "format.dicom-model"


def test_odm_elements_are_lists_and_attributes_text():
    text = ODM.format(
        '<ClinicalData StudyOID="S"><SubjectData SubjectKey="101-001"><ItemData ItemOID="A" Value="3"/>'
        '<ItemDataString ItemOID="B">text</ItemDataString></SubjectData></ClinicalData>'
    )
    decoded = decode(text.encode(), "odm")
    subject = decoded.tree["ClinicalData"][0]["SubjectData"][0]
    assert subject["ItemData"] == [{"ItemOID": "A", "Value": "3"}]
    assert subject["ItemDataString"] == [{"ItemOID": "B", "text": "text"}]
    assert decoded.locate(("ClinicalData", 0, "SubjectData", 0, "ItemData", 0, "Value")) == (
        "/ODM/ClinicalData[1]/SubjectData[1]/ItemData[1]/@Value"
    )


@pytest.mark.parametrize(
    ("declared", "codec", "text"),
    [
        ("Shift_JIS", "cp932", "頭痛"),
        ("euc-jp", "euc-jp", "頭痛"),
        ("GB2312", "gb18030", "头痛"),
        ("Big5", "big5", "頭痛"),
    ],
)
def test_declared_encodings_of_several_bytes_are_read(declared, codec, text):
    document = f'<?xml version="1.0" encoding="{declared}"?>{ODM.format(f"<a b={chr(34)}{text}{chr(34)}/>")}'
    assert decode(document.encode(codec), "odm").tree["a"] == [{"b": text}]
    assert refusal(document.encode(codec).replace(text.encode(codec), b"\x81"), "odm")[0] == "format.xml-encoding"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "payload.empty"),
        ("not xml", "format.xml-not-whole"),
        (ODM.format("<ClinicalData>"), "format.xml-not-whole"),
        ("<html/>", "format.odm-root"),
        ('<ODM xmlns="urn:other"/>', "format.odm-root"),
        ('<!DOCTYPE a [<!ENTITY b "c">]>' + ODM.format("&b;"), "format.xml-unsafe"),
        ('<?xml version="1.0" encoding="none-such"?>' + ODM.format(""), "format.xml-encoding"),
        (ODM.format("<a>" * 120 + "</a>" * 120), "format.xml-limit"),
        (ODM.format('<a b="1"><b/></a>'), "format.xml-name-clash"),
    ],
)
def test_odm_refusals(text, rule):
    assert refusal(text.encode(), "odm")[0] == rule


def test_redcap_records_are_the_same_from_json_and_csv():
    from_json = decode(b'[{"record_id": "1", "score": 3, "note": ""}]', "redcap")
    from_csv = decode(b"record_id,score,note\r\n1,3,\r\n", "redcap")
    assert from_json.tree == from_csv.tree == {"records": [{"record_id": "1", "score": "3", "record": "1"}]}
    assert from_json.locate(("records", 0, "score")) == "/0/score"
    assert from_csv.locate(("records", 0, "score")) == "row 2, column score"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ('{"error": "no rights"}', "format.redcap-records"),
        ("[1]", "format.redcap-records"),
        ("502 Bad Gateway\n", "format.redcap-records"),
        ("\0", "format.redcap-records"),
        ('[{"a": [1]}]', "format.redcap-records"),
        ("a,b\n1\n", "format.csv-columns"),
        ("", "payload.empty"),
    ],
)
def test_redcap_refusals(text, rule):
    assert refusal(text.encode(), "redcap")[0] == rule
