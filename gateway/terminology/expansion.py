"""$expand as a pure function: a ValueSet with its codes. https://hl7.org/fhir/R4/valueset-operation-expand.html"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.core import Resource
from gateway.core.errors import Unprocessable
from gateway.core.issues import issue
from gateway.terminology.catalog import Catalog
from gateway.terminology.contains import Describer
from gateway.terminology.content import dicts, extension_value
from gateway.terminology.languages import Languages
from gateway.terminology.membership import Key, Member, Membership, Versions

EXPANSION_PARAMETER = "http://hl7.org/fhir/StructureDefinition/valueset-expansion-parameter"
UNPAGED_LIMIT = 10_000
"""How many codes are given at once to a caller who did not ask for a page."""

KEPT = (
    *("url", "identifier", "version", "name", "title", "status", "experimental", "date", "publisher", "contact"),
    *("description", "useContext", "jurisdiction", "purpose", "copyright", "immutable", "language"),
)
"""What of the definition an expansion repeats."""

OF_DEFINITION = ("extension", "compose")
"""What it repeats besides when the definition is asked for."""


@dataclass(frozen=True, slots=True)
class ExpandRequest:
    """What $expand takes. `language` is the Accept-Language header; None means not given."""

    filter: str | None = None
    offset: int | None = None
    count: int | None = None
    active_only: bool | None = None
    exclude_nested: bool | None = None
    include_designations: bool | None = None
    include_definition: bool | None = None
    designations: Sequence[str] = ()
    properties: Sequence[str] = ()
    display_language: str | None = None
    language: str = ""
    supplements: Sequence[str] = ()
    exclude_not_selectable: bool | None = None
    exclude_systems: Sequence[str] = ()
    default_versions: Sequence[str] = ()
    check_versions: Sequence[str] = ()
    force_versions: Sequence[str] = ()

    @property
    def versions(self) -> Versions:
        """The versions of code systems that the request states as `url|version`."""
        texts = (self.default_versions, self.force_versions, self.check_versions)
        return Versions(*(dict(text.split("|", 1) for text in each if "|" in text) for each in texts))


def expand(
    catalog: Catalog, value_set: Resource, request: ExpandRequest, timestamp: str, identifier: str
) -> Resource:
    """The expanded ValueSet, made at `timestamp` with the URI `identifier`.

    Raises `NotFound` for what the definition refers to and is not here, `Unprocessable` for a definition that is
    circular, wrong or too costly, `BadRequest` for a language that is none.
    """
    membership = Membership(catalog, request.supplements, request.versions)
    membership.begin(value_set)
    languages = Languages.parse(wanted_languages(value_set, request.display_language, request.language))
    describer = Describer(languages, bool(request.include_designations), request.designations, request.properties)
    members = membership.members(value_set)
    chosen = _chosen(value_set, members, request, describer)
    page = _page(chosen, request)
    nodes = {key: describer.contains(member) for key, member in page.items()}
    paged = request.count is not None or request.offset is not None
    tree = list(nodes.values()) if request.exclude_nested or request.filter or paged else _nested(page, nodes)
    result = {"resourceType": "ValueSet"} | {name: value_set[name] for name in KEPT if name in value_set}
    for name in OF_DEFINITION if request.include_definition else ():
        if name in value_set:
            result[name] = value_set[name]
    expansion: Resource = {"identifier": identifier, "timestamp": timestamp, "total": len(chosen)}
    if request.offset is not None:
        expansion["offset"] = request.offset
    expansion["parameter"] = [*_asked(request, languages), *_used(membership)]
    if describer.used_properties:
        uris = describer.used_properties
        expansion["property"] = [{"code": code, "uri": uri} if uri else {"code": code} for code, uri in uris.items()]
    if tree:
        expansion["contains"] = tree
    return result | {"expansion": expansion}


def wanted_languages(value_set: Resource, display_language: str | None, header: str) -> str:
    """The parameter, or what the ValueSet itself asks for, or the header, or the ValueSet's language."""
    if display_language is not None:
        return display_language
    compose = value_set.get("compose")
    for extension in dicts(compose.get("extension")) if isinstance(compose, dict) else ():
        if extension.get("url") == EXPANSION_PARAMETER and extension_value(extension, "name") == "displayLanguage":
            return str(extension_value(extension, "value") or "")
    return header or str(value_set.get("language", ""))


