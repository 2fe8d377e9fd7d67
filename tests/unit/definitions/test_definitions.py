"""Look-ups over R4 and overlays."""

import json
from importlib.resources.abc import Traversable
from pathlib import Path

import pytest

from gateway.core.assets import asset_root
from gateway.definitions import Definitions, r4
from gateway.definitions.definitions import PLAIN

PREFIX = "http://hl7.org/fhir/StructureDefinition/"


def test_every_resource_type_has_a_structure_with_snapshot() -> None:
    definitions = r4()
    assert len(definitions.types()) == 146
    for name in definitions.types():
        structure = definitions.structure(name)
        assert structure is not None
        assert structure.snapshot
        assert structure.elements[0].path == name


def test_structure_is_found_by_type_and_by_canonical() -> None:
    assert r4().structure("Observation") == r4().structure(PREFIX + "Observation")
    heart_rate = r4().structure(PREFIX + "heartrate|4.0.1")
    assert heart_rate is not None
    assert (heart_rate.type, heart_rate.derivation, heart_rate.base) == (
        "Observation",
        "constraint",
        PREFIX + "vitalsigns",
    )
    assert r4().structure(PREFIX + "heartrate|9") is None
    assert r4().structure("Nothing") is None
    assert r4().structure("http://hl7.org/fhir/ValueSet/observation-status") is None


def test_element_gives_cardinality_types_binding_and_constraints() -> None:
    status = r4().element("Observation.status")
    assert status is not None
    assert (status.min, status.max) == (1, 1)
    assert status.binding is not None
    assert (status.binding.strength, status.binding.value_set) == (
        "required",
        "http://hl7.org/fhir/ValueSet/observation-status|4.0.1",
    )
    value = r4().element("Observation.value[x]")
    assert value is not None
    assert value.is_choice
    assert "Quantity" in {entry.code for entry in value.types}
    component = r4().element("Observation.component")
    assert component is not None
    assert component.max is None
    root = r4().element("Observation")
    assert root is not None
    assert {"obs-6", "obs-7", "dom-2"} <= {entry.key for entry in root.constraints}


@pytest.mark.parametrize(
    "path", ["Questionnaire.item.item.item.linkId", "Bundle.entry.link.url", "Parameters.parameter.part.part.name"]
)
def test_content_references_are_followed(path: str) -> None:
    element = r4().element(path)
    assert element is not None
    assert element.types


def test_unknown_element_is_none() -> None:
    assert r4().element("Observation.nothing") is None
    assert r4().element("Nothing.at.all") is None


def test_system_types_are_read_as_fhir_types() -> None:
    identifier = r4().element("Patient.id")
    value = r4().element("string.value")
    assert identifier is not None
    assert value is not None
    assert identifier.types[0].code == "id"
    assert value.types[0].code == "string"
    assert value.types[0].regex


def test_type_questions() -> None:
    definitions = r4()
    assert definitions.is_resource("Patient")
    assert definitions.is_resource("DomainResource")
    assert not definitions.is_resource("Quantity")
    assert definitions.is_primitive("code")
    assert not definitions.is_primitive("Coding")
    assert definitions.is_subtype("code", "string")
    assert definitions.is_subtype("Age", "Quantity")
    assert definitions.is_subtype("Bundle", "Resource")
    assert not definitions.is_subtype("Bundle", "DomainResource")
    assert not definitions.is_subtype("Nothing", "Nothing")


def test_search_parameters_are_those_of_the_type() -> None:
    parameters = r4().search_parameters("Observation")
    assert parameters["date"].expression == "Observation.effective"
    assert parameters["patient"].expression == "Observation.subject.where(resolve() is Patient)"
    assert parameters["_id"].expression == "Resource.id"
    assert parameters["_lastUpdated"].type == "date"
    assert "Patient" in parameters["subject"].targets
    assert len(parameters["code-value-quantity"].components) == 2
    assert "birthdate" not in parameters
    assert r4().search_parameters("Nothing") == {}


def test_every_parameter_expression_names_its_type_only() -> None:
    for name in r4().types():
        for parameter in r4().search_parameters(name).values():
            for part in parameter.expression.split(" | "):
                first = part.lstrip("( ").split(".")[0].split(" ")[0]
                assert first in ("", name, "Resource", "DomainResource") or first.islower()


def test_compartment_says_which_parameters_link() -> None:
    patient = r4().compartment("Patient")
    assert patient["Observation"] == ("subject", "performer")
    assert "Organization" not in patient
    assert r4().compartment("Nothing") == {}


def test_canonical_finds_terminology() -> None:
    value_set = r4().value_set("http://hl7.org/fhir/ValueSet/observation-status|4.0.1")
    assert value_set is not None
    assert value_set["compose"]["include"]
    system = r4().canonical("http://hl7.org/fhir/observation-status")
    assert system is not None
    assert system["resourceType"] == "CodeSystem"
    assert r4().canonical("urn:nothing") is None


def test_overlay_wins_and_other_files_are_passed_over(tmp_path: Path) -> None:
    url = "http://hl7.org/fhir/ValueSet/observation-status"
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "vs.json").write_text(json.dumps({"resourceType": "ValueSet", "url": url, "version": "0"}))
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path / "study.yaml").write_text("id: x")
    definitions = Definitions.load(tmp_path)
    assert definitions.canonical(url) == {"resourceType": "ValueSet", "url": url, "version": "0"}
    assert definitions.canonical(url + "|4.0.1") == r4().canonical(url)
    assert definitions.types() == r4().types()


def test_shipped_definitions_stay_small_and_say_where_they_come_from() -> None:
    def size(folder: Traversable) -> int:
        return sum(
            size(child) if child.is_dir() else len(child.read_bytes())
            for child in folder.iterdir()
            if child.is_dir() or child.name.endswith(".zip")
        )

    assert size(asset_root("profiles")) + size(asset_root("terminology")) < 1_000_000
    origin = json.loads(asset_root("profiles").joinpath("r4", "ORIGIN.json").read_text())
    assert origin["license"] == "CC0-1.0"
    assert origin["sha256"] == "b090bf929e1f665cf2c91583720849695bc38d2892a7c5037c56cb00817fb091"


def test_the_types_without_narrative_are_those_of_the_definitions() -> None:
    known = r4()
    assert {name for name in known.types() if not known.is_subtype(name, "DomainResource")} == PLAIN
    assert all(known.is_subtype(name, "Resource") for name in known.types())
