"""The typed face of resources: out of a tree and into one again."""

import pytest

from gateway.core.models import from_model, to_model


def test_a_resource_read_and_changed_by_its_names() -> None:
    patient = to_model({"resourceType": "Patient", "birthDate": "1970-01-01", "name": [{"family": "Shaw"}]})
    assert patient.name[0].family == "Shaw"
    patient.active = True
    expected = {"resourceType": "Patient", "active": True, "birthDate": "1970-01-01", "name": [{"family": "Shaw"}]}
    assert from_model(patient) == expected


def test_what_is_no_resource_has_no_model() -> None:
    with pytest.raises(ValueError, match="birthDate"):
        to_model({"resourceType": "Patient", "birthDate": "yesterday"})
