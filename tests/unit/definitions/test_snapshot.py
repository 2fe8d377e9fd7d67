"""Snapshots made from the differentials of published profiles are the published ones."""

import tarfile
from pathlib import Path
from typing import Any

import pytest

from gateway.core import Resource, loads
from gateway.definitions import r4
from gateway.definitions.snapshot import with_snapshot
from tests.unit.definitions.test_package import us_core

PREFIX = "http://hl7.org/fhir/StructureDefinition/"

FAULTS = {
    "catalog": "a slice of an element that does not repeat is left out",
    "familymemberhistory-genetic": "slices without slicing are left out",
    "elementdefinition-de": "an extension is unfolded that nothing is said of",
    "us-core-race": "an extension is unfolded that nothing is said of; a stated minimum is lost",
    "us-core-ethnicity": "an extension is unfolded that nothing is said of",
    "us-core-patient": "a stated binding of an extension is lost",
}
"""Published snapshots that do not say what their differentials say."""


def packages() -> list[Path]:
    guide = us_core()
    return [file for file in (guide.parent / "hl7.fhir.r4.core-4.0.1.tgz", guide) if file.is_file()]


def read(packages: list[Path]) -> dict[str, Resource]:
    found = {}
    for package in packages:
        with tarfile.open(package) as archive:
            for member in archive:
                if member.name.startswith("package/StructureDefinition-"):
                    stream = archive.extractfile(member)
                    assert stream is not None
                    tree = loads(stream.read())
                    found[tree["url"]] = tree
    return found


def told(element: dict[str, Any]) -> tuple[Any, ...]:
    types = sorted(
        (entry.get("code", ""), tuple(entry.get("profile", ())), tuple(sorted(entry.get("targetProfile", ()))))
        for entry in element.get("type", ())
    )
    binding = element.get("binding", {})
    bound = (binding.get("strength"), str(binding.get("valueSet", "")).partition("|")[0])
    return element["id"], element["path"], element["min"], element["max"], tuple(types), bound


def test_published_snapshots_are_made_again() -> None:
    known = read(packages())
    profiles = [tree for tree in known.values() if tree.get("derivation") == "constraint" and "snapshot" in tree]
    assert len(profiles) > 20
    wrong = set()
    for tree in profiles:
        made = with_snapshot({name: value for name, value in tree.items() if name != "snapshot"}, known.get)
        assert made is not None
        ours = [told(element) for element in made["snapshot"]["element"]]
        if ours != [told(element) for element in tree["snapshot"]["element"]]:
            wrong.add(tree["id"])
    assert wrong <= FAULTS.keys(), wrong - FAULTS.keys()


def profile(base: str, *elements: dict[str, Any], url: str = "urn:p", kind: str = "Observation") -> Resource:
    return {
        "resourceType": "StructureDefinition",
        "url": url,
        "type": kind,
        "derivation": "constraint",
        "baseDefinition": base,
        "differential": {"element": list(elements)},
    }


def made(tree: Resource) -> dict[str, dict[str, Any]]:
    found = r4().with_snapshot(tree)
    assert found is not None
    return {element["id"]: element for element in found["snapshot"]["element"]}


def test_a_choice_of_which_one_type_is_named_has_that_type_alone() -> None:
    found = made(profile(PREFIX + "Observation", {"path": "Observation.valueQuantity", "min": 1}))
    assert [entry["code"] for entry in found["Observation.value[x]"]["type"]] == ["Quantity"]
    assert found["Observation.value[x]:valueQuantity"]["min"] == 1


def test_what_a_content_reference_leads_to_is_unfolded() -> None:
    stated = {"path": "Questionnaire.item.item.linkId", "maxLength": 10}
    found = made(profile(PREFIX + "Questionnaire", stated, kind="Questionnaire"))
    assert found["Questionnaire.item.item.linkId"]["maxLength"] == 10
    assert "Questionnaire.item.item.type" in found


def test_constraints_add_up() -> None:
    constraint = {"key": "a-1", "severity": "error", "human": "a", "expression": "true"}
    found = made(profile(PREFIX + "Observation", {"path": "Observation", "constraint": [constraint]}))
    keys = [entry["key"] for entry in found["Observation"]["constraint"]]
    assert keys[-1] == "a-1"
    assert "obs-6" in keys


@pytest.mark.parametrize("base", ["urn:nowhere", "urn:p"])
def test_without_a_base_there_is_none(base: str) -> None:
    tree = profile(base, {"path": "Observation.status", "min": 1})
    assert with_snapshot(tree, {"urn:p": tree}.get) is None


def test_bases_in_a_circle_have_none() -> None:
    first, second = profile("urn:q", {"path": "Observation"}), profile("urn:p", {"path": "Observation"}, url="urn:q")
    assert with_snapshot(first, {"urn:p": first, "urn:q": second}.get) is None


def test_paths_of_thousands_of_steps_have_none() -> None:
    assert r4().with_snapshot(profile(PREFIX + "Observation", {"path": "Observation" + ".a" * 10_000})) is None


def test_many_elements_are_read_in_time_that_grows_with_them() -> None:
    stated = [{"path": f"Observation.extension.a{number}", "min": 0} for number in range(20_000)]
    assert len(made(profile(PREFIX + "Observation", *stated))) > 30
