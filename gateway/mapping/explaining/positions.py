"""Where things are in the payload: nodes back to pointers, pointers to native positions; built only when asked."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from msgspec import Struct

from gateway.formats import Pointer
from gateway.mapping.plan import Formula

MAX_POSITIONS = 10
"""How many positions of one formula are named."""


_NODES = (dict, list)
_SEARCHES = 2
"""How often a node is searched for before all of them are indexed."""


class Positions(Struct, eq=False):
    """Locates the nodes of one payload. Nodes are told apart by identity, so only objects and lists have a place."""

    _tree: Any
    _locate: Callable[[Pointer], str]
    _pointers: dict[int, Pointer] | None = None
    _asked: int = 0

    def pointer(self, node: Any) -> Pointer | None:
        """The pointer of an object or list of the payload; None for anything else."""
        if node is self._tree:
            return ()
        if not isinstance(node, dict | list):
            return None
        self._asked += 1
        if self._pointers is None and self._asked <= _SEARCHES:
            return _search(self._tree, node)
        if self._pointers is None:
            self._pointers = {id(found): pointer for pointer, found in _nodes(self._tree)}
        return self._pointers.get(id(node))

    def at_path(self, node: Any, path: tuple[str, ...]) -> str:
        """The native position of a node that stands at a path of names, or else anywhere in the payload."""
        self._asked += 1
        is_node = isinstance(node, dict | list) and node is not self._tree
        if is_node and self._pointers is None and self._asked <= _SEARCHES:
            found = _along(self._tree, node, path, ())
            if found is not None:
                return self._locate(found)
        return self.of_node(node)

    def of_node(self, *candidates: Any) -> str:
        """The native position of the first candidate that is a node of the payload; that of the payload otherwise."""
        for node in candidates:
            pointer = self.pointer(node)
            if pointer is not None:
                return self._locate(pointer)
        return self._locate(())

    def of_formula(self, formula: Formula, roots: Mapping[str, Any]) -> tuple[str, ...]:
        """The native positions of what the formula reads; `roots` are the nodes that its paths start at."""
        found: list[str] = []
        for source in formula.sources:
            start = roots.get(source.root)
            pointer = self.pointer(start)
            if pointer is not None:
                found += [self._locate(place) for place in _follow(pointer, start, source.names)]
        return tuple(dict.fromkeys(found))[:MAX_POSITIONS]

    def of_members(self, formula: Formula, members: Sequence[Any], payload: Any) -> tuple[str, ...]:
        """The native positions of what the formula reads of the first members of a run, and of the last."""
        shown = members if len(members) <= MAX_POSITIONS else [*members[: MAX_POSITIONS - 1], members[-1]]
        roots = ({"payload": payload, "focus": member, "item": member, "record": member} for member in shown)
        found = (self.of_formula(formula, one)[:1] for one in roots)
        return tuple(dict.fromkeys(place for places in found for place in places))

    def first(self, formula: Formula, roots: Mapping[str, Any]) -> str:
        """The position to show with an issue of the formula: its first path, else the focus, else the record."""
        found = self.of_formula(formula, roots)
        return found[0] if found else self.of_node(roots.get("focus"), roots.get("item"), roots.get("record"))


def _nodes(tree: Any) -> Iterator[tuple[Pointer, Any]]:
    """Every object and list with its pointer, level by level."""
    level: list[tuple[Pointer, Any]] = [((), tree)] if isinstance(tree, dict | list) else []
    while level:
        yield from level
        level = [
            ((*pointer, key), child)
            for pointer, node in level
            for key, child in (node.items() if isinstance(node, dict) else enumerate(node))
            if isinstance(child, dict | list)
        ]


def _along(node: Any, wanted: Any, path: tuple[str, ...], pointer: Pointer) -> Pointer | None:
    """The pointer of a node at the end of a path of names; None when it is not there."""
    for number, name in enumerate((*path, "")):
        if node.__class__ is list:
            if len(node) != 1:
                return _among(node, wanted, path[number:], pointer)
            node, pointer = node[0], (*pointer, 0)
        if not name:
            break
        if node.__class__ is not dict or name not in node:
            return None
        node, pointer = node[name], (*pointer, name)
    return pointer if node is wanted else None


def _among(nodes: list[Any], wanted: Any, path: tuple[str, ...], pointer: Pointer) -> Pointer | None:
    for index, child in enumerate(nodes):
        found = None if child.__class__ is list else _along(child, wanted, path, (*pointer, index))
        if found is not None:
            return found
    return None


def _search(tree: Any, wanted: Any) -> Pointer | None:
    """The pointer of a node, the one nearest to the root first; the levels above it alone are looked through."""
    level = [tree] if isinstance(tree, dict | list) else []
    above: list[list[Any]] = []
    sought = id(wanted)
    while level and sought not in map(id, level):
        above.append(level)
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, _NODES)
        ]
    pointer: Pointer = ()
    for nodes in reversed(above if level else []):
        parent, key = next(
            (node, key)
            for node in nodes
            for key, child in (node.items() if isinstance(node, dict) else enumerate(node))
            if child is wanted
        )
        pointer, wanted = (key, *pointer), parent
    return pointer if level else None


def _follow(pointer: Pointer, node: Any, names: tuple[str, ...]) -> list[Pointer]:
    """The pointers that the names lead to; where nothing is there, that of the first place that lacks the name."""
    places = [(pointer, node)]
    for name in names:
        flat = (place for start in places for place in _items(*start))
        having = (((*place, name), child[name]) for place, child in flat if isinstance(child, dict) and name in child)
        found = list(islice(having, MAX_POSITIONS))
        if not found:
            first = next((place for start in places for place in _items(*start)), None)
            return [(*first[0], name)] if first and isinstance(first[1], dict) else [places[0][0]]
        places = found
    return [place for place, _ in places]


def _items(pointer: Pointer, node: Any) -> Iterator[tuple[Pointer, Any]]:
    if not isinstance(node, list):
        yield pointer, node
        return
    for index, child in enumerate(node):
        yield from _items((*pointer, index), child)
