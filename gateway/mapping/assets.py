"""The files that a mapping was made of, by their hashes: what a Provenance needs to say which tables were used."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Any

from gateway.core import dumps
from gateway.core.ids import sha256
from gateway.mapping.language.load import FILE_NAME, Surroundings
from gateway.mapping.tables import beside, concept_map_file


@dataclass(frozen=True, slots=True)
class Asset:
    """A file, named as the mapping names it, and the SHA-256 of its bytes in hex.

    Of a ConceptMap that is named by its URL, of its JSON.
    """

    name: str
    sha256: str


def assets_of(head: Mapping[str, Any], folder: Traversable, around: Surroundings) -> tuple[Asset, ...]:
    """The mapping file of a folder that has no faults, then its payload schema, ConceptMaps and look-up tables."""
    schema = head["source"].get("schema")
    names = [FILE_NAME, *([schema] if schema else ()), *(entry["csv"] for entry in head.get("lookups", {}).values())]
    found = [Asset(name, sha256(beside(folder, name).read_bytes())) for name in names]
    for location in head.get("conceptmaps", {}).values():
        if ":" in location:
            content = dumps(around.definitions.concept_map(location) or {})
        else:
            content = concept_map_file(location, folder, around.concept_maps).read_bytes()
        found.append(Asset(location, sha256(content)))
    return tuple(dict.fromkeys(found))
