"""The DICOM JSON model, as DICOMweb answers it: `{"studies": [{"StudyInstanceUID": "1.2.3", ...}, ...]}`.

Each data set becomes a dict from the attribute's keyword to its value; an attribute without values has no key. One
value stands for itself; several, sequences and the attributes of `MULTIPLE` are lists. Values stay as they came:
text, numbers, person names as `{"Alphabetic": ...}`, items of sequences as data sets; but that numbers which are
written as text are numbers, that blanks which pad a short text are no part of it, and that a blank text is no value.
An attribute outside `KEYWORDS` keeps its tag as key (`` `00091001` `` in an expression) and its own form,
`{"vr": ..., "Value": ...}`, so that nothing is lost. The key `studies` holds the data sets of any level (study,
series, instance). Positions are tags, `(0020,000D)`, in front of them the data set when there are several.
There are no options. See https://dicom.nema.org/medical/dicom/current/output/chtml/part18/chapter_F.html.
"""

import re
from decimal import Decimal
from typing import Any

from gateway.core.codec import loads
from gateway.core.errors import BadRequest
from gateway.core.issues import issue
from gateway.formats.decoded import Decoded, Options, Pointer

KEYWORDS = {
    "00080005": "SpecificCharacterSet",
    "00080016": "SOPClassUID",
    "00080018": "SOPInstanceUID",
    "00080020": "StudyDate",
    "00080021": "SeriesDate",
    "00080030": "StudyTime",
    "00080031": "SeriesTime",
    "00080050": "AccessionNumber",
    "00080051": "IssuerOfAccessionNumberSequence",
    "00080056": "InstanceAvailability",
    "00080060": "Modality",
    "00080061": "ModalitiesInStudy",
    "00080062": "SOPClassesInStudy",
    "00080070": "Manufacturer",
    "00080080": "InstitutionName",
    "00080090": "ReferringPhysicianName",
    "00080201": "TimezoneOffsetFromUTC",
    "00081030": "StudyDescription",
    "00081032": "ProcedureCodeSequence",
    "0008103E": "SeriesDescription",
    "00081090": "ManufacturerModelName",
    "00081190": "RetrieveURL",
    "00080100": "CodeValue",
    "00080102": "CodingSchemeDesignator",
    "00080104": "CodeMeaning",
    "00080119": "LongCodeValue",
    "00080120": "URNCodeValue",
    "00100010": "PatientName",
    "00100020": "PatientID",
    "00100021": "IssuerOfPatientID",
    "00100030": "PatientBirthDate",
    "00100040": "PatientSex",
    "00120020": "ClinicalTrialProtocolID",
    "00120040": "ClinicalTrialSubjectID",
    "00120050": "ClinicalTrialTimePointID",
    "00180015": "BodyPartExamined",
    "0020000D": "StudyInstanceUID",
    "0020000E": "SeriesInstanceUID",
    "00200010": "StudyID",
    "00200011": "SeriesNumber",
    "00200013": "InstanceNumber",
    "00201206": "NumberOfStudyRelatedSeries",
    "00201208": "NumberOfStudyRelatedInstances",
    "00201209": "NumberOfSeriesRelatedInstances",
    "00321060": "RequestedProcedureDescription",
    "00080012": "InstanceCreationDate",
    "00080013": "InstanceCreationTime",
    "00080022": "AcquisitionDate",
    "00080023": "ContentDate",
    "0008002A": "AcquisitionDateTime",
    "00080032": "AcquisitionTime",
    "00080033": "ContentTime",
    "00080103": "CodingSchemeVersion",
    "00081115": "ReferencedSeriesSequence",
    "00081150": "ReferencedSOPClassUID",
    "00081155": "ReferencedSOPInstanceUID",
    "00081199": "ReferencedSOPSequence",
    "00181000": "DeviceSerialNumber",
    "00200012": "AcquisitionNumber",
    "00200060": "Laterality",
    "00280008": "NumberOfFrames",
    "00280010": "Rows",
    "00280011": "Columns",
    "00400244": "PerformedProcedureStepStartDate",
    "00400245": "PerformedProcedureStepStartTime",
    "004008EA": "MeasurementUnitsCodeSequence",
    "0040A010": "RelationshipType",
    "0040A030": "VerificationDateTime",
    "0040A032": "ObservationDateTime",
    "0040A040": "ValueType",
    "0040A043": "ConceptNameCodeSequence",
    "0040A120": "DateTime",
    "0040A121": "Date",
    "0040A122": "Time",
    "0040A123": "PersonName",
    "0040A124": "UID",
    "0040A160": "TextValue",
    "0040A161": "FloatingPointValue",
    "0040A168": "ConceptCodeSequence",
    "0040A300": "MeasuredValueSequence",
    "0040A301": "NumericValueQualifierCodeSequence",
    "0040A30A": "NumericValue",
    "0040A370": "ReferencedRequestSequence",
    "0040A375": "CurrentRequestedProcedureEvidenceSequence",
    "0040A491": "CompletionFlag",
    "0040A493": "VerificationFlag",
    "0040A504": "ContentTemplateSequence",
    "0040A730": "ContentSequence",
    "0040DB00": "TemplateIdentifier",
}
"""Attributes of patient, study, series, instance and structured report by tag (PS3.6)."""

