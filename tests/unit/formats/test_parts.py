"""Large files in parts: nothing lost, nothing twice, each part decodes by itself, memory is that of a part."""

import json
from io import BytesIO
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import BadRequest
from gateway.formats import FORMATS, decode, parts, stream

APPLE = {"document_type": True, "context": ["ExportDate", "Me"]}
HEAD = b'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE HealthData [\n<!ELEMENT HealthData (Record*)>\n'
HEAD += b"<!ATTLIST Record\n value CDATA #REQUIRED>\n]>\n"
EXPORT = HEAD + b'<HealthData locale="en">\n <ExportDate value="d"/>\n <Me sex="f"/>\n%s</HealthData>\n'


def trees(data, format, size, options=None):
    return [decoded.tree for decoded in stream(BytesIO(data), format, options or {}, size)]


def refusal(data, format, options=None, size=50):
    with pytest.raises(BadRequest) as refused:
        trees(data, format, size, options)
    return refused.value.issues[0].rule


cells = st.text(st.characters(codec="utf-8", exclude_characters="\r\0", exclude_categories=["Cs"]), max_size=8)


@given(st.lists(st.tuples(cells, cells), max_size=20), st.integers(1, 80))
def test_the_rows_of_the_parts_are_the_rows_of_the_file(rows, size):
    text = "A,B\n" + "".join(",".join('"' + cell.replace('"', '""') + '"' for cell in row) + "\n" for row in rows)
    data = text.encode()
    whole = decode(data, "csv").tree["rows"]
    cut = list(parts.split_csv(BytesIO(data), {}, size))
    assert [row for part in cut for row in decode(part.body, "csv").tree["rows"]] == whole
    assert b"".join(data[part.offset : part.offset + part.length] for part in cut) == data[4:]
    assert [part.number for part in cut] == list(range(1, len(cut) + 1))


@given(st.lists(st.dictionaries(st.text("ab\u2028"), st.integers()), min_size=1, max_size=20), st.integers(1, 60))
def test_the_lines_of_the_parts_are_the_lines_of_the_file(documents, size):
    data = "\n".join(json.dumps(document, ensure_ascii=False) for document in documents).encode()
    assert [record for tree in trees(data, "ndjson", size) for record in tree["records"]] == documents


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=10)


@given(st.lists(st.tuples(texts, st.booleans()), max_size=20), st.integers(1, 200))
def test_the_elements_of_the_parts_are_the_elements_of_the_document(values, size):
    def element(value, nested):
        quoted = value.translate({ord(mark): f"&#{ord(mark)};" for mark in "<>&\"'"})
        inner = f"<Record value='{quoted}'/><!-- </Record> -->" if nested else ""
        return f'<Record value="{quoted}">{inner}</Record> <![CDATA[ ]]>\n'

    data = EXPORT % "".join(element(*value) for value in values).encode()
    whole = decode(data, "xml", APPLE).tree["HealthData"]
    cut = trees(data, "xml", size, APPLE)
    assert [one for tree in cut for one in tree["HealthData"].get("Record", [])] == whole.get("Record", [])
    for tree in cut:
        assert tree["HealthData"]["ExportDate"] == [{"value": "d"}]
        assert tree["HealthData"]["Me"] == [{"sex": "f"}]
        assert tree["HealthData"]["locale"] == "en"
    pieces = list(FORMATS["xml"].parts(BytesIO(data), APPLE, size))
    for before, after in pairwise(pieces):
        assert before.offset + before.length == after.offset
        assert data[after.offset :].startswith(b"<Record")


def test_a_file_of_another_format_is_one_tree():
    assert trees(b'{"a": 1}', "json", 1) == [{"a": 1}]


def test_tab_separated_parts():
    assert trees(b"A\tB\n1\t2\n3\t4\n", "tsv", 1) == [
        {"rows": [{"A": "1", "B": "2"}]},
        {"rows": [{"A": "3", "B": "4"}]},
    ]