def active_only(value_set: Resource) -> bool:
    """True when the definition leaves inactive codes out."""
    compose = value_set.get("compose")
    return isinstance(compose, dict) and compose.get("inactive") is False


def _chosen(
    value_set: Resource, members: Mapping[Key, Member], request: ExpandRequest, describer: Describer
) -> dict[Key, Member]:
    only_active = bool(request.active_only) or active_only(value_set)
    without_abstract = bool(request.exclude_not_selectable)
    left_out = {text.partition("|")[0] for text in request.exclude_systems}
    words = (request.filter or "").casefold().split()
    return {
        key: member
        for key, member in members.items()
        if not (only_active and member.content is not None and member.content.is_inactive(member.code))
        and not (without_abstract and member.content is not None and member.content.is_abstract(member.code))
        and member.system not in left_out
        and (not words or _matches(describer.texts(member), words))
    }


def _matches(texts: Iterable[str], words: Sequence[str]) -> bool:
    """True when one of the texts has every word."""
    return any(all(word in text for word in words) for text in map(str.casefold, texts))


def _page(chosen: dict[Key, Member], request: ExpandRequest) -> dict[Key, Member]:
    if request.count is None and len(chosen) > UNPAGED_LIMIT:
        raise Unprocessable(issue("terminology.too-costly", limit=UNPAGED_LIMIT))
    first = request.offset or 0
    last = len(chosen) if request.count is None else first + request.count
    return dict(list(chosen.items())[first:last])


def _nested(page: Mapping[Key, Member], nodes: Mapping[Key, Resource]) -> list[Resource]:
    """The nodes with those below them inside; a code that was listed one by one stays where it was listed."""
    top: list[Resource] = []
    for key, member in page.items():
        above = _above(member, page) if member.nests else None
        holder = nodes[above] if above is not None else None
        (top if holder is None else holder.setdefault("contains", [])).append(nodes[key])
    return top


def _above(member: Member, page: Mapping[Key, Member]) -> Key | None:
    """The nearest code above that is on the page, by the first parent of each; None at the top."""
    if member.content is None:
        return None
    seen = {member.code}
    concept = member.content.compiled.concept(member.code)
    while concept is not None and concept.parents:
        code = concept.parents[0]
        if code in seen:
            return None
        seen.add(code)
        if (member.system, code) in page and page[member.system, code].nests:
            return member.system, code
        concept = member.content.compiled.concept(code)
    return None


def _asked(request: ExpandRequest, languages: Languages) -> list[Resource]:
    given: list[tuple[str, str, Any]] = [
        ("filter", "valueString", request.filter),
        ("offset", "valueInteger", request.offset),
        ("count", "valueInteger", request.count),
        ("activeOnly", "valueBoolean", request.active_only),
        ("excludeNested", "valueBoolean", request.exclude_nested),
        ("includeDesignations", "valueBoolean", request.include_designations),
        ("includeDefinition", "valueBoolean", request.include_definition),
        ("excludeNotForUI", "valueBoolean", request.exclude_not_selectable),
        *(("designation", "valueString", text) for text in request.designations),
        *(("exclude-system", "valueUri", text) for text in request.exclude_systems),
        *(("system-version", "valueUri", text) for text in request.default_versions),
        *(("check-system-version", "valueUri", text) for text in request.check_versions),
        *(("force-system-version", "valueUri", text) for text in request.force_versions),
        ("displayLanguage", "valueCode", languages.text or None),
    ]
    return [{"name": name, kind: value} for name, kind, value in given if value is not None]


def _used(membership: Membership) -> list[Resource]:
    used = [
        *(("used-codesystem", name) for name in membership.used_systems),
        *(("used-valueset", name) for name in membership.used_value_sets),
        *(("used-supplement", name) for name in membership.used_supplements),
    ]
    return [{"name": name, "valueUri": uri} for name, uri in used]
