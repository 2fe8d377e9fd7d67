"""Whose data a resource is: by what the Patient compartment names, and by `patient` where R4 has it."""

import pytest

from gateway.export.deidentify.subjects import subject_of, subject_reach


def to(*texts):
    found = [{"reference": text} for text in texts]
    return found[0] if len(found) == 1 else found


CASES = [
    ("Patient", {"id": "1"}, "1"),
    ("Patient", {"id": 1}, ""),
    ("Patient", {}, ""),
    ("Patient", {"id": "1", "link": [{"other": to("Patient/2")}]}, "1"),
    ("Observation", {"id": "1"}, ""),
    ("Observation", {"subject": to("Patient/1")}, "1"),
    ("Observation", {"subject": to("Patient/1/_history/2")}, "1"),
    ("Observation", {"subject": to("https://a.example/fhir/Patient/1")}, "1"),
    ("Observation", {"subject": to("Group/1")}, ""),
    ("Observation", {"subject": to("Patient/1?a=b")}, ""),
    ("Observation", {"subject": to(5)}, ""),
    ("Observation", {"subject": {"display": "Patient/1"}}, ""),
    ("Observation", {"subject": "Patient/1"}, ""),
    ("Observation", {"subject": ["Patient/1", 5, None]}, ""),
    ("Observation", {"subject": None}, ""),
    ("Observation", {"subject": to("Patient/1"), "performer": [to("Patient/1"), to("Practitioner/1")]}, "1"),
    ("Observation", {"subject": to("Patient/1"), "performer": [to("Patient/2")]}, ""),
    ("Observation", {"performer": [to("Patient/2")]}, "2"),
    ("Observation", {"subject": to("Patient/1"), "focus": [to("Patient/2")]}, "1"),
    ("Observation", {"subject": to("Group/1"), "focus": [to("Patient/2")]}, ""),
    ("Device", {"patient": to("Patient/1")}, "1"),
    ("Device", {"owner": to("Patient/1")}, ""),
    ("Encounter", {"subject": to("Patient/1")}, "1"),
    ("Procedure", {"subject": to("Patient/1"), "performer": [{"actor": to("Patient/2")}]}, ""),
    ("AuditEvent", {"entity": [{"what": to("Patient/1")}], "agent": [{"who": to("Device/1")}]}, "1"),
    ("AuditEvent", {"entity": [{"what": to("Patient/1")}], "agent": [{"who": to("Patient/2")}]}, ""),
    ("Provenance", {"target": to("Patient/1", "Observation/1")}, "1"),
    ("Provenance", {"target": to("Patient/1", "Patient/2")}, ""),
    ("Group", {"member": [{"entity": to("Patient/1")}]}, "1"),
    ("Coverage", {"beneficiary": to("Patient/1")}, "1"),
    ("Organization", {"partOf": to("Patient/1")}, ""),
    ("Nothing", {"subject": to("Patient/1")}, ""),
]


@pytest.mark.parametrize(("kind", "elements", "found"), CASES)
def test_whose_a_resource_is(kind, elements, found):
    assert subject_of({"resourceType": kind, **elements}) == found


@pytest.mark.parametrize("kind", [None, 5, ["Patient"], {}])
def test_what_has_no_type_is_nobodys(kind):
    assert subject_of({"resourceType": kind, "id": "1", "subject": to("Patient/1")}) == ""
    assert subject_of({"id": "1", "subject": to("Patient/1")}) == ""


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("Patient", {"id"}),
        ("Observation", {"subject", "performer"}),
        ("Device", {"patient"}),
        ("Organization", set()),
        ("AuditEvent", {"AuditEvent", "agent", "who", "entity", "what"}),
        ("Coverage", {"beneficiary", "payor", "policyHolder", "subscriber"}),
    ],
)
def test_only_some_elements_are_looked_at(kind, names):
    assert subject_reach(kind) == names
