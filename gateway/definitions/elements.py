"""The elements of one structure, each read when it is first asked for: of a large type only few are used at once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, overload

from gateway.definitions.element import Element, TypeRef, read_element


class Elements(Sequence[Element]):
    """The elements in the order of the specification; an element is made once and kept.

    What is made from the same definition by two threads at a time is equal. Asking raises what `read_element` raises
    for an ElementDefinition that is none.
    """

    __slots__ = ("_below", "_made", "_nodes", "_of_resource")

    def __init__(self, nodes: Sequence[Mapping[str, Any]], *, of_resource: bool) -> None:
        self._nodes = nodes
        self._of_resource = of_resource
        self._made: list[Element | None] = [None] * len(nodes)
        self._below: dict[str, list[int]] | None = None

    def __len__(self) -> int:
        return len(self._nodes)

    @overload
    def __getitem__(self, index: int) -> Element: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Element]: ...
    def __getitem__(self, index: int | slice) -> Element | Sequence[Element]:
        if isinstance(index, slice):
            return tuple(self._at(position) for position in range(*index.indices(len(self._nodes))))
        return self._at(index)

    def __iter__(self) -> Iterator[Element]:
        return map(self._at, range(len(self._nodes)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Elements) and self._nodes == other._nodes

    def __hash__(self) -> int:
        return hash(tuple(node["path"] for node in self._nodes))

    def below(self, path: str) -> dict[str, Element]:
        """Name -> element, directly below a path, slices apart; empty where there is nothing."""
        if self._below is None:
            known: dict[str, list[int]] = {}
            for position, node in enumerate(self._nodes):
                if "sliceName" not in node:
                    known.setdefault(node["path"].rpartition(".")[0], []).append(position)
            self._below = known
        found = [self._at(position) for position in self._below.get(path, ())]
        return {element.name: element for element in found}

    def reference(self, path: str) -> str | None:
        """The content reference of the first element at a path that has one."""
        for node in self._nodes:
            if node["path"] == path and node.get("contentReference"):
                return str(node["contentReference"])
        return None

    def _at(self, index: int) -> Element:
        made = self._made[index]
        if made is None:
            made = self._made[index] = self._read(index)
        return made

    def _read(self, index: int) -> Element:
        element = read_element(self._nodes[index])
        return _resource_id(element) if self._of_resource else element


def _resource_id(element: Element) -> Element:
    """R4 gives the id of resources the type string by mistake; its own text, and R5, say id."""
    is_id = (
        element.path.endswith(".id")
        and element.path.count(".") == 1
        and [entry.code for entry in element.types] == ["string"]
    )
    return replace(element, types=(TypeRef("id"),)) if is_id else element
