"""One code of an expansion, with its display, designations, properties and marks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.core import Resource
from gateway.terminology.content import PREFERRED, PROPERTIES, Designation, Node, dicts, extension_value, value_of
from gateway.terminology.grammar import BCP_47
from gateway.terminology.languages import Languages
from gateway.terminology.membership import Member

BASE = "http://hl7.org/fhir/StructureDefinition/"
STANDARDS_STATUS = BASE + "structuredefinition-standards-status"

KEPT = frozenset(
    BASE + name
    for name in ("valueset-deprecated", "valueset-concept-definition", "rendering-style", "rendering-xhtml")
)
"""Extensions of a concept that an expansion repeats."""

KEPT_OF_DESIGNATION = frozenset({BASE + "coding-sctdescid", STANDARDS_STATUS})

FROM_EXTENSIONS = (
    ("label", "valueString", ("valueset-label", "codesystem-label"), "label"),
    ("order", "valueDecimal", ("valueset-conceptOrder", "codesystem-conceptOrder"), "order"),
    ("weight", "valueDecimal", ("itemWeight",), "itemWeight"),
)
"""Property, its value element, the extensions that it is made of (the first there wins), and its name as a URI."""


@dataclass(slots=True)
class Describer:
    """Describes members as a request wants them; `used_properties` collects code -> URI of what it wrote."""

    languages: Languages
    designations: bool
    wanted_designations: Sequence[str]
    properties: Sequence[str]
    used_properties: dict[str, str] = field(default_factory=dict)

    def texts(self, member: Member) -> Iterator[str]:
        """What a text filter looks in: the code and the displays of the wanted languages."""
        yield member.code
        shown = self._display(member)
        yield shown.value if shown else ""

    def contains(self, member: Member) -> Resource:
        """The `expansion.contains` element of a member, without those below it."""
        node: Resource = {}
        extensions = [*_kept(self._sources(member), KEPT)]
        if extensions:
            node["extension"] = extensions
        node["system"] = member.system
        content = member.content
        if content is not None and content.is_abstract(member.code):
            node["abstract"] = True
        if content is not None and content.is_inactive(member.code):
            node["inactive"] = True
        node["code"] = member.code
        shown = self._display(member)
        if shown is not None and shown.value:
            node["display"] = shown.value
        names = self._designations(member, shown)
        if names:
            node["designation"] = names
        properties = list(self._properties(member))
        if properties:
            node["property"] = properties
        return node

    def _sources(self, member: Member) -> list[Node]:
        """What says something of the member; the element of the ValueSet last."""
        nodes = member.content.nodes(member.code) if member.content is not None else []
        return [*nodes, member.listed]

    def _names(self, member: Member) -> list[Designation]:
        """The names that the ValueSet itself gives."""
        given = [Designation(member.listed["display"], "", {})] if "display" in member.listed else []
        listed = dicts(member.listed.get("designation"))
        return given + [Designation(str(node.get("value", "")), node.get("language", ""), node) for node in listed]

    def _display(self, member: Member) -> Designation | None:
        own = self._names(member)
        if member.content is not None:
            return member.content.display(member.code, self.languages, own)
        return own[0] if own else None

    def _designations(self, member: Member, shown: Designation | None) -> list[Resource]:
        if not self.designations and not self.wanted_designations:
            return []
        known = list(member.content.designations(member.code)) if member.content is not None else []
        own = [name for name in self._names(member) if not name.is_display]
        found: list[Resource] = []
        for name in (*known, *own):
            if name == shown or (name.is_display and shown is not None and shown.is_display):
                continue
            if self.wanted_designations and not any(_is_wanted(name, text) for text in self.wanted_designations):
                continue
            found.append(_designation(name))
        return found

    def _properties(self, member: Member) -> Iterator[Resource]:
        content = member.content
        if content is None:
            return
        sources = self._sources(member)
        for code, element, names, uri in FROM_EXTENSIONS:
            value = next(
                (
                    found
                    for name in names
                    for node in sources
                    if (found := extension_value(node, BASE + name)) is not None
                ),
                None,
            )
            if value is not None:
                yield self._property(code, PROPERTIES + uri, element, value)
        status = content.status(member.code) or ("inactive" if content.is_inactive(member.code) else "")
        if status:
            yield self._property("status", PROPERTIES + "status", "valueCode", status)
        if "definition" in self.properties:
            definition = next((node["definition"] for node in sources if "definition" in node), None)
            if definition is not None:
                yield self._property("definition", PROPERTIES + "definition", "valueString", definition)
        for entry in content.properties(member.code):
            if entry["code"] in self.properties and entry["code"] not in ("definition", "status"):
                element, value = value_of(entry)
                yield self._property(entry["code"], content.uris.get(entry["code"], ""), element, value)

    def _property(self, code: str, uri: str, element: str, value: Any) -> Resource:
        self.used_properties[code] = uri
        return {"code": code, element: value}


def _kept(nodes: Sequence[Node], urls: frozenset[str]) -> Iterator[Resource]:
    """The extensions of these URLs, a later node's instead of an earlier one's."""
    found: dict[str, Resource] = {}
    for node in nodes:
        for extension in dicts(node.get("extension")):
            if extension.get("url") in urls:
                found[extension["url"]] = dict(extension)
    yield from found.values()


def _designation(name: Designation) -> Resource:
    if name.is_display:
        made: Resource = {"language": name.language} if name.language else {}
        return made | {"use": PREFERRED, "value": name.value}
    entry: Resource = {}
    extensions = list(_kept([name.node], KEPT_OF_DESIGNATION))
    if extensions:
        entry["extension"] = extensions
    return entry | {part: name.node[part] for part in ("language", "use", "value") if part in name.node}


def _is_wanted(name: Designation, text: str) -> bool:
    """True for `urn:ietf:bcp:47|de` and a name in that language, or the system and code of the name's use."""
    system, _, code = text.rpartition("|")
    if system == BCP_47:
        return name.language.lower() == code.lower()
    use = PREFERRED if name.is_display else name.node.get("use", {})
    return use.get("code") == code and system in ("", use.get("system"))
