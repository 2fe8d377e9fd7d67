"""Snapshots: a profile's differential written out over the snapshot of its base.

Data types that the differential looks into are unfolded, with the profile of the type where one is stated; slices
begin as the element that they are slices of. See https://hl7.org/fhir/R4/profiling.html#snapshot.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.core import Resource
from gateway.definitions.element import PREFIX, SYSTEM_TYPE

Find = Callable[[str], Resource | None]
Definition = Mapping[str, Any]
"""An ElementDefinition as JSON has it."""

MAX_BASES = 20
"""How many profiles may stand between a profile and its type; a longer chain is a circle."""

ADDED_UP = ("constraint", "mapping", "condition")
"""Parts of an element that a differential adds to, where other parts replace what the base says."""

BY_TYPE: Definition = {"discriminator": [{"type": "type", "path": "$this"}], "ordered": False, "rules": "open"}
ONE_TYPE: Definition = {**BY_TYPE, "rules": "closed"}
BY_URL: Definition = {"discriminator": [{"type": "value", "path": "url"}], "ordered": False, "rules": "open"}


@dataclass(slots=True)
class Node:
    """An element, what is below it by name, and its slices by name."""

    definition: dict[str, Any]
    children: dict[str, "Node"] = field(default_factory=dict)
    slices: dict[str, "Node"] = field(default_factory=dict)


def with_snapshot(profile: Resource, find: Find) -> Resource | None:
    """The StructureDefinition with its snapshot, made from the differential; None when that cannot be.

    `find` gives definitions by canonical URL. There is no snapshot where a base is not known or is itself, or where
    paths have thousands of steps. What is not shaped as a StructureDefinition raises KeyError, TypeError, ValueError
    or AttributeError.
    """
    try:
        tree = _tree_of(profile, find, 0)
        elements = list(_written(tree, str(tree.definition["path"]))) if tree is not None else None
    except RecursionError:
        return None
    return {**profile, "snapshot": {"element": elements}} if elements is not None else None


def _tree_of(profile: Resource, find: Find, depth: int) -> Node | None:
    base = find(str(profile.get("baseDefinition", "")))
    if base is None or depth > MAX_BASES:
        return None
    elements = base.get("snapshot", {}).get("element")
    below = _read(elements) if elements else _tree_of(base, find, depth + 1)
    stated = _read(profile.get("differential", {}).get("element", ()))
    if below is None or stated is None:
        return below
    return _Overlay(find, below).merged(below, stated)


def _read(elements: Sequence[Definition]) -> Node | None:
    """The tree of a list of elements; parents that are not listed say nothing."""
    if not elements:
        return None
    root = Node({"path": str(elements[0]["path"]).partition(".")[0]})
    latest: dict[str, Node] = {root.definition["path"]: root}
    below: dict[str, list[str]] = {}
    for element in elements:
        path = str(element["path"])
        if path in latest and "." not in path:
            root.definition = dict(element)
            continue
        parent = _parent(latest, below, path)
        name = path.rpartition(".")[2]
        slice_name = element.get("sliceName")
        if slice_name is not None:
            generic = parent.children.setdefault(name, Node({"path": path}))
            node = generic.slices.setdefault(slice_name, Node({"path": path}))
        else:
            node = parent.children.setdefault(name, Node({"path": path}))
        node.definition = dict(element)
        _forget_below(latest, below, path)
        latest[path] = node
        below.setdefault(path.rpartition(".")[0], []).append(path)
    return root


def _forget_below(latest: dict[str, Node], below: dict[str, list[str]], path: str) -> None:
    """Another slice begins: what was below the last one is not where the next elements belong."""
    open_paths = [path]
    while open_paths:
        for inner in below.pop(open_paths.pop(), ()):
            latest.pop(inner, None)
            open_paths.append(inner)


def _parent(latest: dict[str, Node], below: dict[str, list[str]], path: str) -> Node:
    above, dot, _ = path.rpartition(".")
    if above not in latest:
        node = Node({"path": above})
        if dot:
            holder, _, name = above.rpartition(".")
            node = _parent(latest, below, above).children.setdefault(name, node)
            below.setdefault(holder, []).append(above)
        latest[above] = node
    return latest[above]


@dataclass(frozen=True, slots=True)
class _Overlay:
    """Lays the tree of a differential over that of its base, `whole`."""

    find: Find
    whole: Node

    def merged(self, base: Node, stated: Node) -> Node:
        """The base's node with what is stated in place of what it says."""
        result = Node(_merged(base.definition, stated.definition), dict(base.children), dict(base.slices))
        if stated.children:
            result.children = dict(base.children or self._unfolded(result.definition))
        alone = self._alone(result.children, stated.children)
        for name, child in stated.children.items():
            self._add(result.children, name, child, alone=name in alone, inside="sliceName" in result.definition)
        for name, part in stated.slices.items():
            known = base.slices.get(name)
            if known is None:
                result.definition.setdefault("slicing", BY_TYPE if _is_choice(result) else BY_URL)
                known = Node(_as_slice(result.definition), dict(base.children) if part.children else {})
            result.slices[name] = self.merged(known, part)
        return result

    def _alone(self, children: Mapping[str, Node], stated: Mapping[str, Node]) -> set[str]:
        """The short names (`valueQuantity`) that are all that is stated of their choice: it has that type alone."""
        short = {
            name: known
            for name in stated
            for known, node in children.items()
            if name not in children and _code_of(node.definition, known, name) is not None
        }
        return {
            name for name, known in short.items() if list(short.values()).count(known) == 1 and known not in stated
        }

    def _add(self, children: dict[str, Node], name: str, child: Node, *, alone: bool, inside: bool) -> None:
        if name in children:
            children[name] = self.merged(children[name], child)
            return
        for known, node in list(children.items()):
            code = _code_of(node.definition, known, name)
            if code is None:
                continue
            part = Node({"type": [{"code": code}], **child.definition}, child.children)
            if alone and inside:
                children[known] = self.merged(node, part)
                return
            part.definition["sliceName"] = name
            only = {"type": [{"code": code}], "slicing": ONE_TYPE} if alone else {}
            children[known] = self.merged(node, Node(dict(only), slices={name: part}))
            return

    def _unfolded(self, definition: Definition) -> dict[str, Node]:
        """What is below an element by its type, the type's profile, or what it refers to."""
        reference = definition.get("contentReference")
        if reference is not None:
            found: Node | None = self.whole
            for step in str(reference).rpartition("#")[2].split(".")[1:]:
                found = found.children.get(step) if found is not None else None
            return found.children if found is not None else {}
        types = definition.get("type", ())
        if len(types) != 1:
            return {}
        code = str(types[0].get("code", ""))
        profiles = types[0].get("profile", ())
        structure = self.find(profiles[0]) if profiles else None
        structure = structure or self.find(code if code.startswith("http") else PREFIX + code)
        if structure is None or code.startswith(SYSTEM_TYPE):
            return {}
        elements = structure.get("snapshot", {}).get("element")
        tree = _read(elements) if elements else _tree_of(structure, self.find, 1)
        return tree.children if tree is not None else {}


