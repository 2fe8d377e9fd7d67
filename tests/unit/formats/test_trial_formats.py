"""REDCap's long form, what ODM shares for reading, and Dataset-JSON."""

import json
import re
from decimal import Decimal

import pytest

from gateway.core.errors import BadRequest
from gateway.formats import decode

LONG = """record,redcap_event_name,redcap_repeat_instrument,redcap_repeat_instance,field_name,value
7,visit_1,,,study_id,7
7,visit_1,,,weight,71.5
7,visit_1,bp,1,systolic,120
7,visit_1,bp,2,systolic,118
7,visit_1,,,symptoms,2
7,visit_1,,,symptoms,4
8,visit_1,,,weight,
"""


def test_values_one_a_row_become_one_record_a_place():
    decoded = decode(LONG.encode(), "redcap")
    place = {"record": "7", "redcap_event_name": "visit_1"}
    repeat = {**place, "redcap_repeat_instrument": "bp"}
    first = {**place, "study_id": "7", "weight": "71.5", "symptoms___2": "1", "symptoms___4": "1"}
    assert decoded.tree["records"] == [
        first,
        {**repeat, "redcap_repeat_instance": "1", "systolic": "120"},
        {**repeat, "redcap_repeat_instance": "2", "systolic": "118"},
        {"record": "8", "redcap_event_name": "visit_1"},
    ]
    assert decoded.locate(("records", 2)) == "row 5"
    rows = [
        dict(zip(LONG.split("\n")[0].split(","), line.split(","), strict=True)) for line in LONG.split("\n")[1:-1]
    ]
    from_json = decode(json.dumps(rows).encode(), "redcap")
    assert from_json.tree == decoded.tree
    assert from_json.locate(("records", 2)) == "/3"


def test_a_flat_record_has_its_id_under_one_name():
    decoded = decode(b"study_id,weight\n7,71\n", "redcap")
    assert decoded.tree == {"records": [{"study_id": "7", "weight": "71", "record": "7"}]}
    assert decoded.locate(("records", 0, "weight")) == "row 2, column weight"


def test_the_id_of_a_record_comes_first_wherever_it_stands():
    decoded = decode(b'[{"weight": "71", "record_id": " 7 "}, {"weight": "72"}]', "redcap")
    assert [list(record.items()) for record in decoded.tree["records"]] == [
        [("record_id", " 7 "), ("weight", "71"), ("record", "7")],
        [("weight", "72")],
    ]
    long = decode(LONG.encode(), "redcap").tree["records"]
    assert next(iter(long[0])) == "study_id"
    (response, *_) = decode(LONG.encode(), "redcap", {"by_field": True}).tree["responses"]
    assert [field["name"] for field in response["fields"]] == ["weight", "symptoms"]


@pytest.mark.parametrize("data", [b"age,weight\n45,71\n", b'[{"age": "45", "weight": "71"}]'], ids=["csv", "json"])
def test_a_named_id_is_not_guessed(data):
    assert decode(data, "redcap").tree["records"][0]["record"] == "45"
    assert decode(data, "redcap", {"record_id": "study_id"}).tree["records"] == [{"age": "45", "weight": "71"}]


def test_events_may_be_told_by_their_number():
    rows = "record,event_id,field_name,value\n7,40,weight,71\n7,41,weight,72\n"
    records = decode(rows.encode(), "redcap").tree["records"]
    assert [(record["redcap_event_name"], record["weight"]) for record in records] == [("40", "71"), ("41", "72")]


ODM = """<ODM xmlns="http://www.cdisc.org/ns/odm/v1.3"><ClinicalData StudyOID="S" MetaDataVersionOID="1">
<SubjectData SubjectKey="101"><SiteRef LocationOID="L1"/><StudyEventData StudyEventOID="V1" StudyEventRepeatKey="2">
<FormData FormOID="F"><ItemGroupData ItemGroupOID="G"><ItemDataInteger ItemOID="I1"> 5 </ItemDataInteger>
<ItemData ItemOID="I2" Value="x"/></ItemGroupData></FormData></StudyEventData></SubjectData></ClinicalData></ODM>"""


