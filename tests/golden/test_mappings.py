"""Every example beside a mapping makes exactly the resources and issues that lie beside it.

`examples/<reason>/payload.*` goes in, with `envelope.json`; `expected.json` holds the resources, `issues.json` the
findings (severity, rule, position). `gateway map test --update` writes both, and so does `UPDATE_GOLDEN=1` here:
review them.
"""

import os
from pathlib import Path

import pytest

from gateway.cli._map.testing import update_examples
from gateway.core.assets import asset_root
from gateway.mapping import Mapping
from gateway.mapping.tools.examples import problems, run_example
from gateway.mapping.tools.selftest import run_tests
from tests.mapping_runs import faults, registry, shipped, validator

ROOT = Path(str(asset_root("mappings")))
FOLDERS = sorted(path.parent for path in ROOT.glob("*/*/mapping.yaml"))
CASES = sorted(path for path in ROOT.glob("*/*/examples/*") if path.is_dir())


def mapping_of(folder: Path) -> Mapping:
    mapping, _ = shipped()[folder.relative_to(ROOT).as_posix()]
    assert mapping is not None
    return mapping


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.relative_to(ROOT).as_posix())
def test_nothing_is_found_in_a_mapping_file(folder):
    _, issues = shipped()[folder.relative_to(ROOT).as_posix()]
    assert issues == ()
    assert mapping_of(folder).fast is not None


def test_no_two_mappings_have_one_id():
    assert len(registry().all()) == len(FOLDERS)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.relative_to(ROOT).as_posix())
def test_example(case):
    mapping = mapping_of(case.parent.parent)
    if os.environ.get("UPDATE_GOLDEN"):
        update_examples(mapping, case.parent.parent)
    found = run_example(mapping, case)
    assert problems(found, case) == []
    assert [fault for resource in found.resources for fault in faults(resource)] == []


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.relative_to(ROOT).as_posix())
def test_a_mapping_has_an_accepted_and_a_refused_example(folder):
    cases = list((folder / "examples").iterdir())
    assert any((case / "expected.json").exists() for case in cases)
    assert any(not (case / "expected.json").exists() for case in cases)
    assert (folder.parent / "README.md").exists()


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.relative_to(ROOT).as_posix())
def test_the_tests_in_the_mapping_file_hold(folder):
    def validate(resource, profiles):
        wanted = [url for url in profiles if resource["resourceType"] == "Observation"]
        return validator().validate(resource, wanted)

    results = run_tests(mapping_of(folder), folder, validate)
    assert results
    assert [(result.name, problem) for result in results for problem in result.problems] == []


def test_no_golden_file_names_a_vendor_user_or_patient():
    for case in CASES:
        issues = case / "issues.json"
        if issues.exists():
            text = issues.read_text("utf-8")
            assert not any(secret in text for secret in ("SYNTHETIC", "101-001", "301-001", "gh-", "wi-"))
