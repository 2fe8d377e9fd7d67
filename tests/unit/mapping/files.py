"""Mapping files for the tests: a small whole one, and what is put in its place."""

from pathlib import Path
from typing import Any

from gateway.core.assets import asset_root
from gateway.definitions import r4
from gateway.mapping import Facts, Mapping
from gateway.mapping.language.load import Surroundings
from gateway.mapping.registry import read_mapping
from gateway.mapping.tools.selftest import facts_of

HEAD = """\
mapping: test.points
version: 1.0.0
status: draft
fhir: 4.0.1
describe: points for the tests
source: {format: json, records: =points}
subject: {resolve: {system: "urn:test:user", value: =%envelope.user}}
"""

POINT = """\
emit:
  - id: point
    key: [=%subject.id, =at]
    resource:
      resourceType: Observation
      status: final
      code: {coding: [{system: "http://loinc.org", code: 55423-8}]}
      subject: {reference: =%subject.reference}
      effectiveDateTime: =at
      valueQuantity: {value: =bpm, unit: /min, system: "http://unitsofmeasure.org", code: /min}
"""


def surroundings() -> Surroundings:
    """R4 and the product's own terminology."""
    return Surroundings(r4(), None, (asset_root("terminology"),))


def compiled(folder: Path, text: str, **files: str) -> Mapping:
    """The mapping of `text`, with further files beside it; fails with its issues when it has faults."""
    folder.joinpath("mapping.yaml").write_text(text, "utf-8")
    for name, content in files.items():
        folder.joinpath(name.replace("__", ".")).write_text(content, "utf-8")
    mapping, issues = read_mapping(folder, "test", surroundings())
    assert mapping is not None, [(found.rule, found.mapping, found.message) for found in issues]
    return mapping


def facts(**context: Any) -> Facts:
    """Facts as in a mapping's tests, with a user in the envelope."""
    return facts_of({"envelope": {"user": "u1"}, **context})


def emit(resource: str, extra: str = "") -> str:
    """A whole file with one emit whose resource is an Observation with these further lines."""
    lines = "\n".join("      " + line for line in resource.strip().splitlines())
    more = "\n".join("    " + line for line in extra.strip().splitlines())
    return (
        f"{HEAD}emit:\n  - id: point\n    key: [=id]\n{more}\n    resource:\n      resourceType: Observation\n"
        f"      status: final\n      code: {{text: x}}\n{lines}\n"
    )