MULTIPLE = frozenset(("ModalitiesInStudy", "SOPClassesInStudy"))
"""Keywords of attributes that may have several values, other than sequences."""

_TAGS = {keyword: tag for tag, keyword in KEYWORDS.items()}
_TAG = re.compile(r"[0-9A-F]{8}\Z")
_PADDED = frozenset(("AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "SH", "TM", "UI", "UR"))
_NUMBERS = frozenset(("DS", "IS"))
_NUMBER = re.compile(r"[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([Ee][+-]?[0-9]{1,2})?\Z")


def decode_dicom_json(data: bytes, options: Options) -> Decoded:
    """The data sets in `data`; raises `BadRequest` with a `payload.*` rule or `format.dicom-model`."""
    document = loads(data)
    return data_sets(document if isinstance(document, list) else [document])


def data_sets(models: list[Any]) -> Decoded:
    """The tree of data sets in the DICOM JSON model; raises `BadRequest` with `format.dicom-model`."""
    studies = [_data_set(model, f"/{index}") for index, model in enumerate(models)]
    several = len(studies) > 1
    return Decoded({"studies": studies}, lambda pointer: _locate(pointer, several))


def _data_set(data_set: Any, source: str) -> dict[str, Any]:
    if not isinstance(data_set, dict):
        raise BadRequest(issue("format.dicom-model", source=source))
    result: dict[str, Any] = {}
    for name, attribute in data_set.items():
        tag = name.upper()
        if not _TAG.match(tag) or not isinstance(attribute, dict) or not isinstance(attribute.get("vr"), str):
            raise BadRequest(issue("format.dicom-model", source=source))
        if tag not in KEYWORDS:
            result[tag] = attribute
            continue
        values = _values(attribute, f"{source}/{tag}")
        if values:
            several = len(values) > 1 or attribute["vr"] == "SQ" or KEYWORDS[tag] in MULTIPLE
            result[KEYWORDS[tag]] = values if several else values[0]
    return result


def _values(attribute: dict[str, Any], source: str) -> list[Any]:
    """The values that are there; an empty place among several (JSON null, a blank text) is passed over."""
    values = attribute.get("Value", [])
    if not isinstance(values, list):
        raise BadRequest(issue("format.dicom-model", source=source))
    kind = attribute["vr"]
    if kind == "SQ":
        return [_data_set(item, source) for item in values if item is not None]
    read = [_value(kind, value) for value in values]
    return [value for value in read if value is not None and not (isinstance(value, str) and not value.strip(" \0"))]


def _value(kind: str, value: Any) -> Any:
    """The value without padding, a number where its kind is one. See PS3.5, 6.2, and PS3.18, F.2.3."""
    if isinstance(value, str) and kind in _PADDED:
        value = value.strip(" \0")
        if kind in _NUMBERS and _NUMBER.match(value):
            value = Decimal(value)
    if isinstance(value, Decimal) and kind in _NUMBERS and value == value.to_integral_value():
        return int(value) if kind == "IS" or value.as_tuple().exponent == 0 else value
    return value


def _locate(pointer: Pointer, several: bool) -> str:
    tags = [_TAGS.get(step, step) for step in pointer[2:] if isinstance(step, str)]
    places = [f"({tag[:4]},{tag[4:]})" for tag in tags if _TAG.match(tag)]
    if several and len(pointer) > 1 and isinstance(pointer[1], int):
        places.insert(0, f"data set {pointer[1] + 1}")
    return " ".join(places)
