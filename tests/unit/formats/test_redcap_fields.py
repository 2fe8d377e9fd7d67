"""REDCap records field by field: every answer once, and the way back to its cell."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.formats import decode

BY_FIELD = {"by_field": True}
ROWS = [
    {
        "record_id": "1",
        "redcap_event_name": "v1",
        "weight": "81.5",
        "seen___1": "1",
        "seen___2": "0",
        "seen___b": "1",
    },
    {"record_id": "1", "redcap_repeat_instrument": "bp", "redcap_repeat_instance": 2, "systolic": "131"},
]


def test_fields_with_their_answers_and_positions() -> None:
    found = decode(json.dumps(ROWS).encode(), "redcap", BY_FIELD)
    first, second = found.tree["responses"]
    assert (first["record"], first["event"], second["instrument"], second["instance"]) == ("1", "v1", "bp", "2")
    assert [field["name"] for field in first["fields"]] == ["weight", "seen"]
    assert [answer["value"] for answer in first["fields"][1]["answers"]] == ["1", "b"]
    place = ("responses", 0, "fields", 1, "answers", 1, "value")
    assert found.locate(place) == "/0/seen___b"
    assert found.locate(("responses", 0, "fields", 0, "answers", 0, "value")) == "/0/weight"
    assert found.locate(("responses", 1, "instance")) == "/1/redcap_repeat_instance"
    assert found.locate(("responses", 1)) == "/1"


def test_a_table_tells_row_and_column() -> None:
    found = decode(b"study_id,nyha\n7,2\n", "redcap", BY_FIELD)
    assert found.tree["responses"] == [
        {"record": "7", "fields": [{"name": "nyha", "answers": [{"name": "nyha", "value": "2"}]}]}
    ]
    assert found.locate(("responses", 0, "fields", 0, "answers", 0, "value")) == "row 2, column nyha"


def test_a_code_below_zero_and_a_box_by_its_label() -> None:
    row = {"id": "1", "seen____99": "1", "seen___2": "Checked", "seen___3": "Unchecked"}
    found = decode(json.dumps([row]).encode(), "redcap", BY_FIELD)
    ((seen,),) = [response["fields"] for response in found.tree["responses"]]
    assert [answer["value"] for answer in seen["answers"]] == ["-99", "2"]
    assert found.locate(("responses", 0, "fields", 0, "answers", 0, "value")) == "/0/seen____99"


def test_a_row_without_its_id_is_nobodys() -> None:
    for data in (b'[{"id": "1", "a": "x"}, {"id": " ", "a": "1"}]', b"id,a\n1,x\n,1\n"):
        for options, name in (({}, "records"), (BY_FIELD, "responses")):
            found = decode(data, "redcap", options)
            assert ["record" in each for each in found.tree[name]] == [True, False]
            assert found.locate((name, 0, "record")) in ("/0/id", "row 2, column id")


names = st.sampled_from(["a", "b___1", "b___2", "redcap_event_name", "record", "c_complete", "a___"])


@given(st.lists(st.dictionaries(names, st.sampled_from(["", "0", "1", "x"]), max_size=5), max_size=4))
def test_whatever_the_rows_each_answer_is_some_cell(rows: list[dict[str, Any]]) -> None:
    found = decode(json.dumps([{"id": "1", **row} for row in rows]).encode(), "redcap", BY_FIELD)
    for index, response in enumerate(found.tree["responses"]):
        for number, field in enumerate(response["fields"]):
            for place, _ in enumerate(field["answers"]):
                path = ("responses", index, "fields", number, "answers", place, "value")
                column = found.locate(path).rpartition("/")[2]
                assert rows[index][column] in ("0", "1", "x")


def test_the_id_is_found_behind_what_says_where_the_record_belongs_and_headings_keep_their_places() -> None:
    text = b"Event Name,Subject,Repeat Instance,Weight\nV1,101-001,2,70\n"
    found = decode(text, "redcap")
    (record,) = found.tree["records"]
    assert (record["record"], record["redcap_event_name"], record["redcap_repeat_instance"]) == ("101-001", "V1", "2")
    assert found.locate(("records", 0, "redcap_event_name")) == "row 2, column Event Name"
    assert found.locate(("records", 0, "record")) == "row 2, column Subject"
    flat = decode(b'[{"age": 5, "record_id": "101-001"}]', "redcap")
    assert flat.tree["records"][0]["record"] == "101-001"
