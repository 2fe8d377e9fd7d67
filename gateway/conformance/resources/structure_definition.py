"""A StructureDefinition that constrains a type: whether its elements can mean what they say.

See https://hl7.org/fhir/R4/profiling.html and https://hl7.org/fhir/R4/elementdefinition.html#interpretation.
"""

from collections.abc import Iterator
from typing import Any

from gateway.conformance.profile.element_paths import ElementPaths, Place
from gateway.conformance.resources.expressions import check_expression
from gateway.conformance.run import Location, Run
from gateway.core import Resource
from gateway.definitions import Definitions
from gateway.definitions.element import MALFORMED_ELEMENT, read_element

BINDABLE = frozenset({"code", "Coding", "CodeableConcept", "Quantity", "string", "uri", "Extension", "canonical"})
"""Types that may have a binding, see https://hl7.org/fhir/R4/terminologies.html#4.1.2."""

SLICED_ANYHOW = ("extension", "modifierExtension")


class StructureDefinitions:
    """Checks profiles against the base types of the definitions."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._paths = ElementPaths(definitions)

    def check(self, profile: Resource, at: Location, run: Run) -> None:
        """Reports what the elements of a constraint's differential cannot mean; a snapshot where there is none."""
        kind = profile.get("type")
        root = self._paths.root(kind) if isinstance(kind, str) and profile.get("derivation") == "constraint" else None
        view = "differential" if "differential" in profile else "snapshot"
        sliced = set(self._sliced(profile, view)) if root is not None else set()
        for place, node in _elements(profile, view, at):
            for number, constraint in enumerate(_objects(node.get("constraint"))):
                where = (((place, "constraint", number)), "expression", -1)
                check_expression(constraint.get("expression"), where, run)
            path = node.get("path")
            if root is not None and isinstance(path, str):
                self._element(node, path, place, run, sliced)

    def _element(self, node: dict[str, Any], path: str, at: Location, run: Run, sliced: set[str]) -> None:
        found = self._paths.at(path)
        if found is None:
            run.report("conformance.definition-path", at)
            return
        if found.anything:
            return
        self._check_types(node, found, at, run)
        if "sliceName" not in node:
            _check_limits(node, found, at, run)
        elif path not in sliced and _repeats(found) and not path.endswith(SLICED_ANYHOW):
            run.report("conformance.definition-slicing", at)
        slicing = node.get("slicing")
        stated = slicing.get("discriminator") if isinstance(slicing, dict) else None
        for number, discriminator in enumerate(_objects(stated)):
            where = discriminator.get("path")
            if isinstance(where, str) and not self._paths.discriminator(found, where):
                run.report("conformance.definition-discriminator", ((at, "slicing", -1), "discriminator", number))

    def _check_types(self, node: dict[str, Any], found: Place, at: Location, run: Run) -> None:
        try:
            element = read_element(node)
        except MALFORMED_ELEMENT:
            return  # told by its structure
        stated = {entry.code for entry in element.types}
        subtype = self._definitions.is_subtype
        if found.codes and any(
            code not in found.codes and not any(subtype(code, known) for known in found.codes) for code in stated
        ):
            run.report("conformance.definition-type", at)
            return
        codes = stated or found.codes
        if element.binding is not None and codes and not codes & BINDABLE:
            run.report("conformance.definition-binding", at)
        for name in node:
            for prefix in ("fixed", "pattern"):
                if name.startswith(prefix) and codes and not _is_of(name.removeprefix(prefix), codes):
                    run.report("conformance.definition-value-type", at)

    def _sliced(self, profile: Resource, view: str) -> Iterator[str]:
        """The paths that are sliced, here or in the base."""
        for _, node in _elements(profile, view, (None, "", -1)):
            if "slicing" in node and isinstance(node.get("path"), str):
                yield node["path"]
        base = profile.get("baseDefinition")
        tree = self._definitions.tree(base) if isinstance(base, str) else None
        for inner in tree.walk() if tree is not None else ():
            if inner.element.slicing is not None:
                yield inner.element.path


def _check_limits(node: dict[str, Any], found: Place, at: Location, run: Run) -> None:
    """An element may be required more, and repeat less, than its base; never the other way."""
    lows = [element.min for element in found.elements]
    highs = [element.max for element in found.elements if element.max is not None]
    bounded = len(highs) == len(found.elements)
    low, high = node.get("min"), node.get("max")
    too_low = isinstance(low, int) and not isinstance(low, bool) and low < min(lows, default=0)
    wide = isinstance(high, str) and bounded and (high == "*" or _number(high) > max(highs, default=0))
    if "." in str(node["path"]) and (too_low or wide):
        run.report("conformance.definition-cardinality", at)


def _repeats(found: Place) -> bool:
    return any(element.max != 1 for element in found.elements)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _is_of(suffix: str, codes: frozenset[str] | set[str]) -> bool:
    return any(code[:1].upper() + code[1:] == suffix for code in codes) or suffix == ""


def _elements(profile: Resource, view: str, at: Location) -> Iterator[tuple[Location, dict[str, Any]]]:
    holder = profile.get(view)
    nodes = holder.get("element") if isinstance(holder, dict) else None
    for number, node in enumerate(nodes if isinstance(nodes, list) else ()):
        if isinstance(node, dict):
            yield ((at, view, -1), "element", number), node


def _objects(nodes: Any) -> list[dict[str, Any]]:
    return [node for node in nodes if isinstance(node, dict)] if isinstance(nodes, list) else []
