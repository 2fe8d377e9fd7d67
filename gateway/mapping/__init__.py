"""The mapping language: YAML files that read like the resources they make, checked and compiled.

`MappingRegistry.load(roots, definitions)` reads the folders and raises every fault of every file at once;
`registry.find(ids, tree)` takes the mapping of a payload, `registry.parts(ids, decoded)` all that read one;
`mapping.map(decoded, facts)` judges it by its schema, record by record where it must, and gives units of resources,
one a participant; `mapping.apply(tree, facts)` does not judge. A file becomes a typed plan (`load`, `plan`), which
`walk` defines the meaning of and `generate` makes fast functions from. Pure after load. The language is in
docs/reference/mapping-language.md.
"""

from gateway.mapping.facts import Facts, Mapped, MappedUnit, Step, Subject
from gateway.mapping.mapping import Mapping
from gateway.mapping.parts import Part, held, part_of
from gateway.mapping.registry import MappingRegistry

__all__ = [
    "Facts",
    "Mapped",
    "MappedUnit",
    "Mapping",
    "MappingRegistry",
    "Part",
    "Step",
    "Subject",
    "held",
    "part_of",
]