def test_forms_know_what_they_are_in_and_typed_items_read_as_untyped():
    decoded = decode(ODM.encode(), "odm")
    subject = decoded.tree["ClinicalData"][0]["SubjectData"][0]
    form = subject["StudyEventData"][0]["FormData"][0]
    known = {"StudyOID": "S", "MetaDataVersionOID": "1", "SubjectKey": "101", "SiteOID": "L1"}
    event = {**known, "StudyEventOID": "V1", "StudyEventRepeatKey": "2"}
    assert {name: form[name] for name in event} == event
    group = form["ItemGroupData"][0]
    assert group["FormOID"] == "F"
    assert {item["ItemOID"]: item["Value"] for item in group["ItemData"]} == {"I1": "5", "I2": "x"}
    assert (subject["StudyOID"], subject["MetaDataVersionOID"], "StudyEventOID" in subject) == ("S", "1", False)
    pointer = ("ClinicalData", 0, "SubjectData", 0, "StudyEventData", 0, "FormData", 0, "FormOID")
    assert decoded.locate(pointer) == "/ODM/ClinicalData[1]/SubjectData[1]/StudyEventData[1]/FormData[1]/@FormOID"


DATASET = '{"name": "LB", "columns": [{"name": "A"}, {"name": "B"}], "rows": [["x", 1.50], ["", null]]}'


def test_a_data_set_has_rows_by_the_names_of_its_columns():
    decoded = decode(DATASET.encode(), "dataset-json")
    assert decoded.tree["rows"] == [{"A": "x", "B": Decimal("1.50")}, {}]
    assert decoded.locate(("rows", 0, "B")) == "/rows/0/1"
    assert decoded.locate(("name",)) == "/name"


NEW_ODM = """<ODM xmlns="http://www.cdisc.org/ns/odm/v2.0"><ClinicalData StudyOID="S"><SubjectData SubjectKey="101">
<StudyEventData StudyEventOID="V"><ItemGroupData ItemGroupOID="F" ItemGroupRepeatKey="3">
<ItemGroupData ItemGroupOID="G">
<ItemGroupData ItemGroupOID="H"><ItemData ItemOID="I"><Value> 5 </Value></ItemData></ItemGroupData>
<ItemData ItemOID="J"><Value>a</Value><Value>b</Value></ItemData><ItemData ItemOID="K" IsNull="Yes"/></ItemGroupData>
</ItemGroupData></StudyEventData></SubjectData></ClinicalData></ODM>"""


def test_groups_in_groups_of_version_2_are_forms_with_groups():
    decoded = decode(NEW_ODM.encode(), "odm")
    place = ("ClinicalData", 0, "SubjectData", 0, "StudyEventData", 0)
    (form,) = decoded.tree["ClinicalData"][0]["SubjectData"][0]["StudyEventData"][0]["FormData"]
    assert (form["FormOID"], form["FormRepeatKey"], form["SubjectKey"], form["StudyEventOID"]) == (
        "F",
        "3",
        "101",
        "V",
    )
    said = [
        (group["ItemGroupOID"], [item.get("Value") for item in group["ItemData"]]) for group in form["ItemGroupData"]
    ]
    assert said == [("G", [["a", "b"], None]), ("H", ["5"])]
    event = "/ODM/ClinicalData[1]/SubjectData[1]/StudyEventData[1]"
    inner = (*place, "FormData", 0, "ItemGroupData", 1, "ItemData", 0, "ItemOID")
    assert decoded.locate(inner) == event + "/ItemGroupData[1]/ItemGroupData[1]/ItemGroupData[1]/ItemData[1]/@ItemOID"
    assert decoded.locate((*place, "FormData", 0)) == event + "/ItemGroupData[1]"
    assert decoded.locate(place) == event


def test_what_is_removed_above_is_removed_below():
    text = ODM.replace("<StudyEventData ", '<StudyEventData TransactionType="Remove" ')
    text = text.replace("<FormData ", '<FormData TransactionType="Insert" ')
    (event,) = decode(text.encode(), "odm").tree["ClinicalData"][0]["SubjectData"][0]["StudyEventData"]
    assert event["FormData"][0]["TransactionType"] == "Remove"
    assert event["FormData"][0]["ItemGroupData"][0]["TransactionType"] == "Remove"


@pytest.mark.parametrize(
    ("file_type", "above", "own", "found"),
    [
        ("Transactional", "Update", "", "Update"),
        ("Transactional", "Update", "Insert", "Insert"),
        ("Transactional", "Remove", "Insert", "Remove"),
        ("Snapshot", "Update", "Upsert", None),
        ("Snapshot", "Update", "Remove", "Remove"),
    ],
)
def test_transactions_hold_for_what_is_below_and_not_in_snapshots(file_type, above, own, found):
    text = ODM.replace("<ODM ", f'<ODM FileType="{file_type}" ')
    text = text.replace("<SubjectData ", f'<SubjectData TransactionType="{above}" ')
    text = text.replace("<FormData ", f'<FormData TransactionType="{own}" ' if own else "<FormData ")
    (event,) = decode(text.encode(), "odm").tree["ClinicalData"][0]["SubjectData"][0]["StudyEventData"]
    (form,) = event["FormData"]
    assert (form.get("TransactionType"), form["ItemGroupData"][0].get("TransactionType")) == (found, found)


