"""Compacts the official R4 package into the archives that `gateway.definitions` reads.

    python -m gateway.definitions.compact hl7.fhir.r4.core-4.0.1.tgz [CHECKOUT]

Structure, cardinality, types, bindings, constraints and codes stay; prose, narrative and mappings go. The result is
the same bytes for the same package. Origin, SHA-256 and licence are recorded in `profiles/r4/ORIGIN.json`.
"""

import hashlib
import json
import sys
import tarfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from gateway.core import Resource
from gateway.definitions.archive import write_archive

HEAD = ("resourceType", "id", "url", "version", "name")

KEPT = {
    "StructureDefinition": (
        *HEAD, "kind", "abstract", "type", "baseDefinition", "derivation", "context",
        "contextInvariant",
    ),
    "SearchParameter": (
        *HEAD, "code", "base", "type", "expression", "target", "multipleOr", "multipleAnd", "modifier", "comparator",
        "component",
    ),
    "CompartmentDefinition": (*HEAD, "code", "search", "resource"),
    "ValueSet": (*HEAD, "status", "compose"),
    "CodeSystem": (
        *HEAD, "status", "caseSensitive", "valueSet", "hierarchyMeaning", "compositional", "content", "filter",
        "property", "concept",
    ),
    "ConceptMap": (*HEAD, "status", "sourceUri", "sourceCanonical", "targetUri", "targetCanonical", "group"),
}  # fmt: skip
"""What stays of each kind of resource at its root."""

ELEMENT_KEPT = frozenset({
    "id", "path", "representation", "sliceName", "sliceIsConstraining", "slicing", "min", "max", "contentReference",
    "maxLength", "mustSupport", "isModifier", "isSummary",
})  # fmt: skip
ELEMENT_PREFIXES = ("fixed", "pattern", "minValue", "maxValue", "defaultValue")
REGEX = "http://hl7.org/fhir/StructureDefinition/regex"
FHIR_TYPE = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type"
MAX_VALUE_SET = "http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet"
USEFUL_EXTENSIONS = frozenset({REGEX, FHIR_TYPE, MAX_VALUE_SET})
PROSE = frozenset({"description", "designation", "documentation", "comment", "text", "extension"})

ARCHIVES = {
    "StructureDefinition": ("profiles/r4/structures.zip", 256),
    "Extension": ("profiles/r4/extensions.zip", 32),
    "SearchParameter": ("profiles/r4/search.zip", 1),
    "CompartmentDefinition": ("profiles/r4/search.zip", 1),
    "ValueSet": ("terminology/valuesets/r4.zip", 48),
    "CodeSystem": ("terminology/codesystems/r4.zip", 64),
    "ConceptMap": ("terminology/conceptmaps/r4.zip", 4),
}
"""Where each kind goes, and over how many entries it is spread: one look-up reads one entry."""


def _extensions(node: dict[str, Any]) -> list[dict[str, Any]]:
    return [entry for entry in node.get("extension", ()) if entry.get("url") in USEFUL_EXTENSIONS]


