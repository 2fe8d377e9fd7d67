"""The law that the other engines read: FHIR R4 4.0.1 as look-ups, and whatever a study adds to it.

`r4()` is the base; `Definitions.load(folder, ...)` overlays folders of StructureDefinition, SearchParameter,
ValueSet, CodeSystem and ConceptMap JSON. Data are read from compact archives made from the official package by
`python -m gateway.definitions.compact`; each look-up decodes only what it needs.
"""

from gateway.definitions.catalogue import Catalogue
from gateway.definitions.definitions import Definitions, r4
from gateway.definitions.element import Binding, Constraint, Element, TypeRef
from gateway.definitions.element_tree import ElementNode
from gateway.definitions.guide import read_guides
from gateway.definitions.search_parameter import SearchParameter
from gateway.definitions.structure import Structure

__all__ = [
    "Binding",
    "Catalogue",
    "Constraint",
    "Definitions",
    "Element",
    "ElementNode",
    "SearchParameter",
    "Structure",
    "TypeRef",
    "r4",
    "read_guides",
]
