"""FHIR documents, NDJSON and DICOM files: trees, positions and refusals."""

from decimal import Decimal
from io import BytesIO

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from gateway.core.errors import BadRequest
from gateway.formats import decode


def refusal(data: bytes, format: str) -> tuple[str, str]:
    with pytest.raises(BadRequest) as refused:
        decode(data, format)
    return refused.value.issues[0].rule, refused.value.issues[0].source


def test_a_resource_and_the_resources_of_a_bundle():
    assert decode(b'{"resourceType": "Patient", "id": "a"}', "fhir").tree["resources"][0]["id"] == "a"
    entries = b'[{"response": {}}, {"resource": {"resourceType": "Patient", "id": "a"}}]'
    bundle = decode(b'{"resourceType": "Bundle", "entry": %s}' % entries, "fhir")
    assert bundle.tree == {"resources": [{"resourceType": "Patient", "id": "a"}]}
    assert bundle.locate(("resources", 0, "id")) == "/entry/1/resource/id"
    assert decode(b'{"resourceType": "Bundle"}', "fhir").tree == {"resources": []}


def test_questionnaires_are_told_apart():
    asked = b'{"resource": {"resourceType": "Questionnaire", "url": "u"}}'
    entries = b'[{}, {"resource": {"resourceType": "Patient"}}, %s]' % asked
    bundle = decode(b'{"resourceType": "Bundle", "entry": %s}' % entries, "fhir")
    assert bundle.tree["questionnaires"] == bundle.tree["resources"][1:]
    places = {bundle.locate((name, index, "url")) for name, index in (("questionnaires", 0), ("resources", 1))}
    assert places == {"/entry/2/resource/url"}
    assert bundle.locate(("questionnaires", 1)) == ""


@pytest.mark.parametrize(
    ("data", "source"),
    [
        (b"[]", ""),
        (b'{"resourceType": 1}', ""),
        (b'{"resourceType": "Bundle", "entry": {}}', "/entry"),
        (b'{"resourceType": "Bundle", "entry": [{"resource": {}}]}', "/entry/0/resource"),
    ],
)
def test_what_is_no_fhir_is_refused(data, source):
    assert refusal(data, "fhir") == ("format.fhir-resource", source)


def test_ndjson_keeps_numbers_and_tells_lines():
    decoded = decode(b'\xef\xbb\xbf{"a": 1.50}\r\n\n{"a": [2]}', "ndjson")
    assert decoded.tree == {"records": [{"a": Decimal("1.50")}, {"a": [2]}]}
    assert decoded.locate(("records", 1, "a", 0)) == "line 3 /a/0"
    assert refusal(b'{"a": 1}\n{"a": \n', "ndjson")[1].startswith("line 2")
    assert refusal(b"\n \n", "ndjson")[0] == "payload.empty"


def file(syntax: UID = ExplicitVRLittleEndian, **attributes: object) -> bytes:
    data_set = Dataset()
    for keyword, value in attributes.items():
        setattr(data_set, keyword, value)
    data_set.file_meta = FileMetaDataset()
    data_set.file_meta.TransferSyntaxUID = syntax
    data_set.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    data_set.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    written = BytesIO()
    data_set.save_as(written, enforce_file_format=True)
    return written.getvalue()


def test_a_header_is_read_by_keyword_without_pixels_and_private_attributes():
    unit = Dataset()
    unit.CodeValue = "mm"
    decoded = decode(
        file(
            SOPInstanceUID="1.2.3",
            StudyInstanceUID="1.2",
            PatientName="DOE^JO",
            Modality="CT",
            SeriesNumber=4,
            SliceThickness="2.50",
            MeasurementUnitsCodeSequence=[unit],
            PixelSpacing=[0.5, 1],
        ),
        "dicom",
    )
    study = decoded.tree["studies"][0]
    assert study["PatientName"] == {"Alphabetic": "DOE^JO"}
    assert study["SeriesNumber"] == 4
    assert study["00180050"] == {"vr": "DS", "Value": [Decimal("2.50")]}
    assert study["00280030"]["Value"] == [Decimal("0.5"), 1]
    assert study["MeasurementUnitsCodeSequence"] == [{"CodeValue": "mm"}]
    assert decoded.locate(("studies", 0, "Modality")) == "(0008,0060)"