@pytest.mark.parametrize(
    ("data", "options", "rule"),
    [
        (b"", {}, "payload.empty"),
        (b"<a><b/>", {}, "format.xml-not-whole"),
        (b"<a><b></a>", {}, "format.xml-not-whole"),
        (EXPORT % b"", {}, "format.xml-unsafe"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', APPLE, "format.xml-unsafe"),
        (b'<!DOCTYPE a [<!ENTITY % b SYSTEM "file:///etc/passwd"> %b;]><a/>', APPLE, "format.xml-unsafe"),
        (b'<!DOCTYPE a [<!ATTLIST b c CDATA "bomb">]><a><b/></a>', APPLE, "format.xml-unsafe"),
        (b'<?xml version="1.0" encoding="ISO-8859-1"?><a/>', {}, "format.parts-encoding"),
        ("<a/>".encode("utf-16"), {}, "format.parts-encoding"),
        (b"<a>" * 101, {}, "format.xml-limit"),
    ],
)
def test_refused_documents(data, options, rule):
    assert refusal(data, "xml", options) == rule


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b'<!DOCTYPE a [<!ATTLIST b c CDATA "bomb">]><a><b/></a>', "format.xml-unsafe"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "format.xml-unsafe"),
        (b'<!DOCTYPE a SYSTEM "http://127.0.0.1:1/a.dtd"><a>&b;</a>', "format.xml-unsafe"),
    ],
)
def test_a_whole_document_with_a_document_type_is_refused_for_the_same(data, rule):
    with pytest.raises(BadRequest) as refused:
        decode(data, "xml", APPLE)
    assert refused.value.issues[0].rule in (rule, "format.xml-not-whole")


def test_a_record_that_never_ends_is_refused_before_it_fills_the_memory(monkeypatch):
    monkeypatch.setattr("gateway.formats.parts.MAX_RECORD_BYTES", 100)
    monkeypatch.setattr("gateway.formats.xml_parts.MAX_RECORD_BYTES", 100)
    assert refusal(b"A\n" + b"x" * 200, "csv") == "format.record-too-large"
    assert refusal(b'A\n"' + b"x\n" * 200, "csv") == "format.record-too-large"
    assert refusal(b"1" * 200, "ndjson") == "format.record-too-large"
    assert refusal(b"<a><b>" + b"x" * 200, "xml") == "format.record-too-large"
    assert refusal("A\n1\n".encode("utf-16"), "csv", {"encoding": "UTF-16"}) == "format.parts-encoding"
    assert refusal("A\n1\n".encode("utf-16"), "csv") == "format.parts-encoding"


LENIENT = {**APPLE, "lenient": True}
BROKEN = HEAD.rstrip().removesuffix(b"]>") + b"<!ATTLIST Vision\n  type CDATA #REQUIRED\n<!ELEMENT Eye EMPTY>\n]>\n"


@pytest.mark.parametrize("size", [1, 10_000])
def test_a_definition_that_is_not_well_formed_and_vertical_tabs_are_passed_over(size):
    data = BROKEN + b'<HealthData locale="en"><Record value="a\x0bb"/><Record value="c"/></HealthData>'
    values = [{"value": "a b"}, {"value": "c"}]
    assert decode(data, "xml", LENIENT).tree["HealthData"]["Record"] == values
    assert [one for tree in trees(data, "xml", size, LENIENT) for one in tree["HealthData"]["Record"]] == values
    assert refusal(data, "xml", APPLE) == "format.xml-not-whole"
    with pytest.raises(BadRequest):
        decode(data, "xml", {"lenient": True})


@pytest.mark.parametrize(
    "data",
    [
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        b"<!DOCTYPE a [<!ENTITY % b SYSTEM 'file:///etc/passwd'> %b;]><a/>",
        b'<!DOCTYPE a [<!ATTLIST b c CDATA "bomb">]><a><b/></a>',
    ],
)
def test_lenient_takes_no_entities_and_no_default_values(data):
    assert refusal(data, "xml", LENIENT) == "format.xml-unsafe"
    with pytest.raises(BadRequest):
        decode(data, "xml", LENIENT)


def test_an_empty_root_is_one_part():
    assert trees(b"<a/>", "xml", 10) == [{"a": {}}]
    assert trees(b"<a></a>", "xml", 10) == [{"a": {}}]
