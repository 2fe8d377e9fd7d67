"""getResourceKey() and getReferenceKey(): what tables made of resources are joined by."""

import pytest

from gateway.fhirpath import FhirPathError, compile

PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "link": [
        {"other": {"reference": "Patient/p1"}},
        {"other": {"reference": "https://other.example/fhir/Patient/p2/_history/3"}},
        {"other": {"reference": "RelatedPerson/r1"}},
        {"other": {"reference": "#inside"}},
        {"other": {"reference": "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"}},
        {"other": {"identifier": {"value": "x"}}},
        {"other": {"reference": 7}},
    ],
}


@pytest.mark.parametrize(
    ("expression", "keys"),
    [
        ("getResourceKey()", ["p1"]),
        ("name.getResourceKey()", []),
        ("link.other.getReferenceKey()", ["p1", "p2", "r1"]),
        ("link.other.getReferenceKey(Patient)", ["p1", "p2"]),
        ("link.other.getReferenceKey(RelatedPerson)", ["r1"]),
        ("link.other.getReferenceKey(Observation)", []),
        ("getResourceKey() = link[0].other.getReferenceKey(Patient)", [True]),
    ],
)
def test_a_key_is_the_logical_id(expression, keys):
    assert compile(expression, base="Patient").evaluate(PATIENT) == keys


@pytest.mark.parametrize("argument", ["'Patient'", "Quantity", "1 + 1", "Nothing"])
def test_the_type_of_a_reference_is_a_resource_type(argument):
    with pytest.raises(FhirPathError):
        compile(f"link.other.getReferenceKey({argument})", base="Patient")
