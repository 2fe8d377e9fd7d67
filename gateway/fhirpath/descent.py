"""Ways down a tree whose types are known: all children of an item, and the few descendants that are sought.

See https://hl7.org/fhirpath/N1/#tree-navigation.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from gateway.fhirpath.errors import Fault
from gateway.fhirpath.model import Branch, Model
from gateway.fhirpath.runtime import MAX_WALK, listed, pair
from gateway.fhirpath.types import is_exactly, type_of
from gateway.fhirpath.values.items import Element, raw

_RESOURCE: Final = "Resource"


@dataclass(frozen=True, slots=True)
class Sought:
    """Descendants to find: items of one of `types` exactly, and the elements of one of `names` below descendants."""

    types: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()

    def joined(self, other: "Sought") -> "Sought":
        """What either seeks."""
        return Sought(self.types | other.types, self.names | other.names)


def _type(item: Any) -> str:
    """The type whose elements an item has: a resource's own, even where the model says Resource."""
    found = type_of(item)
    if found in ("Resource", "DomainResource"):
        return str(raw(item).get("resourceType", found))
    return found


def typed_children(item: Any, model: Model) -> Iterator[Any]:
    """All elements directly below an item in the order of the data, as Elements with their types."""
    tree = raw(item)
    if item.__class__ is Element and item.extra is not None:
        yield from typed_children(Element(item.extra, "Element"), model)
    if tree.__class__ is not dict:
        return
    branches = model.branches(_type(item))
    for key, value in tree.items():
        branch = branches.get(key)
        if branch is not None:
            yield from _items(tree, key, value, branch)


def _items(tree: Mapping[str, Any], key: str, value: Any, branch: Branch) -> Sequence[Any]:
    """The items of one member of a tree; the twin of a primitive that is there gives none of its own."""
    if branch.is_twin:
        return [] if key[1:] in tree else pair(None, value, branch.type, typed=True)
    if branch.is_primitive:
        return pair(value, tree.get(f"_{key}"), branch.type, typed=True)
    found = [part for part in listed(value) if part is not None]
    return found if branch.is_resource else [Element(part, branch.type) for part in found]


Way: TypeAlias = dict[str, tuple[str, Branch | None]]
"""JSON key -> the type to go on with (empty: not further), and the branch where it is sought itself."""


class Search:
    """Finds what is sought below items; remembers for each type where to look."""

    def __init__(self, sought: Sought, model: Model) -> None:
        self._sought = sought
        self._model = model
        self._ways: dict[str, Way] = {}
        self._first: dict[str, Way] = {}

    def __call__(self, items: Sequence[Any]) -> list[Any]:
        """What is found below the items, nearer ones first; raises `Fault` for more than anybody may walk."""
        found: list[Any] = []
        todo: list[tuple[Any, str]] = []
        for item in items:
            self._start(item, found, todo)
        ways = self._ways
        for tree, type_name in todo:
            if len(todo) > MAX_WALK:
                raise Fault("fhirpath.budget")
            if type_name == _RESOURCE:
                type_name = str(tree.get("resourceType", ""))
            way = ways.get(type_name)
            if way is None:
                way = ways[type_name] = self._way(type_name, self._sought.names)
            _look(tree, way, found, todo)
        return found

    def _start(self, item: Any, found: list[Any], todo: list[tuple[Any, str]]) -> None:
        """The start itself is no descendant: of its elements only the types count."""
        if item.__class__ is Element and item.extra is not None:
            self._start(Element(item.extra, "Element"), found, todo)
        tree = raw(item)
        if tree.__class__ is not dict:
            return
        type_name = _type(item)
        way = self._first.get(type_name)
        if way is None:
            way = self._first[type_name] = self._way(type_name, frozenset())
        _look(tree, way, found, todo)

    def _way(self, type_name: str, names: frozenset[str]) -> Way:
        way: Way = {}
        for key, branch in self._model.branches(type_name).items():
            wanted = branch.name in names or (
                bool(self._sought.types) and is_exactly(branch.type, self._sought.types, self._model)
            )
            further = branch.type
            if branch.is_resource:
                further = _RESOURCE
            elif branch.is_primitive:
                further = "Element" if branch.is_twin else ""
            if wanted or further:
                way[key] = (further, branch if wanted else None)
        return way


def _look(tree: Mapping[str, Any], way: Way, found: list[Any], todo: list[tuple[Any, str]]) -> None:
    """Takes from one tree what is sought and notes what is below it."""
    for key, value in tree.items():
        entry = way.get(key)
        if entry is None:
            continue
        further, branch = entry
        if branch is not None:
            found.extend(_items(tree, key, value, branch))
        if not further:
            continue
        if value.__class__ is dict:
            todo.append((value, further))
        elif value.__class__ is list:
            for part in value:
                if part.__class__ is dict:
                    todo.append((part, further))  # noqa: PERF401 - a generator costs more than it saves here
