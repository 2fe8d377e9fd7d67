"""An Observation checked against R4 and the heart rate profile, everything on, and Bundles of them.

Beside it: what fhir.resources takes to parse the same Observation, which looks at structure alone.
The cold start of `gateway validate` is measured against one second.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.demo_study import START
from benchmarks.figure import ROUNDS, Figure, paired, seconds

NAME = "validate"
HEART_RATE = "http://hl7.org/fhir/StructureDefinition/heartrate"
SAMPLES = 1000
SMALL, LARGE = 10, 1000


def run() -> Iterator[Figure]:
    """The figures; raises RuntimeError when an Observation is not found valid."""
    from fhir.resources.R4B.observation import Observation

    from gateway.conformance import Validator
    from gateway.core.codec import loads
    from gateway.definitions import r4
    from gateway.terminology import LocalTerminology

    validator = Validator(r4(), LocalTerminology(r4()))
    plain = [json.loads(json.dumps(_observation(number))) for number in range(SAMPLES)]
    trees = [loads(json.dumps(_observation(number)).encode()) for number in range(SAMPLES)]
    if any(validator.validate(tree, [HEART_RATE]) for tree in trees):
        raise RuntimeError("an Observation of the benchmark has findings")
    ours, reference = paired(
        lambda: [validator.validate(tree, [HEART_RATE]) for tree in trees],
        lambda: [Observation.model_validate(tree) for tree in plain],
    )
    yield Figure("validate-vs-fhir-resources", ours / SAMPLES * 1e6, "us", reference / SAMPLES * 1e6, "lower", 0.5)
    small, large = _bundle(trees[:SMALL]), _bundle(trees[:LARGE])
    once, many = paired(
        lambda: validator.validate(large),
        lambda: [validator.validate(small) for _ in range(LARGE // SMALL)],
    )
    yield Figure("validate-bundle", once / LARGE * 1e6, "us", many / LARGE * 1e6, "lower", 1.2)
    yield Figure("validate-cold", _cold(), "s", 1.0, "lower", 1)


def _cold() -> float:
    """The median wall seconds of `gateway validate` on one file."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "one.json"
        file.write_text(json.dumps(_observation(0)))
        command = [sys.executable, "-m", "gateway", "validate", str(file)]
        return statistics.median(
            seconds(lambda: subprocess.run(command, check=True, capture_output=True)) for _ in range(ROUNDS)
        )


def _observation(number: int) -> dict[str, Any]:
    second = (START.replace(hour=number // 3600 % 24, minute=number // 60 % 60, second=number % 60)).isoformat()
    category = {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"}
    return {
        "resourceType": "Observation",
        "id": f"sample-{number}",
        "meta": {"profile": [HEART_RATE]},
        "status": "final",
        "category": [{"coding": [category]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}], "text": "Heart rate"},
        "subject": {"reference": f"Patient/subject-{number % 20}"},
        "effectiveDateTime": second,
        "valueQuantity": {
            "value": 60 + number % 40,
            "unit": "beats/minute",
            "system": "http://unitsofmeasure.org",
            "code": "/min",
        },
        "device": {"reference": f"Device/watch-{number % 20}"},
    }


def _bundle(trees: list[Any]) -> dict[str, Any]:
    entries = [{"fullUrl": f"http://example.org/Observation/{tree['id']}", "resource": tree} for tree in trees]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}