def test_no_file_half_a_file_and_an_empty_one_are_refused():
    whole = file(SOPInstanceUID="1.2.3", StudyInstanceUID="1.2", SeriesInstanceUID="1.2.5")
    assert refusal(whole[132:], "dicom")[0] == "format.dicom-file"
    assert refusal(whole[:140], "dicom")[0] in ("format.dicom-file", "format.dicom-cut")
    assert refusal(b"\0" * 200, "dicom")[0] == "payload.empty"


def test_a_file_that_was_cut_off_is_refused_but_at_the_end_of_an_attribute():
    code = Dataset()
    code.CodeValue = "mm"
    whole = file(SOPInstanceUID="1.2.3", FrameReferenceTime=1.5, MeasurementUnitsCodeSequence=[code])
    ends = {whole.index(first) for first in (b"\x08\0\x18\0UI", b"\x40\0\xea\x08SQ", b"\x54\0\0\x13DS")}
    assert decode(whole + b"\0", "dicom").tree == decode(whole, "dicom").tree
    found = {refusal(whole[:end], "dicom")[0] for end in range(min(ends) + 1, len(whole)) if end not in ends}
    assert found == {"format.dicom-cut"}
    packed = file(DeflatedExplicitVRLittleEndian, SOPInstanceUID="1.2.3")
    assert refusal(packed[:-4], "dicom")[0] == "format.dicom-cut"


def test_a_header_may_come_in_the_json_model_and_a_preamble_may_look_like_it():
    assert decode(b' [{"00080018": {"vr": "UI", "Value": ["1.2.3"]}}]', "dicom").tree == {
        "studies": [{"SOPInstanceUID": "1.2.3"}]
    }
    assert refusal(b"[{}, 1]", "dicom") == ("format.dicom-model", "/1")
    assert decode(b"[" + file(SOPInstanceUID="1.2.3")[1:], "dicom").tree["studies"][0]["SOPInstanceUID"] == "1.2.3"


def test_a_deflated_file_is_unpacked_no_further_than_a_header_may_go(monkeypatch):
    packed = file(DeflatedExplicitVRLittleEndian, Modality="CT", SOPInstanceUID="1.2.3", TextValue="x" * 100_000)
    assert len(packed) < 1_000
    assert len(decode(packed, "dicom").tree["studies"][0]["TextValue"]) == 100_000
    monkeypatch.setattr("gateway.formats.dicom_file.MAX_HEADER_BYTES", 400)
    for whole in (packed, file(Modality="CT", SOPInstanceUID="1.2.3", TextValue="x" * 100_000)):
        assert decode(whole, "dicom").tree == {"studies": [{"SOPInstanceUID": "1.2.3", "Modality": "CT"}]}


def test_a_file_that_only_names_the_deflated_syntax_is_read():
    named = file(SOPInstanceUID="1.2.3", StudyDescription="1.2.840.10008.1.2.1.99")
    assert decode(named, "dicom").tree["studies"][0]["StudyDescription"] == "1.2.840.10008.1.2.1.99"


def test_what_says_deflated_and_is_not_a_long_header_and_deep_sequences_are_refused(monkeypatch):
    deflated = file(SOPInstanceUID="1.2.3").replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99\0")
    assert refusal(deflated, "dicom")[0] == "format.dicom-file"
    nested = Dataset()
    for _ in range(60):
        outer = Dataset()
        outer.ContentSequence = [nested]
        nested = outer
    assert refusal(file(SOPInstanceUID="1.2.3", ContentSequence=[nested]), "dicom")[0] == "format.dicom-depth"
    monkeypatch.setattr("gateway.formats.dicom_file.MAX_ELEMENTS", 2)
    assert refusal(file(SOPInstanceUID="1.2.3", StudyID="1", Modality="CT"), "dicom")[0] == "format.dicom-file"