@pytest.mark.parametrize(
    ("transactions", "superseded"),
    [
        (("Insert", "Remove"), [True, False]),
        (("Remove", "Insert"), [True, False]),
        (("Remove", "Insert", "Remove"), [True, True, False]),
        (("Insert", "Update", "Remove"), [True, False, False]),
        (("Update", "Update"), [False, False]),
    ],
)
def test_of_a_form_that_is_removed_the_later_word_counts(transactions, superseded):
    forms = "".join(
        f'<FormData FormOID="F" TransactionType="{each}"><ItemGroupData ItemGroupOID="G"/></FormData>'
        for each in transactions
    )
    text = f'<StudyEventData StudyEventOID="V">{forms}</StudyEventData>'
    clinical = f'<ClinicalData StudyOID="S"><SubjectData SubjectKey="1">{text}</SubjectData></ClinicalData>'
    decoded = decode(f'<ODM xmlns="http://www.cdisc.org/ns/odm/v1.3">{clinical}</ODM>'.encode(), "odm")
    (event,) = decoded.tree["ClinicalData"][0]["SubjectData"][0]["StudyEventData"]
    assert ["Superseded" in form for form in event["FormData"]] == superseded


def form_of(group, repeat, form="F"):
    item = '<ItemData ItemOID="I" Value="1"/>'
    return (
        f'<FormData FormOID="{form}"><ItemGroupData ItemGroupOID="{group}" ItemGroupRepeatKey="{repeat}">{item}'
        "</ItemGroupData></FormData>"
    )


def test_pieces_of_a_form_are_one_and_keep_their_positions():
    subject = '<SubjectData SubjectKey="1"><StudyEventData StudyEventOID="V">{}</StudyEventData></SubjectData>'
    pieces = (form_of("G", 1) + form_of("A", 1, "H") + form_of("G", 2), form_of("G", 2) + form_of("G", 3))
    clinical = "".join(f'<ClinicalData StudyOID="S">{subject.format(piece)}</ClinicalData>' for piece in pieces)
    decoded = decode(f'<ODM xmlns="http://www.cdisc.org/ns/odm/v1.3">{clinical}</ODM>'.encode(), "odm")
    held = [one["SubjectData"][0]["StudyEventData"][0]["FormData"] for one in decoded.tree["ClinicalData"]]
    groups = [[[group["ItemGroupRepeatKey"] for group in form["ItemGroupData"]] for form in forms] for forms in held]
    assert groups == [[["1", "2", "3"], ["1"]], [["2"]]]
    place = ("ClinicalData", 0, "SubjectData", 0, "StudyEventData", 0, "FormData", 0, "ItemGroupData", 2)
    assert decoded.locate((*place, "ItemGroupOID")) == (
        "/ODM/ClinicalData[2]/SubjectData[1]/StudyEventData[1]/FormData[2]/ItemGroupData[1]/@ItemGroupOID"
    )


def test_data_are_told_by_the_version_of_the_metadata_that_they_name():
    def version(oid, name, question):
        texts = "".join(f"<TranslatedText>{text}</TranslatedText>" for text in question)
        return f"""<MetaDataVersion OID="{oid}"><StudyEventDef OID="V1" Name="visit {name}"/>
            <FormDef OID="F" Name="form {name}"/>
            <ItemDef OID="I2"><Question>{texts}</Question></ItemDef></MetaDataVersion>"""

    def told(*versions, data=ODM):
        study = f'<Study OID="S">{"".join(versions)}</Study>'
        tree = decode(data.replace("<ClinicalData", study + "<ClinicalData").encode(), "odm").tree
        form = tree["ClinicalData"][0]["SubjectData"][0]["StudyEventData"][0]["FormData"][0]
        items = {item["ItemOID"]: item.get("Question") for item in form["ItemGroupData"][0]["ItemData"]}
        return form.get("StudyEventName"), form.get("FormName"), items

    two, one = version("2", "b", ["new?"]), version("1", "a", ["  ", "old?", "alt?"])
    assert told(two, one) == ("visit a", "form a", {"I1": None, "I2": "old?"})
    assert told(two) == ("visit b", "form b", {"I1": None, "I2": "new?"})
    assert told(version("3", "c", []), two) == (None, None, {"I1": None, "I2": None})


