"""What may leave of a resource as a whole: the labels and where they stand, and how deep it may be."""

import json
from datetime import date

import pytest

from gateway.core import dumps, loads
from gateway.core.errors import Unprocessable
from gateway.export.deidentify import Deidentifier, StudyKey, load_policy

SYSTEM = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"
REDACTED = {"system": SYSTEM, "code": "REDACTED"}


def keeping(folder, *paths, errors="raise"):
    file = folder / "p.json"
    rules = [{"path": path, "method": "keep"} for path in paths]
    file.write_text(json.dumps({"fhirPathRules": rules, "processingErrors": errors}))
    return Deidentifier(load_policy(file), StudyKey("s", b"k"), date(2026, 6, 1))


GIVEN = {"system": "urn:mine", "code": "R"}
META = {"versionId": "3", "security": [GIVEN], "tag": [{"code": "T"}]}
PATIENT = {
    "resourceType": "Patient",
    "gender": "male",
    "meta": META,
    "id": "p",
    "active": True,
    "name": [{"text": "X"}],
}


@pytest.mark.parametrize(
    ("paths", "left"),
    [
        (("Patient.gender",), {"meta": {"security": [REDACTED]}, "gender": "male"}),
        (("Patient.id",), {"id": "p", "meta": {"security": [REDACTED]}}),
        (("Patient.meta",), {"meta": {**META, "security": [GIVEN, REDACTED]}}),
        (
            ("Patient.meta.tag", "Patient.id", "Patient.gender"),
            {"id": "p", "meta": {"tag": [{"code": "T"}], "security": [REDACTED]}, "gender": "male"},
        ),
        (
            ("Patient.meta", "Patient.id", "Patient.active", "Patient.gender"),
            {"id": "p", "meta": {**META, "security": [GIVEN, REDACTED]}, "gender": "male", "active": True},
        ),
    ],
)
def test_labels_stand_in_meta_behind_those_that_are_there(tmp_path, paths, left):
    expected = dumps({"resourceType": "Patient", **left})
    deidentifier = keeping(tmp_path, *paths)
    assert dumps(deidentifier.apply(PATIENT)) == expected
    assert [deidentifier.apply_body(dumps(PATIENT)) for _ in range(3)] == [expected] * 3


def test_what_is_left_as_it_is_has_no_label(tmp_path):
    deidentifier = keeping(tmp_path, "Patient")
    assert dumps(deidentifier.apply(PATIENT)) == dumps(PATIENT)


def nested(levels):
    """A Patient with an extension that has so many levels."""
    extension = {"url": "u"}
    for _ in range(levels - 1):
        extension = {"extension": [extension], "url": "u"}
    return {"resourceType": "Patient", "extension": [extension]}


def test_a_resource_may_have_64_levels_below_it(tmp_path):
    deidentifier = keeping(tmp_path, "Patient")
    for levels in (1, 63, 64):
        assert deidentifier.apply(nested(levels)) == nested(levels)
    with pytest.raises(Unprocessable, match=r"export\.deidentify"):
        deidentifier.apply(nested(65))
    assert keeping(tmp_path, "Patient", errors="skip").apply(nested(65)) is None


def test_lines_of_which_some_cannot_be_judged(tmp_path):
    deidentifier = keeping(tmp_path, "Patient", errors="skip")
    lines = b"".join(dumps(tree) + b"\n" for tree in (PATIENT, {"resourceType": "Nothing"}, PATIENT))
    assert deidentifier.apply_lines(lines) == (dumps(PATIENT) + b"\n" + dumps(PATIENT) + b"\n", 2)
    assert deidentifier.apply_lines(b"") == (b"", 0)
    assert deidentifier.apply_body(b'{"resourceType":"Nothing"}') is None
    assert loads(deidentifier.apply_body(dumps(PATIENT))) == PATIENT
