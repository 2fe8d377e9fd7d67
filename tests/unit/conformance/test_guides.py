"""US Core 3.1.0 from its package, on records that claim its profiles; and what a required element is worth."""

import copy
import gzip
import os
from pathlib import Path
from typing import Any

import pytest

from gateway.conformance import Validator
from gateway.core import Resource, loads
from gateway.definitions import Definitions, r4, read_guides
from gateway.terminology import LocalTerminology
from tests.unit.conformance.test_validator import OBSERVATION, errors
from tests.unit.definitions.test_package import US_CORE, us_core

CHECKOUT = Path(__file__).resolve().parents[3]
LARGE = 150
"""How many entries of a record are looked at; the records have hundreds."""


@pytest.fixture(scope="module")
def validator() -> Validator:
    sources, missing = read_guides(us_core())
    assert missing == ()
    definitions = Definitions.of(r4(), *sources)
    return Validator(definitions, LocalTerminology(definitions))


@pytest.fixture(scope="module")
def record() -> Resource:
    """A synthetic record; the package of US Core itself has no examples."""
    folder = Path(os.environ.get("GATEWAY_SYNTHEA_DIR", CHECKOUT.parent / "shared" / "synthea"))
    files = sorted(folder.glob("*.json.gz"), key=lambda file: file.stat().st_size)
    if not files:
        pytest.skip("no records; set GATEWAY_SYNTHEA_DIR")
    tree: Resource = loads(gzip.decompress(files[0].read_bytes()))
    tree["entry"] = tree["entry"][:LARGE]
    return tree


def claims(resource: Resource) -> list[str]:
    return [url for url in resource.get("meta", {}).get("profile", ()) if url.startswith(US_CORE)]


def test_a_record_keeps_the_profiles_that_it_claims(validator: Validator, record: Resource) -> None:
    resources = [entry["resource"] for entry in record["entry"]]
    assert {url for resource in resources for url in claims(resource)} >= {US_CORE + "us-core-patient"}
    for resource in resources:
        # Alone, since the references of a part of a Bundle lead out of it.
        assert [one for one in validator.validate(resource) if one.blocks] == []


@pytest.mark.parametrize(
    ("kind", "name"),
    [("Patient", "identifier"), ("Patient", "name"), ("Patient", "gender"), ("Encounter", "type"),
     ("Immunization", "occurrenceDateTime"), ("Immunization", "primarySource")],
)  # fmt: skip
def test_without_what_us_core_requires_a_record_is_refused(
    validator: Validator, record: Resource, kind: str, name: str
) -> None:
    found = [
        e["resource"] for e in record["entry"] if e["resource"]["resourceType"] == kind and claims(e["resource"])
    ]
    assert found, "the record has none"
    broken = {key: value for key, value in found[0].items() if key != name}
    assert "conformance.minimum" in {one.rule for one in validator.validate(broken) if one.blocks}


def _required(kind: str, tree: dict[str, Any], path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The paths of the elements that R4 requires and a tree has, arrays left out."""
    found = []
    for name, element in r4().children(kind).items():
        if element.min > 0 and name in tree:
            found.append((*path, name))
        value = tree.get(name)
        if isinstance(value, dict) and element.types:
            found += _required(element.types[0].code, value, (*path, name))
    return found


EXAMPLES: list[Resource] = [
    OBSERVATION,
    {
        "resourceType": "Consent",
        "status": "active",
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "research"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"reference": "Patient/a"},
        "policyRule": {"text": "a"},
    },
    {
        "resourceType": "ResearchSubject",
        "status": "on-study",
        "study": {"reference": "ResearchStudy/a"},
        "individual": {"reference": "Patient/a"},
    },
    {"resourceType": "DiagnosticReport", "status": "final", "code": {"text": "a"}},
    {"resourceType": "Provenance", "target": [{"reference": "Patient/a"}], "recorded": "2026-01-01T00:00:00Z",
     "agent": [{"who": {"reference": "Device/a"}}]},
]  # fmt: skip
CASES = [(tree, path) for tree in EXAMPLES for path in _required(str(tree["resourceType"]), tree)]


@pytest.mark.parametrize(("tree", "path"), CASES, ids=[f"{tree['resourceType']}.{'.'.join(p)}" for tree, p in CASES])
def test_a_resource_without_one_required_element_is_refused(tree: Resource, path: tuple[str, ...]) -> None:
    assert errors(tree) == []
    broken = copy.deepcopy(tree)
    node = broken
    for name in path[:-1]:
        node = node[name]
    del node[path[-1]]
    assert any(rule == "minimum" for rule, _ in errors(broken))
