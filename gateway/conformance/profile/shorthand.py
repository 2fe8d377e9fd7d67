"""`valueQuantity` in a differential: a short way to slice `value[x]` by the type Quantity.

See https://hl7.org/fhir/R4/profiling.html#slicing.
"""

from collections.abc import Iterable
from dataclasses import replace

from gateway.conformance.base.types import json_name
from gateway.conformance.profile.slicing import BY_TYPE
from gateway.definitions import Element, ElementNode, TypeRef
from gateway.definitions.element_tree import blank


def shorthand(name: str, known: Iterable[Element]) -> tuple[Element, str] | None:
    """`valueQuantity` as a differential may say for `value[x]` of type Quantity."""
    for element in known:
        if element.is_choice and name.startswith(element.name[:-3]):
            for entry in element.types:
                if json_name(element, entry.code) == name:
                    return element, entry.code
    return None


def as_slice(node: ElementNode, base: Element, code: str, *, alone: bool) -> ElementNode:
    """The choice element with the shorthand as its one slice by type.

    Where it is `alone` all that a differential says of the choice, no other type is left.
    """
    types = node.element.types or (TypeRef(code),)
    part = ElementNode(replace(node.element, types=types, slice_name=node.element.name), node.children, node.slices)
    left = (TypeRef(code),) if alone else ()
    return ElementNode(replace(blank(base.path), slicing=BY_TYPE, types=left), {}, {node.element.name: part})