def _is_choice(node: Node) -> bool:
    return str(node.definition.get("path", "")).endswith("[x]")


def _code_of(definition: Definition, name: str, stated: str) -> str | None:
    """The type that a short name (`valueQuantity`) of a choice (`value[x]`) stands for; None when it is not one."""
    if not name.endswith("[x]") or not stated.startswith(name[:-3]):
        return None
    suffix = stated[len(name) - 3 :]
    codes = [str(entry.get("code", "")) for entry in definition.get("type", ())]
    return next((code for code in codes if code[:1].upper() + code[1:] == suffix), None)


def _merged(base: Definition, stated: Definition) -> dict[str, Any]:
    result = {**base, **{name: value for name, value in stated.items() if name not in ADDED_UP}}
    for name in ADDED_UP:
        known = [entry.get("key") if isinstance(entry, dict) else entry for entry in stated.get(name, ())]
        kept = [
            entry
            for entry in base.get(name, ())
            if name == "mapping" or (entry.get("key") if isinstance(entry, dict) else entry) not in known
        ]
        if kept or known:
            result[name] = [*kept, *stated.get(name, ())]
    return result


def _as_slice(definition: Definition) -> dict[str, Any]:
    """What a slice takes from the element that it is a slice of; how often is for the slice itself to say."""
    return {name: value for name, value in definition.items() if name not in ("slicing", "sliceName")} | {"min": 0}


def _written(node: Node, path: str, identifier: str = "") -> Iterator[dict[str, Any]]:
    """The elements of a tree in the order of a snapshot, with paths and ids of their place."""
    own = identifier or path
    yield {"id": own, "path": path, **{k: v for k, v in node.definition.items() if k not in ("id", "path")}}
    for name, child in node.children.items():
        yield from _written(child, f"{path}.{name}", f"{own}.{name}")
    for name, part in node.slices.items():
        yield from _written(part, path, f"{own}:{name}")
