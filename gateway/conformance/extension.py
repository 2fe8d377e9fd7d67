"""Extensions: known or not, used where their definition allows it, modifiers only where modifiers go.

See https://hl7.org/fhir/R4/extensibility.html and https://hl7.org/fhir/R4/defining-extensions.html#context.
"""

from collections.abc import Callable, Iterator
from typing import Any, Literal

from gateway.conformance.run import Check, Location, Run
from gateway.definitions import Definitions, Element, Structure

CACHE_LIMIT = 4096

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

    def check(self, path: str, element: Element) -> Check:
        """The check of the extensions in `element` (`extension` or `modifierExtension`), whose path is `path`."""
        modifier = element.name == "modifierExtension"

        def check(value: Any, at: Location, run: Run) -> None:
            url = value.get("url") if isinstance(value, dict) else None
            if not isinstance(url, str):
                return
            structure = self._definitions.structure(url) if ":" in url else None
            if structure is None:
                if ":" in url or not path.startswith("Extension."):
                    run.report("conformance.modifier-unknown" if modifier else self._unknown(url), at)
                return
            self._known(structure, url, modifier, value, at, run)
            if not self._is_allowed(structure, at, run):
                run.report("conformance.extension-context", at, url=structure.url)

        return check

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
            return True
        path = ".".join(_steps(at[0], run))
        key = (structure.url, path)
        if key not in self._allowed:
            if len(self._allowed) >= CACHE_LIMIT:
                self._allowed.clear()
            places = set(self._places(path))
            self._allowed[key] = any(
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