def _type(node: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {
        key: node[key] for key in ("code", "profile", "targetProfile", "aggregation", "versioning") if key in node
    }
    extensions = _extensions(node)
    return kept | {"extension": extensions} if extensions else kept


def _binding(node: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {key: node[key] for key in ("strength", "valueSet") if key in node}
    extensions = _extensions(node)
    return kept | {"extension": extensions} if extensions else kept


def _constraint(node: dict[str, Any]) -> dict[str, Any]:
    return {key: node[key] for key in ("key", "severity", "human", "expression") if key in node}


def compact_element(node: dict[str, Any]) -> dict[str, Any]:
    """The part of an ElementDefinition that decides what is valid."""
    kept = {
        key: value for key, value in node.items() if key in ELEMENT_KEPT or key.startswith(ELEMENT_PREFIXES)
    }  # fmt: skip
    if kept.get("id") == kept["path"]:
        del kept["id"]
    for key in ("isModifier", "isSummary", "mustSupport"):
        if kept.get(key) is False:
            del kept[key]
    if "slicing" in kept:
        kept["slicing"] = {key: value for key, value in node["slicing"].items() if key != "description"}
    if "type" in node:
        kept["type"] = [_type(entry) for entry in node["type"]]
    if "binding" in node:
        kept["binding"] = _binding(node["binding"])
    if "constraint" in node:
        kept["constraint"] = [_constraint(entry) for entry in node["constraint"]]
    return kept


def _without_prose(node: Any, prose: frozenset[str]) -> Any:
    if isinstance(node, dict):
        return {key: _without_prose(value, prose) for key, value in node.items() if key not in prose}
    if isinstance(node, list):
        return [_without_prose(value, prose) for value in node]
    return node


def compact(resource: Resource) -> Resource:
    """The resource without prose; a StructureDefinition keeps its snapshot, or its differential if it has none."""
    kept: Resource = {key: resource[key] for key in KEPT[resource["resourceType"]] if key in resource}
    if resource["resourceType"] != "StructureDefinition":
        prose = PROSE | {"definition"} if resource["resourceType"] == "CodeSystem" else PROSE
        result: Resource = _without_prose(kept, prose)
        return result
    view = "snapshot" if "snapshot" in resource else "differential"
    return kept | {view: {"element": [compact_element(node) for node in resource[view]["element"]]}}


def _package_resources(package: Path) -> Iterator[Resource]:
    with tarfile.open(package) as archive:
        for member in archive:
            folder, _, name = member.name.rpartition("/")
            stream = archive.extractfile(member) if name.endswith(".json") and folder == "package" else None
            if stream is None:
                continue
            resource = json.load(stream)
            if isinstance(resource, dict) and resource.get("resourceType") in KEPT:
                yield resource


def _is_wanted(resource: Resource) -> bool:
    """Logical models describe nothing that can be exchanged; example parameters would replace real ones."""
    if resource["resourceType"] == "SearchParameter":
        return not resource["id"].startswith("example")
    return resource.get("kind") != "logical"


def _archive_of(resource: Resource) -> tuple[str, int]:
    is_extension = resource.get("type") == "Extension" and resource.get("derivation") == "constraint"
    return ARCHIVES["Extension" if is_extension else resource["resourceType"]]


def _is_resource_type(resource: Resource) -> bool:
    return resource.get("kind") == "resource" and not resource["abstract"] and resource["derivation"] != "constraint"


def write(resources: Iterable[Resource], root: Path) -> None:
    """Writes the archives of `resources`, and the list of resource types, under the checkout `root`."""
    piles: dict[tuple[str, int], list[Resource]] = defaultdict(list)
    types = []
    for resource in resources:
        if _is_wanted(resource):
            piles[_archive_of(resource)].append(compact(resource))
        if resource["resourceType"] == "StructureDefinition" and _is_resource_type(resource):
            types.append(resource["type"])
    for (path, entries), pile in sorted(piles.items()):
        write_archive(root / path, pile, entries)
    _write_json(root / "profiles/r4/types.json", sorted(types))


def _write_json(path: Path, tree: Any) -> None:
    path.write_text(json.dumps(tree, indent=1) + "\n", encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Compacts the package named by the first argument into the checkout named by the second (default: here)."""
    if len(arguments) not in (1, 2):
        sys.stderr.write((__doc__ or "") + "\n")
        return 2
    package, root = Path(arguments[0]), Path(arguments[1] if len(arguments) == 2 else ".")
    write(_package_resources(package), root)
    origin = {
        "package": "hl7.fhir.r4.core",
        "version": "4.0.1",
        "url": "http://hl7.org/fhir/R4",
        "license": "CC0-1.0",
        "sha256": hashlib.sha256(package.read_bytes()).hexdigest(),
        "made-by": "python -m gateway.definitions.compact",
        "archives": sorted({path for path, _ in ARCHIVES.values()}),
    }
    _write_json(root / "profiles/r4/ORIGIN.json", origin)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
