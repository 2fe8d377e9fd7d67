"""Published definitions make sense to us, but for the faults that they are known to have."""

import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.conformance import Validator
from gateway.core import loads
from gateway.definitions import Definitions, r4, read_guides
from gateway.terminology import LocalTerminology
from tests.unit.definitions.test_package import us_core

KNOWN = {
    # `.is Practitioner` is no FHIRPath.
    ("us-core-provenance", "conformance.definition-expression"),
    # A slice of a repeating element, and nowhere how it is sliced.
    ("familymemberhistory-genetic", "conformance.definition-slicing"),
    # Logical models without a base.
    ("Definition", "conformance.invariant"),
    ("Event", "conformance.invariant"),
    ("FiveWs", "conformance.invariant"),
    ("Request", "conformance.invariant"),
}
EVERY = 8
"""Of R4's own definitions each eighth is looked at."""


def packages() -> Iterator[tuple[Path, int]]:
    guide = us_core()
    yield guide, 1
    core = guide.parent / "hl7.fhir.r4.core-4.0.1.tgz"
    if core.is_file():
        yield core, EVERY


def structures(package: Path, every: int) -> Iterator[dict[str, Any]]:
    with tarfile.open(package) as archive:
        for number, member in enumerate(archive):
            if member.name.startswith("package/StructureDefinition-") and number % every == 0:
                stream = archive.extractfile(member)
                assert stream is not None
                yield loads(stream.read())


def test_published_profiles_mean_what_they_say() -> None:
    found = list(packages())
    if not found:
        pytest.skip("no packages; set GATEWAY_PAYLOADS_DIR")
    sources, _ = read_guides(us_core())
    definitions = Definitions.of(r4(), *sources)
    validator = Validator(definitions, LocalTerminology(definitions))
    faults = {
        (str(tree["id"]), one.rule)
        for package, every in found
        for tree in structures(package, every)
        for one in validator.validate(tree)
        if one.blocks
    }
    assert faults <= KNOWN, faults - KNOWN
    assert ("us-core-provenance", "conformance.definition-expression") in faults
