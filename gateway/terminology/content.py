"""All that a CodeSystem and its supplements say of each concept: displays, designations, properties, status.

`CodeSystem` answers whether a code is there; this answers what it is like. See
https://hl7.org/fhir/R4/codesystem.html and https://hl7.org/fhir/R4/codesystem-concept-properties.html.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gateway.core import Resource
from gateway.terminology.code_system import CodeSystem
from gateway.terminology.languages import Languages, speaks

PROPERTIES = "http://hl7.org/fhir/concept-properties#"
STANDARDS_STATUS = "http://hl7.org/fhir/StructureDefinition/structuredefinition-standards-status"
PREFERRED = {
    "system": "http://terminology.hl7.org/CodeSystem/hl7TermMaintInfra",
    "code": "preferredForLanguage",
    "display": "Preferred For Language",
}
WITHDRAWN = frozenset({"withdrawn", "deprecated"})

ANY_LANGUAGE = Languages()

Node = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Designation:
    """A name of a concept. `language` is "" when unknown; `node` is the element it was read from, empty for the
    concept's own display; `source` is the supplement that it comes from, or ""."""

    value: str
    language: str
    node: Node
    source: str = ""

    @property
    def is_display(self) -> bool:
        """True for the display of the concept itself."""
        return not self.node

    @property
    def withdrawn(self) -> bool:
        """True when the name is no longer a correct one."""
        return extension_value(self.node, STANDARDS_STATUS) in WITHDRAWN


def canonical_of(resource: Resource) -> str:
    """The `url|version` of a resource, or its `url` when it has no version; "" without url."""
    version = resource.get("version")
    return f"{resource.get('url', '')}|{version}" if version and resource.get("url") else str(resource.get("url", ""))


def value_of(node: Node) -> tuple[str, Any]:
    """The `value[x]` of an element: its name (`valueCode`) and value; ("", None) without one."""
    return next(((name, value) for name, value in node.items() if name.startswith("value")), ("", None))


def extension_value(node: Node, url: str) -> Any:
    """The value of the first extension with this URL; None without one."""
    for extension in node.get("extension", ()):
        if extension.get("url") == url:
            return value_of(extension)[1]
    return None


def dicts(nodes: Any) -> list[Node]:
    """The objects in a list; empty for anything that is no list."""
    return [node for node in nodes if isinstance(node, dict)] if isinstance(nodes, list) else []


class Content:
    """The concepts of one CodeSystem, supplements laid over them; `compiled` has the hierarchy and the filters."""

    def __init__(self, resource: Resource, supplements: Sequence[Resource] = ()) -> None:
        self.resource = resource
        self.supplements = tuple(supplements)
        self.compiled = CodeSystem(resource)
        self._known_as: dict[tuple[str, ...], set[str]] = {}
        self._nodes = {self.compiled.key(node["code"]): node for node in _walk(resource)}
        self._added = [{self.compiled.key(node["code"]): node for node in _walk(extra)} for extra in self.supplements]

    @property
    def url(self) -> str:
        """The URL of the code system."""
        return self.compiled.url

    @property
    def version(self) -> str:
        """The version of the code system, or ""."""
        return self.compiled.version

    @property
    def language(self) -> str:
        """The language of the displays, or ""."""
        return str(self.resource.get("language", ""))

    def node(self, code: str) -> Node | None:
        """The concept as the CodeSystem writes it; None when it has no such code."""
        return self._nodes.get(self.compiled.key(code))

    def nodes(self, code: str) -> list[Node]:
        """The concept and what the supplements say of it."""
        key = self.compiled.key(code)
        return [nodes[key] for nodes in (self._nodes, *self._added) if key in nodes]

    def designations(self, code: str) -> Iterator[Designation]:
        """The display, then the designations, then those of supplements."""
        key = self.compiled.key(code)
        sources = [(self._nodes, "", self.language)]
        sources += [
            (nodes, canonical_of(extra), str(extra.get("language", "")))
            for nodes, extra in zip(self._added, self.supplements, strict=True)
        ]
        for nodes, source, language in sources:
            node = nodes.get(key)
            if node is None:
                continue
            if not source and "display" in node:
                yield Designation(node["display"], language, {})
            for entry in dicts(node.get("designation")):
                if "value" in entry:
                    yield Designation(entry["value"], entry.get("language", ""), entry, source)

    def display(
        self, code: str, languages: Languages = ANY_LANGUAGE, extra: Sequence[Designation] = ()
    ) -> Designation | None:
        """The best name in the languages: in their order; without any the display, or the first of the names."""
        names = [*extra, *self.designations(code)]
        for wanted in languages.tags:
            for exact in (True, False):
                for name in names:
                    if name.language.lower() == wanted.lower() if exact else speaks(name.language, wanted):
                        return name
        if languages.only:
            return None
        return next((name for name in names if name.is_display), None)

    def properties(self, code: str) -> list[Node]:
        """The `property` elements of the concept, those of supplements included."""
        return [entry for node in self.nodes(code) for entry in dicts(node.get("property")) if "code" in entry]

    @cached_property
    def uris(self) -> Mapping[str, str]:
        """Code -> URI, or "", of the properties that the code system and its supplements declare."""
        declared = [entry for each in (self.resource, *self.supplements) for entry in dicts(each.get("property"))]
        return {str(entry.get("code", "")): str(entry.get("uri", "")) for entry in declared}

    def is_abstract(self, code: str) -> bool:
        """True when the concept only groups others and may not be chosen."""
        return self._stated(code, "notSelectable", "abstract") is True

    def is_inactive(self, code: str) -> bool:
        """True when the concept is no longer in use."""
        return self._stated(code, "inactive") is True or self._stated(code, "status") in ("retired", "inactive")

    def status(self, code: str) -> str:
        """The status that the concept states (`retired`, `deprecated`); "" without one."""
        stated = self._stated(code, "status")
        if isinstance(stated, str):
            return stated
        marks = (extension_value(node, STANDARDS_STATUS) for node in self.nodes(code))
        return next((mark for mark in marks if isinstance(mark, str)), "")

    def _stated(self, code: str, *names: str) -> Any:
        """The value of a well-known property, found by its URI or else by its code."""
        codes = self._known_as.get(names)
        if codes is None:
            wanted = {PROPERTIES + name for name in names}
            codes = {str(declared) for declared, uri in self.uris.items() if uri in wanted} | set(names)
            self._known_as[names] = codes
        return next((value_of(entry)[1] for entry in self.properties(code) if entry["code"] in codes), None)


def _walk(resource: Resource) -> Iterator[Node]:
    """Every concept in the order of the resource."""
    open_nodes = dicts(resource.get("concept"))[::-1]
    while open_nodes:
        node = open_nodes.pop()
        if isinstance(node.get("code"), str):
            yield node
        open_nodes.extend(dicts(node.get("concept"))[::-1])
