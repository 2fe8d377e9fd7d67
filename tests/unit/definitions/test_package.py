"""Guides from packages."""

import io
import json
import os
import tarfile
from pathlib import Path

import pytest

from gateway.conformance import Validator
from gateway.core.errors import BadRequest
from gateway.definitions import Definitions
from gateway.definitions import package as package_module
from gateway.terminology import LocalTerminology

US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/"
VALUE_SET = {"resourceType": "ValueSet", "url": "urn:vs", "status": "active"}


def write(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def test_resources_of_the_package_folder_are_found(tmp_path: Path) -> None:
    text = json.dumps(VALUE_SET).encode()
    files = {
        "package/a.json": text,
        "package/broken.json": b"{",
        "../evil.json": b'{"resourceType":"X","url":"urn:x"}',
    }
    definitions = Definitions.load(write(tmp_path / "p.tgz", files))
    assert definitions.canonical("urn:vs") == VALUE_SET
    assert definitions.canonical("urn:x") is None
    assert not (tmp_path.parent / "evil.json").exists()


def test_what_is_no_package_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "p.tgz"
    file.write_bytes(b"not a package")
    with pytest.raises(BadRequest) as caught:
        Definitions.load(file).canonical("urn:x")
    assert caught.value.issues[0].rule == "conformance.package-unreadable"


def test_a_package_that_explodes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package_module, "MAX_FILE", 1000)
    file = write(tmp_path / "p.tgz", {"package/a.json": b" " * 1001})
    with pytest.raises(BadRequest) as caught:
        Definitions.load(file).canonical("urn:x")
    assert caught.value.issues[0].rule == "conformance.package-too-large"


def us_core() -> Path:
    checkout = Path(__file__).resolve().parents[3]
    folder = Path(os.environ.get("GATEWAY_DEFINITIONS_DIR", checkout.parent / "shared" / "definitions"))
    file = folder / "hl7.fhir.us.core-3.1.0.tgz"
    if not file.is_file():
        pytest.skip("no US Core package; set GATEWAY_DEFINITIONS_DIR")
    return file


def test_us_core_judges_a_patient() -> None:
    definitions = Definitions.load(us_core())
    validator = Validator(definitions, LocalTerminology(definitions))
    race = {
        "url": US_CORE + "us-core-race",
        "extension": [
            {"url": "ombCategory", "valueCoding": {"system": "urn:oid:2.16.840.1.113883.6.238", "code": "2106-3"}},
            {"url": "text", "valueString": "White"},
        ],
    }
    patient = {
        "resourceType": "Patient",
        "extension": [race],
        "identifier": [{"system": "urn:mrn", "value": "1"}],
        "name": [{"family": "Shaw"}],
        "gender": "female",
    }
    profile = US_CORE + "us-core-patient"
    assert [found for found in validator.validate(patient, [profile]) if found.blocks] == []
    del race["extension"][1]  # type: ignore[attr-defined]
    del patient["gender"]
    found = {(one.rule, one.expression) for one in validator.validate(patient, [profile]) if one.blocks}
    assert found == {("conformance.minimum", "Patient.extension[0]"), ("conformance.minimum", "Patient")}


def test_every_us_core_profile_compiles() -> None:
    definitions = Definitions.load(us_core())
    validator = Validator(definitions, LocalTerminology(definitions))
    for resource in definitions.all("StructureDefinition"):
        if resource["url"].startswith(US_CORE) and resource["type"] in definitions.types():
            found = validator.validate({"resourceType": resource["type"]}, [resource["url"]])
            rules = {one.rule for one in found}
            assert "conformance.profile-fault" not in rules
            assert "conformance.profile-unknown" not in rules
    # The one expression of US Core 3.1.0 that is not FHIRPath: its parentheses do not close.
    assert set(validator.uncompiled) <= {"provenance-1"}
