"""The official cases of FHIRPath Patch and of JSON Patch: applied, or refused where they must be.

Cases that run backwards only ask for a difference to be found, which is not offered.
"""

import copy

from defusedxml import ElementTree

from gateway.core.codec import loads
from gateway.core.errors import FhirError
from gateway.core.types import Resource
from gateway.definitions import Definitions, r4
from gateway.rest.patching import fhirpath_patch, json_patch
from tests.compliance.fhir_xml import resource_of
from tests.compliance.official import folder

NAME = "fhir-patch"


def run() -> tuple[int, int, list[str]]:
    """Passed, total, and the name of each case that fails."""
    data = folder(NAME)
    definitions = r4()
    results = [
        *_fhirpath((data / "fhir-patch-tests.xml").read_bytes(), definitions),
        *_json((data / "json-patch-tests.json").read_bytes()),
    ]
    misses = [name for name, passed in results if not passed]
    return len(results) - len(misses), len(results), misses


def _fhirpath(text: bytes, definitions: Definitions) -> list[tuple[str, bool]]:
    results = []
    for case in ElementTree.fromstring(text):
        if case.get("mode") not in ("both", "forwards"):
            continue
        before, patch = (resource_of(case.find(name)[0], definitions) for name in ("input", "diff"))
        after = None if case.find("error") is not None else resource_of(case.find("output")[0], definitions)
        results.append((str(case.get("name")), _patched(before, patch, definitions) == after))
    return results


def _patched(before: Resource, patch: Resource, definitions: Definitions) -> Resource | None:
    """None when the patch is refused."""
    try:
        return fhirpath_patch.apply(fhirpath_patch.read(patch, 100), copy.deepcopy(before), definitions)
    except FhirError:
        return None


def _json(text: bytes) -> list[tuple[str, bool]]:
    results = []
    for case in loads(text):
        try:
            found = json_patch.apply(json_patch.read(case["patch"], 100), copy.deepcopy(case["doc"]))
        except FhirError:
            found = None
        expected = found is None if "error" in case else found == case.get("expected", case["doc"])
        results.append((case["comment"], expected))
    return results
