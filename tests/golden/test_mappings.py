"""Every example beside a mapping makes exactly the resources and issues that lie beside it.

`examples/<reason>/payload.*` goes in, with `envelope.json`; `expected.json` holds the resources, `issues.json` the
findings (severity, rule, position). `UPDATE_GOLDEN=1 pytest tests/golden/test_mappings.py` writes both: review them.
"""

import json
import os
from pathlib import Path

import pytest

from gateway.core.assets import asset_root
from gateway.mapping.selftest import run_tests
from tests.mapping_runs import Outcome, as_text, participant, registry, run, validator

ROOT = Path(str(asset_root("mappings")))
FOLDERS = sorted(path.parent for path in ROOT.glob("*/*/mapping.yaml"))
CASES = sorted(path for path in ROOT.glob("*/*/examples/*") if path.is_dir())


def mapping_of(folder: Path) -> str:
    return next(mapping.id for mapping in registry().all() if mapping.folder == folder.relative_to(ROOT).as_posix())


def outcome(case: Path) -> Outcome:
    (payload,) = case.glob("payload.*")
    envelope = case / "envelope.json"
    facts = json.loads(envelope.read_text("utf-8")) if envelope.exists() else {}
    return run(payload.read_bytes(), [mapping_of(case.parent.parent)], facts, participant)


def findings(found: Outcome) -> list[dict[str, str]]:
    return [{"severity": each.severity, "rule": each.rule, "source": each.source} for each in found.issues]


def write(path: Path, text: str, wanted: bool) -> None:
    if wanted:
        path.write_text(text, "utf-8")
    else:
        path.unlink(missing_ok=True)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.relative_to(ROOT).as_posix())
def test_example(case):
    found = outcome(case)
    expected, issues = case / "expected.json", case / "issues.json"
    if os.environ.get("UPDATE_GOLDEN"):
        write(expected, as_text(found.resources), bool(found.resources))
        write(issues, json.dumps(findings(found), indent=2) + "\n", bool(found.issues))
    assert not found.faults
    assert findings(found) == (json.loads(issues.read_text("utf-8")) if issues.exists() else [])
    assert as_text(found.resources) == (expected.read_text("utf-8") if expected.exists() else as_text([]))


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

    results = run_tests(registry().get(mapping_of(folder)), folder, validate)
    assert results
    assert [(result.name, problem) for result in results for problem in result.problems] == []


def test_no_golden_file_names_a_vendor_user_or_patient():
    for case in CASES:
        issues = case / "issues.json"
        if issues.exists():
            text = issues.read_text("utf-8")
            assert not any(secret in text for secret in ("SYNTHETIC", "101-001", "301-001", "gh-", "wi-"))
