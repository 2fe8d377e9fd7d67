"""Elements as a tree with their slices, and differentials laid over the tree of their base.

A snapshot in FHIR is a flat list; what a compiler needs is the tree. Laying a differential over its base's tree gives
what the snapshot of the profile says, without unfolding data types that the profile does not touch.
See https://hl7.org/fhir/R4/profiling.html#snapshot.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from gateway.definitions.element import Element


@dataclass(slots=True)
class ElementNode:
    """An element, the elements below it by name (`value[x]` for a choice), and its slices by name."""

    element: Element
    children: dict[str, "ElementNode"] = field(default_factory=dict)
    slices: dict[str, "ElementNode"] = field(default_factory=dict)

    def walk(self) -> Iterator["ElementNode"]:
        """This node and all below it, slices after children."""
        open_nodes = [self]
        while open_nodes:
            node = open_nodes.pop()
            yield node
            open_nodes.extend((*node.slices.values(), *reversed(node.children.values())))


def build_tree(elements: Sequence[Element]) -> ElementNode | None:
    """The tree of a snapshot's or differential's elements, None for an empty list.

    Only paths and slice names are used: published differentials often lack ids. An element whose parents are not
    listed gets parents that say nothing.
    """
    if not elements:
        return None
    root_path = elements[0].path.partition(".")[0]
    root = ElementNode(blank(root_path))
    latest: dict[str, ElementNode] = {root_path: root}
    for element in elements:
        if "." not in element.path:
            root.element = element
            continue
        parent_path, _, name = element.path.rpartition(".")
        parent = _ensure(latest, parent_path)
        node = parent.children.get(name)
        if element.slice_name is not None:
            generic = node if node is not None else parent.children.setdefault(name, ElementNode(blank(element.path)))
            node = generic.slices.setdefault(element.slice_name, ElementNode(element))
        elif node is None:
            node = parent.children[name] = ElementNode(element)
        node.element = element
        _forget_below(latest, element.path)
        latest[element.path] = node
    return root


def blank(path: str) -> Element:
    """An element that says nothing."""
    return Element(path=path, id=path, min=-1, max=-1)


def _ensure(latest: dict[str, ElementNode], path: str) -> ElementNode:
    if path not in latest:
        parent_path, dot, name = path.rpartition(".")
        if not dot:
            # An element of a foreign root: a fault of the file, kept apart from the tree.
            latest[path] = ElementNode(blank(path))
        else:
            parent = _ensure(latest, parent_path)
            latest[path] = parent.children.setdefault(name, ElementNode(blank(path)))
    return latest[path]


def _forget_below(latest: dict[str, ElementNode], path: str) -> None:
    prefix = path + "."
    for known in [known for known in latest if known.startswith(prefix)]:
        del latest[known]


def overlay(base: ElementNode, differential: ElementNode) -> ElementNode:
    """The base's tree with the differential's statements laid over it; neither is changed."""
    result = ElementNode(overlay_element(base.element, differential.element), dict(base.children), dict(base.slices))
    for name, child in differential.children.items():
        below = base.children.get(name)
        result.children[name] = overlay(below, child) if below is not None else child
    for name, part in differential.slices.items():
        known = base.slices.get(name)
        result.slices[name] = overlay(known, part) if known is not None else _new_slice(result.element, part)
    return result


def _new_slice(generic: Element, part: ElementNode) -> ElementNode:
    """A new slice takes what the unsliced element says; that alone is required which the slice requires itself."""
    inherited = replace(generic, slicing=None, min=0, constraints=())
    return ElementNode(overlay_element(inherited, part.element), part.children, part.slices)


def overlay_element(base: Element, stated: Element) -> Element:
    """The base's element with what `stated` says in place of what it says; constraints add up by key."""
    keys = {entry.key for entry in stated.constraints}
    inherited = tuple(entry for entry in base.constraints if entry.key not in keys)
    return Element(
        path=stated.path,
        id=stated.id,
        min=stated.min if stated.min >= 0 else base.min,
        max=stated.max if stated.max != -1 else base.max,
        types=stated.types or base.types,
        slice_name=stated.slice_name,
        content_reference=stated.content_reference or base.content_reference,
        fixed=stated.fixed if stated.fixed is not None else base.fixed,
        pattern=stated.pattern if stated.pattern is not None else base.pattern,
        binding=stated.binding or base.binding,
        constraints=inherited + stated.constraints,
        slicing=stated.slicing or base.slicing,
        minimum=stated.minimum or base.minimum,
        maximum=stated.maximum or base.maximum,
        max_length=stated.max_length if stated.max_length is not None else base.max_length,
        is_modifier=stated.is_modifier or base.is_modifier,
        is_summary=stated.is_summary or base.is_summary,
        must_support=stated.must_support or base.must_support,
    )
