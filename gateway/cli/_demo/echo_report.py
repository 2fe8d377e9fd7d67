"""The demo's echo reports: a DICOM structured report of template 1500 for every participant.

A volume of the left ventricle and its ejection fraction, as an echo core laboratory measures them from one series.
See https://dicom.nema.org/medical/dicom/current/output/chtml/part16/chapter_A.html#sect_TID_1500.
"""

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from io import BytesIO
from zoneinfo import ZoneInfo

from pydicom import Dataset, FileMetaDataset
from pydicom.uid import ComprehensiveSRStorage, ExplicitVRLittleEndian

from gateway.study import Participant

AT = datetime(2026, 2, 17, 10, 15, tzinfo=ZoneInfo("UTC"))
"""When each report was made, by the clock of the participant's place."""

MEASUREMENTS = (
    (("118565006", "SCT", "Volume"), ("mL", "milliliter"), 105, 60),
    (("10230-1", "LN", "Left ventricular Ejection fraction"), ("%", "percent"), 30, 25),
)
"""What is measured: its code, its UCUM unit, the least value and how far values spread."""

LEFT_VENTRICLE = ("87878005", "SCT", "Left cardiac ventricle")
BIPLANE = ("125207", "DCM", "Method of Disks, Biplane")


def echo_report(person: Participant) -> bytes:
    """A report of one participant as a DICOM Part 10 file, the same bytes at every run."""
    number = person.identities["urn:dicom:patient-id"]
    report = Dataset()
    report.SpecificCharacterSet = "ISO_IR 100"
    report.SOPClassUID = ComprehensiveSRStorage
    report.SOPInstanceUID = _uid(number, "report")
    report.StudyInstanceUID = _uid(number, "study")
    report.SeriesInstanceUID = _uid(number, "reports")
    report.Modality = "SR"
    report.PatientID = number
    report.PatientName = "SYNTHETIC"
    at = AT.replace(tzinfo=ZoneInfo(person.zone))
    report.StudyDate = report.ContentDate = at.strftime("%Y%m%d")
    report.StudyTime = report.ContentTime = at.strftime("%H%M%S")
    report.TimezoneOffsetFromUTC = at.strftime("%z")
    report.CompletionFlag, report.VerificationFlag = "COMPLETE", "VERIFIED"
    group = _container(("125007", "DCM", "Measurement Group"), _group(number))
    measured = _container(("126010", "DCM", "Imaging Measurements"), [group])
    report.ValueType = "CONTAINER"
    report.ConceptNameCodeSequence = [_code(("126000", "DCM", "Imaging Measurement Report"))]
    report.ContentSequence = [measured]
    return _file(report)


def _group(number: str) -> list[Dataset]:
    tracking = _item("TEXT", "HAS OBS CONTEXT", ("112039", "DCM", "Tracking Identifier"))
    tracking.TextValue = "Left ventricle"
    unique = _item("UIDREF", "HAS OBS CONTEXT", ("112040", "DCM", "Tracking Unique Identifier"))
    unique.UID = _uid(number, "left ventricle")
    series = _item("UIDREF", "CONTAINS", ("121232", "DCM", "Source series for segmentation"))
    series.UID = _uid(number, "series")
    site = _item("CODE", "HAS CONCEPT MOD", ("363698007", "SCT", "Finding Site"))
    site.ConceptCodeSequence = [_code(LEFT_VENTRICLE)]
    method = _item("CODE", "HAS CONCEPT MOD", ("370129005", "SCT", "Measurement Method"))
    method.ConceptCodeSequence = [_code(BIPLANE)]
    return [tracking, unique, series, site, method, *(_measurement(number, *one) for one in MEASUREMENTS)]


def _measurement(number: str, name: tuple[str, str, str], unit: tuple[str, str], least: int, spread: int) -> Dataset:
    found = _item("NUM", "CONTAINS", name)
    value = Dataset()
    value.MeasurementUnitsCodeSequence = [_code((unit[0], "UCUM", unit[1]))]
    value.NumericValue = str(least + _digest(number, name[0])[0] % spread)
    found.MeasuredValueSequence = [value]
    return found


def _container(name: tuple[str, str, str], items: Sequence[Dataset]) -> Dataset:
    found = _item("CONTAINER", "CONTAINS", name)
    found.ContentSequence = items
    return found


def _item(kind: str, relation: str, name: tuple[str, str, str]) -> Dataset:
    found = Dataset()
    found.RelationshipType, found.ValueType = relation, kind
    found.ConceptNameCodeSequence = [_code(name)]
    return found


def _code(code: tuple[str, str, str]) -> Dataset:
    found = Dataset()
    found.CodeValue, found.CodingSchemeDesignator, found.CodeMeaning = code
    return found


def _digest(*parts: str) -> bytes:
    return blake2b("|".join(parts).encode(), digest_size=12).digest()


def _uid(*parts: str) -> str:
    return f"2.25.{int.from_bytes(_digest(*parts))}"


def _file(report: Dataset) -> bytes:
    report.file_meta = FileMetaDataset()
    report.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    report.file_meta.MediaStorageSOPClassUID = report.SOPClassUID
    report.file_meta.MediaStorageSOPInstanceUID = report.SOPInstanceUID
    written = BytesIO()
    report.save_as(written, enforce_file_format=True)
    return written.getvalue()