WHOLE_ODM = """<ODM xmlns="http://www.cdisc.org/ns/odm/v1.3"><Study OID="S"><BasicDefinitions>
<MeasurementUnit OID="U">
<Symbol><TranslatedText>u</TranslatedText></Symbol></MeasurementUnit></BasicDefinitions><MetaDataVersion OID="1">
<ItemDef OID="I"><Question><TranslatedText>q?</TranslatedText></Question></ItemDef></MetaDataVersion></Study>
<ClinicalData StudyOID="S"><SubjectData SubjectKey="1"><SiteRef LocationOID="L"/><StudyEventData StudyEventOID="V">
<FormData FormOID="F"><ItemGroupData ItemGroupOID="G"><ItemData ItemOID="I" Value="5">
<MeasurementUnitRef MeasurementUnitOID="U"/></ItemData><ItemDataFloat ItemOID="J">6</ItemDataFloat></ItemGroupData>
</FormData></StudyEventData></SubjectData></ClinicalData></ODM>"""


@pytest.mark.parametrize("version", ["1.3", "2.0"])
def test_an_attribute_that_has_the_name_of_an_element_breaks_nothing(version):
    text = WHOLE_ODM.replace("v1.3", "v" + version)
    if version == "2.0":
        text = text.replace("FormData", "ItemGroupData").replace('ItemOID="J">6<', 'ItemOID="J"><Value>6</Value><')
    names = sorted(set(re.findall(r"<([A-Za-z]+)", text)))
    for inside in names:
        for name in names:
            without = re.sub(rf"<{name}(?: [^>]*)?/>|<{name}[ >].*?</{name}>", "", text, flags=re.DOTALL)
            for document in (text, without):
                try:
                    decode(document.replace(f"<{inside}", f'<{inside} {name}="x"', 1).encode(), "odm")
                except BadRequest as refused:
                    assert {found.rule for found in refused.issues} <= {
                        "format.xml-name-clash",
                        "payload.empty",
                        "format.xml-not-whole",
                    }


def test_a_data_set_as_lines_and_one_of_version_1_0_give_the_same_rows():
    lines = decode(
        b'{"records": 2, "columns": [{"name": "A"}, {"name": "B"}]}\n["x", 1.50]\n\n[" ", null]', "dataset-json"
    )
    group = '{"name": "LB", "items": [{"name": "A"}, {"name": "B"}], "itemData": [["x", 1.50], [null, ""]]}'
    old = decode(
        f'{{"clinicalData": {{"studyOID": "S", "itemGroupData": {{"IG/LB": {group}}}}}}}'.encode(), "dataset-json"
    )
    assert lines.tree["rows"] == old.tree["rows"] == [{"A": "x", "B": Decimal("1.50")}, {}]
    assert (lines.locate(("rows", 1, "B")), lines.locate(("columns",))) == ("line 4 /1", "line 1 /columns")
    assert old.locate(("rows", 0, "B")) == "/clinicalData/itemGroupData/IG~1LB/itemData/0/1"
    assert old.tree["name"] == "LB"
    assert decode(b'{"records": 0, "columns": [{"name": "A"}]}\n', "dataset-json").tree["rows"] == []


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("[]", ""),
        ('{"records": 2, "columns": [{"name": "A"}]}', ""),
        ('{"records": 2, "columns": [{"name": "A"}]}\n[1]\n', "line 1"),
        ('{"records": 1, "columns": [{"name": "A"}]}\n[1, 2]\n', "line 2"),
        ('{"columns": [{"name": ""}]}\n[1]\n', "line 1 /columns"),
        ('{"clinicalData": {"itemGroupData": {"A": {}, "B": {}}}}', "/clinicalData"),
        ('{"referenceData": {"itemGroupData": {"A": 1}}}', "/referenceData/itemGroupData/A"),
        ('{"columns": [], "rows": 1}', ""),
        ('{"columns": [1], "rows": []}', "/columns"),
        ('{"columns": [{"name": "A"}, {"name": "A"}], "rows": []}', "/columns"),
        ('{"columns": [{"name": "A"}], "rows": [[1], [1, 2]]}', "/rows/1"),
        ('{"columns": [{"name": "A"}], "rows": [1]}', "/rows/0"),
    ],
)
def test_data_sets_that_are_refused(text, source):
    with pytest.raises(BadRequest) as refused:
        decode(text.encode(), "dataset-json")
    assert [(found.rule, found.source) for found in refused.value.issues] == [("format.dataset-json", source)]
