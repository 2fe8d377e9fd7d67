"""A ConceptMap compiled for translation, unmapped modes included.

See https://hl7.org/fhir/R4/conceptmap.html.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.core import Resource
from gateway.terminology.port import Coding

NOT_A_TARGET = frozenset({"unmatched", "disjoint"})


@dataclass(frozen=True, slots=True)
class _Group:
    source: str
    target: str
    elements: Mapping[str, tuple[Coding, ...]]
    unmapped: Mapping[str, Any]


class ConceptMap:
    """Translates codes; `other` finds the map that an unmapped code is passed on to."""

    def __init__(self, resource: Resource, other: Callable[[str], "ConceptMap | None"]) -> None:
        self._groups = tuple(_group(node) for node in resource.get("group", ()))
        self._other = other

    def translate(self, system: str, code: str, passed: frozenset[int] = frozenset()) -> tuple[Coding, ...]:
        """The targets of a code, in the order of the map; those that only say "there is none" are left out."""
        found: list[Coding] = []
        for group in self._groups:
            if group.source in ("", system):
                targets = group.elements.get(code)
                found += targets if targets is not None else self._unmapped(group, system, code, passed)
        return tuple(found)

    def _unmapped(self, group: _Group, system: str, code: str, passed: frozenset[int]) -> tuple[Coding, ...]:
        mode = group.unmapped.get("mode")
        if mode == "provided":
            return (Coding(group.target, code, relation="equal"),)
        if mode == "fixed":
            fixed = Coding(group.target, group.unmapped.get("code", ""), group.unmapped.get("display", ""))
            return (Coding(fixed.system, fixed.code, fixed.display, relation="inexact"),)
        if mode == "other-map" and id(self) not in passed:
            other = self._other(group.unmapped.get("url", ""))
            return other.translate(system, code, passed | {id(self)}) if other is not None else ()
        return ()


def _group(node: Mapping[str, Any]) -> _Group:
    target = node.get("target", "")
    elements = {
        element["code"]: tuple(
            Coding(target, entry["code"], entry.get("display", ""), relation=entry.get("equivalence", "relatedto"))
            for entry in element.get("target", ())
            if "code" in entry and entry.get("equivalence") not in NOT_A_TARGET
        )
        for element in node.get("element", ())
    }
    return _Group(node.get("source", ""), target, elements, node.get("unmapped", {}))
