"""Extensions: known or not, used where their definition allows it, modifiers only where modifiers go.

See https://hl7.org/fhir/R4/extensibility.html and https://hl7.org/fhir/R4/defining-extensions.html#context.
"""

from collections.abc import Callable, Iterator
from typing import Any, Literal

from gateway.conformance.run import Check, Location, Run
from gateway.conformance.values.extension_context import Contexts, holder_of
from gateway.definitions import Definitions, Element, Structure
from gateway.definitions.element import PREFIX

CACHE_LIMIT = 4096

CORRECTED_CONTEXTS = {
    PREFIX + "structuredefinition-fhir-type": ("ElementDefinition.type",),
    PREFIX + "regex": ("ElementDefinition.type",),
    PREFIX + "structuredefinition-normative-version": ("Element",),
    PREFIX + "capabilitystatement-expectation": ("Element",),
}
"""Contexts that R4 itself and its guides use, and that only later versions of these definitions state."""

Policy = Literal["any", "known"]
"""Whether extensions that are not known may be used: `any`, as FHIR asks of readers, or `known` ones only."""


class Extensions:
    """Checks extensions by URL; `profile` gives the check against the extension's own definition."""

    def __init__(
        self,
        definitions: Definitions,
        profile: Callable[[str], Check],
        policy: Policy,
        allowed_prefixes: tuple[str, ...] = (),
    ) -> None:
        self._definitions = definitions
        self._profile = profile
        self._prefixes = ("",) if policy == "any" else allowed_prefixes
        self._allowed: dict[tuple[str, str], bool] = {}
        self._contexts = Contexts()

    def check(self, path: str, element: Element) -> Check:
        """The check of the extensions in `element` (`extension` or `modifierExtension`), whose path is `path`."""
        modifier = element.name == "modifierExtension"

        def check(value: Any, at: Location, run: Run) -> None:
            url = value.get("url") if isinstance(value, dict) else None
            if not isinstance(url, str):
                return
            if ":" not in url:
                self._check_part(url, at, run)
                return
            structure = self._definitions.structure(url)
            if structure is None:
                run.report("conformance.modifier-unknown" if modifier else self._unknown(url), at)
                return
            self._known(structure, url, modifier, value, at, run)
            if not self._is_allowed(structure, at, run) or not self._contexts.hold(structure, value, at, run):
                run.report("conformance.extension-context", at, url=structure.url)

        return check

    def _check_part(self, url: str, at: Location, run: Run) -> None:
        """Reports a relative URL that is not that of a part of the extension around it."""
        holder = holder_of(at, run)
        whole = holder.get("url") if isinstance(holder, dict) else None
        if at[0] is None or at[0][1] not in ("extension", "modifierExtension"):
            run.report("conformance.extension-url", at)
        elif isinstance(whole, str) and ":" in whole:
            parts = self._parts_of(whole)
            if parts is not None and url not in parts:
                run.report("conformance.extension-part", at)

    def _parts_of(self, url: str) -> frozenset[str] | None:
        """The URLs of the parts that an extension defines; None when it is not known or not told by URL."""
        tree = self._definitions.tree(url)
        node = tree.children.get("extension") if tree is not None else None
        urls = (
            [part.children["url"].element.fixed for part in node.slices.values() if "url" in part.children]
            if node
            else []
        )
        known = frozenset(text for text in urls if isinstance(text, str))
        return known or None

    def _unknown(self, url: str) -> str:
        allowed = url.startswith(self._prefixes)
        return "conformance.extension-unknown" if allowed else "conformance.extension-not-allowed"

    def _known(self, structure: Structure, url: str, modifier: bool, value: Any, at: Location, run: Run) -> None:
        if structure.type != "Extension":
            run.report("conformance.extension-not-one", at)
            return
        if structure.elements and structure.elements[0].is_modifier != modifier:
            run.report("conformance.extension-modifier", at)
        self._profile(url)(value, at, run)

    def _is_allowed(self, structure: Structure, at: Location, run: Run) -> bool:
        if not structure.contexts or any(kind == "fhirpath" for kind, _ in structure.contexts):
            return True  # what FHIRPath selects is asked of the resource itself
        path = ".".join(_steps(at[0], run))
        key = (structure.url, path)
        if key not in self._allowed:
            if len(self._allowed) >= CACHE_LIMIT:
                self._allowed.clear()
            places = set(self._places(path))
            corrected = any(place in places for place in CORRECTED_CONTEXTS.get(structure.url, ()))
            self._allowed[key] = corrected or any(
                _without_slice(expression) in places or (kind == "extension" and "Extension" in places)
                for kind, expression in structure.contexts
            )
        return self._allowed[key]

    def _places(self, path: str) -> Iterator[str]:
        """What a context may call the element at a path: its path in each type on the way, and its types."""
        first, *steps = path.split(".")
        yield from ("Element", *self._with_supertypes(first))
        current = [first]
        types = [first]
        for step in steps:
            current = [f"{name}.{step}" for name in (*current, *types)]
            elements = [element for element in map(self._definitions.element, current) if element is not None]
            references = (element.content_reference for element in elements if element.content_reference)
            current += [element.path for element in elements] + [text.rpartition("#")[2] for text in references]
            current = list(dict.fromkeys(current))
            types = [entry.code for element in elements for entry in element.types]
        yield from current
        for name in types if steps else ():
            yield from self._with_supertypes(name)

    def _with_supertypes(self, name: str) -> Iterator[str]:
        structure = self._definitions.structure(name)
        while structure is not None:
            yield structure.type
            structure = self._definitions.structure(structure.base) if structure.base else None


def _without_slice(expression: str) -> str:
    return expression.partition(":")[0]


def _steps(at: Location | None, run: Run) -> list[str]:
    """The steps from the nearest resource: `["Patient", "name", "family"]`, choices by their `value[x]` name."""
    steps: list[str] = []
    while at is not None:
        parent, name, _ = at
        if parent is None or name in ("resource", "contained"):
            steps.append(str(run.scope.resource.get("resourceType", name)))
            break
        stem, choice, _ = name.partition(".ofType(")
        steps.append(f"{stem}[x]" if choice else stem)
        at = parent
    return steps[::-1]
